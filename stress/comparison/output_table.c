/* SPDX-License-Identifier: MIT */
#include "../colour.h"
#include "../die.h"
#include "output.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 17, CELL_WIDTH = 15, TEXT_WIDTH = 100, SENTENCE_SIZE_BYTES = 1024 };

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void print_heading(void)
{
    colour_print_padded(COLOUR_BOLD, -NAME_WIDTH, "violations");
    for (int what = 0; what < ACCIDENTS; what++)
        colour_print_padded(COLOUR_BOLD, CELL_WIDTH, result_accidents[what]->name);
    (void)putchar('\n');
}

static void print_cell(const pair_result *pair)
{
    char text[64] = "-";
    if (pair->why == NULL)
        (void)snprintf(text, sizeof text, "%ld of %ld", pair->violations, pair->trials);
    colour_print_padded(pair->why != NULL      ? COLOUR_DIM
                        : pair->violations > 0 ? COLOUR_RED
                                               : COLOUR_GREEN,
                        CELL_WIDTH, text);
}

static void print_row(const result *r, int who)
{
    colour_print_padded(COLOUR_NONE, -NAME_WIDTH, result_approaches[who]->name);
    for (int what = 0; what < ACCIDENTS; what++)
        print_cell(&r->pairs[who][what]);
    (void)putchar('\n');
}

/* ---- the sentences ----------------------------------------------------------------------------------------------- */

typedef struct sentence {
    char text[SENTENCE_SIZE_BYTES];
    size_t length;
} sentence;

__attribute__((format(printf, 2, 3))) static void add(sentence *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(s->text + s->length, sizeof s->text - s->length, format, arguments);
    va_end(arguments);
    if (added < 0 || (size_t)added >= sizeof s->text - s->length)
        die("a sentence is too long");
    s->length += (size_t)added;
}

typedef bool pair_test(const pair_result *pair);

/* "intptr", "intptr and keepalive", "intptr, keepalive and handleref" */
static void add_names(sentence *s, const result *r, int what, pair_test *is_meant)
{
    int left = 0;
    for (int who = 0; who < APPROACHES; who++)
        left += is_meant(&r->pairs[who][what]);
    for (int who = 0; who < APPROACHES; who++) {
        if (!is_meant(&r->pairs[who][what]))
            continue;
        left--;
        add(s, "%s%s", result_approaches[who]->name, left > 1 ? ", " : left == 1 ? " and " : "");
    }
}

static bool is_any(const result *r, int what, pair_test *is_meant)
{
    for (int who = 0; who < APPROACHES; who++)
        if (is_meant(&r->pairs[who][what]))
            return true;
    return false;
}

static void add_sufferers(sentence *s, const result *r, int what)
{
    for (int who = 0; who < APPROACHES; who++) {
        const pair_result *pair = &r->pairs[who][what];
        if (pair_violated(pair))
            add(s, ", %ld of %ld times with %s", pair->violations, pair->trials, result_approaches[who]->name);
    }
}

static bool is_out(const pair_result *pair)
{
    return pair->why != NULL;
}

static void add_outsiders(sentence *s, const result *r, int what)
{
    const char *why = NULL;
    for (int who = 0; who < APPROACHES; who++)
        why = why == NULL ? r->pairs[who][what].why : why;
    if (why == NULL)
        return;
    add(s, "; it does not apply to ");
    add_names(s, r, what, is_out);
    add(s, ", where %s", why);
}

static void compose(sentence *s, const result *r, int what)
{
    add(s, "%s: %s", result_accidents[what]->name, result_accidents[what]->told);
    add_sufferers(s, r, what);
    if (is_any(r, what, pair_clean)) {
        add(s, "; never with ");
        add_names(s, r, what, pair_clean);
    }
    add_outsiders(s, r, what);
    add(s, ".");
}

/* Breaks the text between words. */
static void print_wrapped(const char *text)
{
    while (strlen(text) > TEXT_WIDTH) {
        int end = TEXT_WIDTH;
        while (end > 0 && text[end] != ' ')
            end--;
        (void)printf("%.*s\n  ", end, text);
        text += end + 1;
    }
    (void)puts(text);
}

void output_table(const result *r)
{
    print_heading();
    for (int who = 0; who < APPROACHES; who++)
        print_row(r, who);
    (void)putchar('\n');
    for (int what = 0; what < ACCIDENTS; what++) {
        sentence s = {.length = 0};
        compose(&s, r, what);
        print_wrapped(s.text);
    }
    if (fflush(stdout) != 0)
        die("stdout cannot be written");
}
