/* SPDX-License-Identifier: MIT */
/* What was refused and why: a sentence about it, and one about what to do. */
#include "ffi/explain.h"
#include "ffi/descriptor.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void explain(sh_call_error *error, size_t parameter, const char *format, ...)
{
    if (error == NULL)
        return;
    error->parameter = parameter;
    error->offset = 0;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
}

/* ---- the place in a text ----------------------------------------------------------------------------------------- */

enum { SHOWN_BEFORE_BYTES = 50, SHOWN_BYTES = 78 };

static bool goes_on(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80; /* of a character in UTF-8, all bytes but the first */
}

static bool ends_line(char byte)
{
    return byte == '\0' || byte == '\n' || byte == '\r';
}

/* A window of the line, so that long ones fit. */
static const char *find_start(const char *text, size_t offset)
{
    const char *start = text + offset;
    while (start > text && !ends_line(start[-1]) && start > text + offset - SHOWN_BEFORE_BYTES)
        start--;
    while (start < text + offset && goes_on(*start))
        start++;
    return start;
}

static size_t find_length(const char *start)
{
    size_t length = 0;
    while (length < SHOWN_BYTES && !ends_line(start[length]))
        length++;
    while (length > 0 && !ends_line(start[length]) && goes_on(start[length]))
        length--;
    return length;
}

static size_t count_characters(const char *from, const char *to)
{
    size_t count = 0;
    for (; from < to; from++)
        count += !goes_on(*from);
    return count;
}

void explain_place(sh_call_error *error, const char *text, size_t offset)
{
    if (error == NULL)
        return;
    error->offset = offset;
    const char *start = find_start(text, offset);
    size_t used = strlen(error->message);
    (void)snprintf(error->message + used, sizeof error->message - used, "\n    %.*s\n    %*s^", (int)find_length(start),
                   start, (int)count_characters(start, text + offset), "");
}

/* ---- the nearest name -------------------------------------------------------------------------------------------- */

enum { LONGEST_COMPARED = 32 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* How many letters are to be put in, left out or changed (Levenshtein). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[LONGEST_COMPARED + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, changed);
        }
    }
    return row[b_length];
}

const char *explain_nearest(const char *word, size_t length, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t least = length / 3 + 2; /* further away it is another word */
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        if (length > LONGEST_COMPARED || name_length > LONGEST_COMPARED)
            continue;
        size_t away = distance(word, length, names[i], name_length);
        if (away < least && away < name_length) {
            least = away;
            nearest = names[i];
        }
    }
    return nearest;
}

/* ---- a refused call ---------------------------------------------------------------------------------------------- */

/* "read: parameter 1 (in)"; "accept4" for what it gives back. */
static void name_parameter(sh_call_error *error, const sh_signature *signature, size_t parameter)
{
    if (parameter == CALL_RESULT) {
        explain(error, 0, "%.60s", signature->name);
        return;
    }
    const char *name = signature->parameters[parameter].name;
    if (name == NULL)
        explain(error, parameter + 1, "%.60s: parameter %zu", signature->name, parameter + 1);
    else
        explain(error, parameter + 1, "%.60s: parameter %zu (%.40s)", signature->name, parameter + 1, name);
}

__attribute__((format(printf, 2, 3))) static void append(sh_call_error *error, const char *format, ...)
{
    size_t used = strlen(error->message);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->message + used, sizeof error->message - used, format, arguments);
    va_end(arguments);
}

/* The handle is there, and is not what it should be. */
static void explain_given(sh_call_error *error, const char *wanted, const sh_handle *h, sh_status status)
{
    switch (status) {
    case SH_E_ARGUMENT:
        append(error, " does not own its value, so it cannot give it away. Pass the handle that owns it.");
        break;
    case SH_E_CLOSED:
        append(error, " is closed. Pass an open handle of kind %.60s.", wanted);
        break;
    case SH_E_INVALID:
        append(error, " is unset: no value was stored in it. Pass an open handle of kind %.60s.", wanted);
        break;
    case SH_E_KIND:
        append(error, " is of kind %.60s, and kind %.60s is wanted.", sh_kind_of(h)->name, wanted);
        break;
    case SH_E_TIMEOUT:
        append(error, " is in use, so it cannot be given away: the callee would take it from under its users. End "
                      "their uses first; sh_holders says who they are.");
        break;
    case SH_E_UNSUPPORTED:
        append(error, " was leased by other threads, and the system has forbidden membarrier(2) since: nobody knows "
                      "whether they still use it, so it is closed and not given away.");
        break;
    default:
        append(error, ": %s", sh_status_message(status));
        break;
    }
}

void explain_refusal(sh_call_error *error, const sh_signature *signature, size_t parameter, const sh_handle *h,
                     sh_status status)
{
    if (error == NULL)
        return;
    const char *wanted = signature->parameters[parameter].kind->name;
    name_parameter(error, signature, parameter);
    if (h == NULL)
        append(error, " is null. Pass an open handle of kind %.60s.", wanted);
    else
        explain_given(error, wanted, h, status);
}

void explain_unmade(sh_call_error *error, const sh_signature *signature, size_t parameter, sh_status status)
{
    if (error == NULL)
        return;
    name_parameter(error, signature, parameter);
    append(error, ": no handle could be made for what comes out. %s", sh_status_message(status));
}
