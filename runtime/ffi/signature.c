/* SPDX-License-Identifier: MIT */
/* From a line of text to a signature. Here is what the text must be like; what it may mean is descriptor.c's. */
#include "ffi/descriptor.h"
#include "ffi/explain.h"
#include "platform/platform.h"
#include <string.h>

enum { MOST_TEXT_BYTES = 4096, MOST_MEMBERS = 128, MOST_SUGGESTED = 128 };

/* A word of the text; length_bytes 0: none. */
typedef struct word {
    size_t at;
    size_t length_bytes;
} word;

/* The names between the brackets of one parameter. */
typedef struct extent {
    word length;
    word filled;
} extent;

/*
 * How far it is read.
 * Invariant: at is at most the length of the text; names holds what is named so far, each ended by NUL: there is room,
 * since in the text each name is followed by at least one other character.
 */
typedef struct reader {
    const char *text;
    size_t at;
    const sh_kind *const *kinds;
    size_t kind_count;
    sh_call_error *error;
    sh_status refusal; /* what is answered when it is not read to its end */
    sh_signature signature;
    sh_parameter parameters[SH_CALL_PARAMETERS];
    extent extents[SH_CALL_PARAMETERS];
    size_t places[SH_CALL_PARAMETERS + 1]; /* where each begins; the result first */
    sh_parameter members[MOST_MEMBERS];
    size_t member_count;
    size_t names_bytes;
    char names[MOST_TEXT_BYTES + 1];
} reader;

/* ---- words ------------------------------------------------------------------------------------------------------- */

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool begins_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || (unsigned char)byte >= 0x80;
}

static bool is_of_word(char byte)
{
    return begins_word(byte) || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
}

static char look(reader *r)
{
    while (is_space(r->text[r->at]))
        r->at++;
    return r->text[r->at];
}

static bool take(reader *r, char wanted)
{
    if (look(r) != wanted)
        return false;
    r->at++;
    return true;
}

static word take_word(reader *r)
{
    word taken = {.at = r->at};
    if (!begins_word(look(r)))
        return taken;
    taken.at = r->at;
    while (is_of_word(r->text[r->at]))
        r->at++;
    taken.length_bytes = r->at - taken.at;
    return taken;
}

static bool is_word(const reader *r, word read, const char *wanted)
{
    return read.length_bytes > 0 && read.length_bytes == strlen(wanted) &&
           memcmp(r->text + read.at, wanted, read.length_bytes) == 0;
}

/* Its place in names, or count where it is none of them. */
static size_t find_word(const reader *r, word read, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_word(r, read, names[i]))
            return i;
    return count;
}

static const char *keep_name(reader *r, word read)
{
    if (read.length_bytes == 0)
        return NULL;
    char *name = r->names + r->names_bytes;
    memcpy(name, r->text + read.at, read.length_bytes);
    name[read.length_bytes] = '\0';
    r->names_bytes += read.length_bytes + 1;
    return name;
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

/* The number of the parameter that is being read; 0 before the first. */
static size_t number_of(const reader *r)
{
    return r->signature.parameter_count;
}

static bool fail_at(reader *r, size_t at, const char *what)
{
    explain(r->error, number_of(r), "%s", what);
    explain_place(r->error, r->text, at);
    return false;
}

static bool fail_here(reader *r, const char *what)
{
    (void)look(r);
    return fail_at(r, r->at, what);
}

enum { LONGEST_SHOWN_BYTES = 40 };

/* "There is no type "isise". Did you mean isize?" */
static bool fail_unknown(reader *r, word read, const char *what, const char *const *names, size_t count)
{
    const char *nearest = explain_nearest(r->text + read.at, read.length_bytes, names, count);
    int shown = read.length_bytes < LONGEST_SHOWN_BYTES ? (int)read.length_bytes : LONGEST_SHOWN_BYTES;
    explain(r->error, number_of(r), "There is no %s \"%.*s\".%s%.60s%s", what, shown, r->text + read.at,
            nearest == NULL ? "" : " Did you mean ", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
    explain_place(r->error, r->text, read.at);
    return false;
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [SH_TYPE_BY_KIND] = "",      [SH_TYPE_VOID] = "void",  [SH_TYPE_BOOL] = "bool",   [SH_TYPE_I8] = "i8",
    [SH_TYPE_U8] = "u8",         [SH_TYPE_I16] = "i16",    [SH_TYPE_U16] = "u16",     [SH_TYPE_I32] = "i32",
    [SH_TYPE_U32] = "u32",       [SH_TYPE_I64] = "i64",    [SH_TYPE_U64] = "u64",     [SH_TYPE_INT] = "int",
    [SH_TYPE_UINT] = "uint",     [SH_TYPE_LONG] = "long",  [SH_TYPE_ULONG] = "ulong", [SH_TYPE_ISIZE] = "isize",
    [SH_TYPE_USIZE] = "usize",   [SH_TYPE_F32] = "f32",    [SH_TYPE_F64] = "f64",     [SH_TYPE_POINTER] = "pointer",
    [SH_TYPE_STRING] = "string", [SH_TYPE_BYTES] = "bytes"};

enum { TYPE_COUNT = sizeof type_names / sizeof *type_names };

static const sh_kind *const kinds_of_ours[] = {&sh_kind_fd, &sh_kind_file, &sh_kind_socket, &sh_kind_pipe,
                                               &sh_kind_event};
enum { KINDS_OF_OURS = sizeof kinds_of_ours / sizeof *kinds_of_ours };

/* The program's come first, so that it may have its own of a name. NULL: it is not one of a name. */
static const sh_kind *kind_at(const reader *r, size_t i)
{
    const sh_kind *kind = i < r->kind_count ? r->kinds[i] : kinds_of_ours[i - r->kind_count];
    return kind != NULL && kind->name != NULL ? kind : NULL;
}

static const sh_kind *find_kind(const reader *r, word read)
{
    for (size_t i = 0; i < r->kind_count + KINDS_OF_OURS; i++) {
        const sh_kind *kind = kind_at(r, i);
        if (kind != NULL && is_word(r, read, kind->name))
            return kind;
    }
    return NULL;
}

static bool fail_unknown_type(reader *r, word read)
{
    const char *names[MOST_SUGGESTED];
    size_t count = 0;
    for (size_t i = SH_TYPE_VOID; i < TYPE_COUNT; i++)
        names[count++] = type_names[i];
    for (size_t i = 0; i < r->kind_count + KINDS_OF_OURS && count < MOST_SUGGESTED; i++)
        if (kind_at(r, i) != NULL)
            names[count++] = kind_at(r, i)->name;
    return fail_unknown(r, read, "type or kind", names, count);
}

/* The C type by which the handle is passed. */
static bool read_passed_type(reader *r, sh_parameter *out_parameter)
{
    if (!take(r, ':'))
        return true;
    word read = take_word(r);
    if (read.length_bytes == 0)
        return fail_here(r, "After the colon comes the integer type by which the handle is passed.");
    size_t type = find_word(r, read, type_names, TYPE_COUNT);
    if (type == TYPE_COUNT)
        return fail_unknown(r, read, "type", type_names, TYPE_COUNT);
    out_parameter->type = (sh_type)type;
    return true;
}

/* A type, or a kind with the type by which it is passed. */
static bool read_type(reader *r, sh_parameter *out_parameter)
{
    word read = take_word(r);
    if (read.length_bytes == 0)
        return fail_here(r, "A type or the kind of a handle is missing here.");
    size_t type = find_word(r, read, type_names, TYPE_COUNT);
    if (type != TYPE_COUNT) {
        out_parameter->type = (sh_type)type;
        return true;
    }
    out_parameter->kind = find_kind(r, read);
    return out_parameter->kind != NULL ? read_passed_type(r, out_parameter) : fail_unknown_type(r, read);
}

static bool read_member(reader *r)
{
    if (r->member_count == MOST_MEMBERS)
        return fail_here(r, "The structs of one signature have too many members.");
    sh_parameter *member = &r->members[r->member_count];
    if (look(r) == '{')
        return fail_here(r, "A struct in a struct is not passed. Write its members here, where C puts them at the same "
                            "places, or pass a pointer.");
    if (!read_type(r, member))
        return false;
    member->name = keep_name(r, take_word(r));
    r->member_count++;
    return true;
}

static bool read_struct(reader *r, sh_parameter *out_parameter)
{
    out_parameter->type = SH_TYPE_STRUCT;
    out_parameter->members = &r->members[r->member_count];
    do {
        if (!read_member(r))
            return false;
        out_parameter->member_count++;
    } while (take(r, ','));
    return take(r, '}') || fail_here(r, "After a member of a struct comes a comma, or }.");
}

/* ---- parameters -------------------------------------------------------------------------------------------------- */

static const char *const direction_names[] = {[SH_DIRECTION_IN] = "in",
                                              [SH_DIRECTION_OUT] = "out",
                                              [SH_DIRECTION_INOUT] = "inout",
                                              [SH_DIRECTION_CONSUME] = "consume"};
enum { DIRECTION_COUNT = sizeof direction_names / sizeof *direction_names };

static bool read_extent(reader *r, extent *out_extent)
{
    if (!take(r, '['))
        return true;
    if (r->parameters[number_of(r) - 1].kind != NULL) {
        r->refusal = SH_E_UNSUPPORTED;
        return fail_at(r, r->at - 1,
                       "Handles in an array cannot be leased for the call: nobody knows how many there are. Call the "
                       "function once for each.");
    }
    out_extent->length = take_word(r);
    if (out_extent->length.length_bytes == 0)
        return fail_here(r,
                         "Between the brackets stands the name of the parameter that says how many bytes there are.");
    if (take(r, ',')) {
        out_extent->filled = take_word(r);
        if (out_extent->filled.length_bytes == 0)
            return fail_here(r, "After the comma stands the name of the parameter that says how many bytes were "
                                "written, or return.");
    }
    return take(r, ']') || fail_here(r, "The bracket is not closed: write ].");
}

/* The direction may be left out, and so may the name. */
static bool read_words(reader *r, sh_parameter *out_parameter)
{
    word first = take_word(r);
    size_t direction = find_word(r, first, direction_names, DIRECTION_COUNT);
    if (direction != DIRECTION_COUNT)
        out_parameter->direction = (sh_direction)direction;
    word name = direction == DIRECTION_COUNT ? first : take_word(r);
    out_parameter->name = keep_name(r, name);
    if (direction == DIRECTION_COUNT && name.length_bytes > 0 && begins_word(look(r)))
        return fail_unknown(r, first, "direction", direction_names, DIRECTION_COUNT);
    return true;
}

static bool read_parameter(reader *r)
{
    (void)look(r);
    if (number_of(r) == SH_CALL_PARAMETERS) {
        r->refusal = SH_E_OVERFLOW;
        return fail_here(r, "This is one parameter too many: a call has at most 32.");
    }
    size_t i = r->signature.parameter_count++;
    r->places[i + 1] = r->at;
    sh_parameter *parameter = &r->parameters[i];
    bool type_read = take(r, '{') ? read_struct(r, parameter) : read_type(r, parameter);
    return type_read && read_words(r, parameter) && read_extent(r, &r->extents[i]);
}

static bool read_parameters(reader *r)
{
    if (!take(r, '('))
        return fail_here(r, "After the name of the function come its parameters, in parentheses.");
    if (take(r, ')'))
        return true;
    do {
        if (!read_parameter(r))
            return false;
    } while (take(r, ','));
    return take(r, ')') || fail_here(r, "After a parameter comes a comma, or ).");
}

/* ---- the names of lengths ---------------------------------------------------------------------------------------- */

static bool find_parameter(reader *r, word read, size_t *out_number)
{
    const char *names[SH_CALL_PARAMETERS];
    size_t count = 0;
    for (size_t i = 0; i < r->signature.parameter_count; i++) {
        const char *name = r->parameters[i].name;
        if (name == NULL)
            continue;
        if (is_word(r, read, name)) {
            *out_number = i + 1;
            return true;
        }
        names[count++] = name;
    }
    return fail_unknown(r, read, "parameter", names, count);
}

static bool find_lengths(reader *r)
{
    for (size_t i = 0; i < r->signature.parameter_count; i++) {
        const extent *named = &r->extents[i];
        sh_parameter *parameter = &r->parameters[i];
        if (named->length.length_bytes > 0 && !find_parameter(r, named->length, &parameter->length))
            return false;
        if (is_word(r, named->filled, "return"))
            parameter->filled = SH_FILLED_BY_RETURN;
        else if (named->filled.length_bytes > 0 && !find_parameter(r, named->filled, &parameter->filled))
            return false;
    }
    return true;
}

/* ---- the words at the end ---------------------------------------------------------------------------------------- */

static const char *const failure_names[] = {[SH_FAILS_NEVER] = "",
                                            [SH_FAILS_NEGATIVE] = "negative",
                                            [SH_FAILS_ZERO] = "zero",
                                            [SH_FAILS_NONZERO] = "nonzero",
                                            [SH_FAILS_ERRNO] = "errno"};
enum { FAILURE_COUNT = sizeof failure_names / sizeof *failure_names };

static bool read_failure(reader *r, word fails)
{
    word read = take_word(r);
    if (read.length_bytes == 0)
        return fail_here(r, "After fails comes negative, zero, nonzero or errno.");
    size_t failure = find_word(r, read, failure_names, FAILURE_COUNT);
    if (failure == FAILURE_COUNT)
        return fail_unknown(r, read, "failure", failure_names, FAILURE_COUNT);
    if (r->signature.failure != SH_FAILS_NEVER)
        return fail_at(r, fails.at, "How it fails was said before.");
    r->signature.failure = (sh_failure)failure;
    return true;
}

static bool read_ending(reader *r)
{
    static const char *const names[] = {"blocking", "errno", "fails"};
    static const uint32_t flags[] = {SH_CALL_BLOCKING, SH_CALL_SAVE_ERRNO};
    while (look(r) != '\0') {
        word read = take_word(r);
        if (read.length_bytes == 0)
            return fail_here(r, "After the parameters come only words: blocking, errno, fails.");
        size_t found = find_word(r, read, names, sizeof names / sizeof *names);
        if (found == sizeof names / sizeof *names)
            return fail_unknown(r, read, "word", names, found);
        if (found < sizeof flags / sizeof *flags)
            r->signature.flags |= flags[found];
        else if (!read_failure(r, read))
            return false;
    }
    return true;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool read_signature(reader *r)
{
    (void)look(r);
    r->places[0] = r->at;
    r->signature.result.direction = SH_DIRECTION_RETURN;
    if (!read_type(r, &r->signature.result))
        return false;
    word name = take_word(r);
    if (name.length_bytes == 0)
        return fail_here(r, "After the type of the result comes the name of the function.");
    r->signature.name = keep_name(r, name);
    r->signature.parameters = r->parameters;
    return read_parameters(r) && read_ending(r) && find_lengths(r);
}

static sh_status prepare(reader *r, const sh_call_hooks *hooks, sh_call_descriptor **out_descriptor)
{
    sh_status status = sh_call_prepare(&r->signature, hooks, out_descriptor, r->error);
    if (status != SH_OK && status != SH_E_NOMEM)
        explain_place(r->error, r->text, r->places[r->error->parameter]);
    return status;
}

sh_status sh_call_parse(const char *text, const sh_kind *const *kinds, size_t kind_count,
                        const sh_call_hooks *hooks_or_null, sh_call_descriptor **out_descriptor,
                        sh_call_error *out_error_or_null)
{
    sh_call_error unread;
    sh_call_error *error = out_error_or_null == NULL ? &unread : out_error_or_null;
    if (text == NULL || out_descriptor == NULL || (kinds == NULL && kind_count > 0) ||
        strnlen(text, MOST_TEXT_BYTES + 1) > MOST_TEXT_BYTES) {
        explain(error, 0, "There is no text, or more than %d bytes of it; or no kinds, or no place for the descriptor.",
                MOST_TEXT_BYTES);
        return SH_E_ARGUMENT;
    }
    reader *r = platform_memory_allocate(sizeof *r);
    if (r == NULL) {
        explain(error, 0, "Memory ran out. Nothing was changed.");
        return SH_E_NOMEM;
    }
    r->text = text;
    r->kinds = kinds;
    r->kind_count = kind_count;
    r->error = error;
    r->refusal = SH_E_ARGUMENT;
    sh_status status = read_signature(r) ? prepare(r, hooks_or_null, out_descriptor) : r->refusal;
    platform_memory_free(r);
    return status;
}
