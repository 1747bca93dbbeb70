/* SPDX-License-Identifier: MIT */
/* Signatures: their text, what is refused and where, and the same from C. */
#include "ffi/descriptor.h"
#include "ffi/explain.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const sh_kind abstract_kind = {
    .name = "any-thing", .is_invalid = sh_invalid_zero, .release = NULL, .flags = SH_KIND_ABSTRACT};
static const sh_kind broken_kind = {.name = "broken", .is_invalid = sh_invalid_zero};
static const sh_kind *const kinds[] = {&testing_kind, &abstract_kind, &broken_kind};
enum { KINDS = sizeof kinds / sizeof *kinds };

static sh_call_descriptor *parse(const char *text)
{
    sh_call_error error;
    sh_call_descriptor *descriptor = NULL;
    sh_status status = sh_call_parse(text, kinds, KINDS, NULL, &descriptor, &error);
    cr_assert_eq(status, SH_OK, "%s: %s", text, status == SH_OK ? "" : error.message);
    return descriptor;
}

/* ---- what is read ------------------------------------------------------------------------------------------------ */

Test(parse, reads_what_the_header_shows)
{
    sh_call_descriptor *read =
        parse("isize read(file in, bytes out[n, return], usize n) fails negative blocking errno");
    const sh_signature *s = sh_call_signature(read);
    cr_expect_str_eq(s->name, "read");
    cr_expect_eq(s->result.type, SH_TYPE_ISIZE);
    cr_expect_eq(s->result.direction, SH_DIRECTION_RETURN);
    cr_expect_eq(s->failure, SH_FAILS_NEGATIVE);
    cr_expect_eq(s->flags, SH_CALL_BLOCKING | SH_CALL_SAVE_ERRNO);
    cr_assert_eq(s->parameter_count, 3);
    cr_expect_eq(s->parameters[0].kind, &sh_kind_file);
    cr_expect_null(s->parameters[0].name, "in is its direction");
    cr_expect_eq(s->parameters[1].direction, SH_DIRECTION_OUT);
    cr_expect_eq(s->parameters[1].length, 3);
    cr_expect_eq(s->parameters[1].filled, SH_FILLED_BY_RETURN);
    cr_expect_str_eq(s->parameters[2].name, "n");
    sh_call_descriptor_free(read);
}

Test(parse, takes_the_same_with_and_without_spaces)
{
    sh_call_descriptor *tight = parse("int f(thing:u32 consume a,bytes inout b[n,n],usize inout n)fails nonzero");
    sh_call_descriptor *wide =
        parse("\n int\tf ( thing : u32 consume a , bytes inout b [ n , n ] , usize inout n )\r\n "
              "fails   nonzero ");
    for (size_t i = 0; i < 3; i++) {
        const sh_parameter *a = &sh_call_signature(tight)->parameters[i];
        const sh_parameter *b = &sh_call_signature(wide)->parameters[i];
        cr_expect(a->type == b->type && a->kind == b->kind && a->direction == b->direction && a->length == b->length &&
                  a->filled == b->filled && strcmp(a->name, b->name) == 0);
    }
    cr_expect_eq(sh_call_signature(wide)->parameters[0].type, SH_TYPE_U32);
    cr_expect_eq(sh_call_signature(wide)->failure, SH_FAILS_NONZERO);
    sh_call_descriptor_free(tight);
    sh_call_descriptor_free(wide);
}

/* So that only a directions's own place makes it one. */
Test(parse, lets_a_parameter_be_named_like_a_word)
{
    sh_call_descriptor *d = parse("void f(int in in, bytes in out[blocking], usize blocking, int errno) errno");
    cr_expect_str_eq(sh_call_signature(d)->parameters[0].name, "in");
    cr_expect_str_eq(sh_call_signature(d)->parameters[1].name, "out");
    cr_expect_eq(sh_call_signature(d)->parameters[1].length, 3);
    cr_expect_eq(sh_call_signature(d)->flags, SH_CALL_SAVE_ERRNO);
    sh_call_descriptor_free(d);
}

Test(parse, prefers_the_programs_own_kind_of_a_name)
{
    static sh_kind own;
    own = sh_kind_fd;
    own.name = "file";
    const sh_kind *const mine[] = {NULL, &own};
    sh_call_descriptor *d;
    cr_assert_eq(sh_call_parse("void f(file, fd)", mine, 2, NULL, &d, NULL), SH_OK);
    cr_expect_eq(sh_call_signature(d)->parameters[0].kind, &own);
    cr_expect_eq(sh_call_signature(d)->parameters[1].kind, &sh_kind_fd);
    sh_call_descriptor_free(d);
}

Test(parse, knows_the_sizes)
{
    sh_call_descriptor *d =
        parse("f64 f(bool, i8, u16, i32, f32, long, pointer, string, fd, thing, {u8 a, f64 b, i16 c}, "
              "{u8, u8, u16}, bytes)");
    static const size_t sizes[] = {8, 1, 1, 2, 4, 4, sizeof(long), 8, 8, sizeof(int), 8, 24, 4, 8};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_eq(sh_call_size_bytes(d, i), sizes[i], "%zu: %zu", i, sh_call_size_bytes(d, i));
    cr_expect_eq(sh_call_size_bytes(d, 14), 0);
    cr_expect_eq(sh_call_size_bytes(NULL, 0), 0);
    sh_call_descriptor_free(d);
    d = parse("void f()");
    cr_expect_eq(sh_call_size_bytes(d, 0), 0);
    sh_call_descriptor_free(d);
}

Test(parse, knows_which_lengths_are_implied)
{
    sh_call_descriptor *d = parse("void f(bytes in a[n], usize n, bytes out b[m], usize m, bytes inout c[k], u32 k)");
    static const bool implied[] = {false, false, true, false, false, false, true, false};
    for (size_t i = 0; i < sizeof implied / sizeof *implied; i++)
        cr_expect_eq(sh_call_is_implied(d, i), implied[i], "%zu", i);
    cr_expect_not(sh_call_is_implied(NULL, 1));
    sh_call_descriptor_free(d);
}

/* ---- what is refused, and where ---------------------------------------------------------------------------------- */

typedef struct bad_text {
    const char *text;
    sh_status status;
    size_t offset;
    const char *message; /* its first line */
} bad_text;

#define NO_ARRAYS                                                                                                      \
    "Handles in an array cannot be leased for the call: nobody knows how many there are. Call the function once for "  \
    "each."
#define NO_FAILURE                                                                                                     \
    "The result cannot tell a failure like that: negative needs a signed number, errno a number, zero and nonzero a "  \
    "number or a pointer."
#define NO_RESULT                                                                                                      \
    "A function gives back nothing (void), a number, a pointer or a handle. A string that it gives back is a "         \
    "pointer: it does not say whose it is."
#define NO_STRUCT                                                                                                      \
    "A handle in a struct that is passed by value cannot be leased for the call. Pass the handle itself, or a "        \
    "pointer to memory that you fill in."

static const bad_text bad_texts[] = {
    {"", SH_E_ARGUMENT, 0, "A type or the kind of a handle is missing here."},
    {"   ", SH_E_ARGUMENT, 3, "A type or the kind of a handle is missing here."},
    {"int", SH_E_ARGUMENT, 3, "After the type of the result comes the name of the function."},
    {"int (", SH_E_ARGUMENT, 4, "After the type of the result comes the name of the function."},
    {"int f", SH_E_ARGUMENT, 5, "After the name of the function come its parameters, in parentheses."},
    {"int f[", SH_E_ARGUMENT, 5, "After the name of the function come its parameters, in parentheses."},
    {"int f(", SH_E_ARGUMENT, 6, "A type or the kind of a handle is missing here."},
    {"int f(int", SH_E_ARGUMENT, 9, "After a parameter comes a comma, or )."},
    {"int f(int,)", SH_E_ARGUMENT, 10, "A type or the kind of a handle is missing here."},
    {"int f(int a; int b)", SH_E_ARGUMENT, 11, "After a parameter comes a comma, or )."},
    {"isise f()", SH_E_ARGUMENT, 0, "There is no type or kind \"isise\". Did you mean isize?"},
    {"int f(fil a)", SH_E_ARGUMENT, 6, "There is no type or kind \"fil\". Did you mean file?"},
    {"int f(thinng a)", SH_E_ARGUMENT, 6, "There is no type or kind \"thinng\". Did you mean thing?"},
    {"int f(xylophone a)", SH_E_ARGUMENT, 6, "There is no type or kind \"xylophone\"."},
    {"int f(file ouut a)", SH_E_ARGUMENT, 11, "There is no direction \"ouut\". Did you mean out?"},
    {"int f(file:)", SH_E_ARGUMENT, 11, "After the colon comes the integer type by which the handle is passed."},
    {"int f(file:imt)", SH_E_ARGUMENT, 11, "There is no type \"imt\". Did you mean int?"},
    {"int f(file:f64)", SH_E_ARGUMENT, 6,
     "A handle is passed as a number: write an integer type after its kind, or none."},
    {"int f(int a, file b[a])", SH_E_UNSUPPORTED, 19, NO_ARRAYS},
    {"int f(int a, int b[a])", SH_E_ARGUMENT, 13, "Only bytes have a length."},
    {"int f({i32 x, file y} s)", SH_E_UNSUPPORTED, 6, NO_STRUCT},
    {"int f({i32 x, {i32 y}})", SH_E_ARGUMENT, 14,
     "A struct in a struct is not passed. Write its members here, where C puts them at the same places, or pass a "
     "pointer."},
    {"int f({})", SH_E_ARGUMENT, 7, "A type or the kind of a handle is missing here."},
    {"int f({i32 x; i32 y})", SH_E_ARGUMENT, 12, "After a member of a struct comes a comma, or }."},
    {"int f({string x})", SH_E_ARGUMENT, 6,
     "A member of a struct is a number or a pointer, without a direction and a length."},
    {"int f({i32 x} out)", SH_E_ARGUMENT, 6,
     "A struct goes in only. Where the callee writes one, declare a pointer, or bytes of its size."},
    {"int f(bytes b[)", SH_E_ARGUMENT, 14,
     "Between the brackets stands the name of the parameter that says how many bytes there are."},
    {"int f(bytes b[n)", SH_E_ARGUMENT, 15, "The bracket is not closed: write ]."},
    {"int f(bytes b[size], usize sise)", SH_E_ARGUMENT, 14, "There is no parameter \"size\". Did you mean sise?"},
    {"int f(bytes out b[n,], usize n)", SH_E_ARGUMENT, 20,
     "After the comma stands the name of the parameter that says how many bytes were written, or return."},
    {"int f(int x, bytes in b[n, n], usize n)", SH_E_ARGUMENT, 13,
     "Only bytes that come out, with a length, say how many of them were written."},
    {"int f(bytes out b[n, m], usize n, usize m)", SH_E_ARGUMENT, 6,
     "How many bytes were written is said by an integer parameter that comes out, or by an integer result."},
    {"void f(bytes out b[n, return], usize n)", SH_E_ARGUMENT, 7,
     "How many bytes were written is said by an integer parameter that comes out, or by an integer result."},
    {"int f(bytes b[n], f64 n)", SH_E_ARGUMENT, 6, "The length of bytes is an integer parameter that goes in."},
    {"int f(string out s)", SH_E_ARGUMENT, 6,
     "A string goes in only. Where the callee writes one, declare bytes with their length; where it gives one back, a "
     "pointer."},
    {"string f()", SH_E_ARGUMENT, 0, NO_RESULT},
    {"bytes f()", SH_E_ARGUMENT, 0, NO_RESULT},
    {"int f(int consume a)", SH_E_ARGUMENT, 6, "Only a handle can be consumed: name its kind."},
    {"int f(file consume a, file consume b)", SH_E_ARGUMENT, 22, "A call consumes at most one handle."},
    {"int f(void)", SH_E_ARGUMENT, 6, "A parameter has a type that is not void, or the kind of a handle."},
    {"int f(any-thing out a)", SH_E_KIND, 6,
     "The kind any-thing is abstract, so no handle can be made of what comes out. Name a kind that is derived from "
     "it."},
    {"any-thing f()", SH_E_KIND, 0,
     "The kind any-thing is abstract, so no handle can be made of what comes out. Name a kind that is derived from "
     "it."},
    {"broken f()", SH_E_KIND, 0, "The kind broken breaks its invariant (safehandle/kind.h), so no handle can be made."},
    {"int f(fd,fd,fd,fd,fd,fd,fd,fd,fd)", SH_E_OVERFLOW, 30,
     "A call has at most 8 handles, with the one that it gives back."},
    {"int f(u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8,u8)",
     SH_E_OVERFLOW, 102, "This is one parameter too many: a call has at most 32."},
    {"int f() bloking", SH_E_ARGUMENT, 8, "There is no word \"bloking\". Did you mean blocking?"},
    {"int f() ;", SH_E_ARGUMENT, 8, "After the parameters come only words: blocking, errno, fails."},
    {"int f() fails", SH_E_ARGUMENT, 13, "After fails comes negative, zero, nonzero or errno."},
    {"int f() fails negatve", SH_E_ARGUMENT, 14, "There is no failure \"negatve\". Did you mean negative?"},
    {"int f() fails zero fails negative", SH_E_ARGUMENT, 19, "How it fails was said before."},
    {"void f() fails zero", SH_E_ARGUMENT, 0, NO_FAILURE},
    {"uint f() fails negative", SH_E_ARGUMENT, 0, NO_FAILURE},
    {"file f() fails errno", SH_E_ARGUMENT, 0, NO_FAILURE},
};

static size_t first_line_length(const char *message)
{
    const char *end = strchr(message, '\n');
    return end == NULL ? strlen(message) : (size_t)(end - message);
}

Test(parse, points_at_the_character)
{
    for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
        const bad_text *bad = &bad_texts[i];
        sh_call_error error;
        sh_call_descriptor *untouched = NULL;
        cr_expect_eq(sh_call_parse(bad->text, kinds, KINDS, NULL, &untouched, &error), bad->status, "%s", bad->text);
        cr_expect_null(untouched);
        cr_expect_eq(error.offset, bad->offset, "%s: %zu", bad->text, error.offset);
        cr_expect(first_line_length(error.message) == strlen(bad->message) &&
                      strncmp(error.message, bad->message, strlen(bad->message)) == 0,
                  "%s: %s", bad->text, error.message);
        const char *caret = strrchr(error.message, '^');
        cr_assert_not_null(caret, "%s", bad->text);
        cr_expect_eq(caret[1], '\0');
        cr_expect_eq(sh_call_parse(bad->text, kinds, KINDS, NULL, &untouched, NULL), bad->status,
                     "nobody has to listen");
    }
}

Test(parse, shows_the_line_with_a_caret_below)
{
    sh_call_error error;
    sh_call_descriptor *unused;
    cr_expect_eq(sh_call_parse("int f(file a,\n      fil b)", NULL, 0, NULL, &unused, &error), SH_E_ARGUMENT);
    cr_expect_str_eq(error.message, "There is no type or kind \"fil\". Did you mean file?\n"
                                    "          fil b)\n"
                                    "          ^");
    cr_expect_eq(error.parameter, 2);
    cr_expect_eq(sh_call_parse("int f(int gr\303\266\303\237e, intt b)", NULL, 0, NULL, &unused, &error),
                 SH_E_ARGUMENT);
    cr_expect_str_eq(error.message,
                     "There is no type or kind \"intt\". Did you mean int?\n"
                     "    int f(int gr\303\266\303\237e, intt b)\n"
                     "                     ^",
                     "characters are counted, not bytes");
}

Test(parse, cuts_a_long_line_around_the_place)
{
    char text[1200] = "int f(";
    for (int i = 0; i < 20; i++)
        (void)strcat(text, "int a_parameter_with_a_long_name, ");
    size_t place = strlen(text);
    (void)strcat(text, "fille x, int and_another, int and_one_more, int and_the_last)");
    sh_call_error error;
    sh_call_descriptor *unused;
    cr_expect_eq(sh_call_parse(text, NULL, 0, NULL, &unused, &error), SH_E_ARGUMENT);
    cr_expect_eq(error.offset, place);
    const char *shown = strchr(error.message, '\n') + 1;
    const char *caret_line = strchr(shown, '\n') + 1;
    size_t column = (size_t)(strchr(caret_line, '^') - caret_line);
    cr_expect_eq(strncmp(shown + column, "fille", 5), 0, "%s", error.message);
}

Test(parse, refuses_what_is_no_text)
{
    sh_call_error error;
    sh_call_descriptor *unused;
    char *endless = malloc(5000);
    (void)memset(endless, ' ', 4999);
    endless[4999] = '\0';
    cr_expect_eq(sh_call_parse(NULL, NULL, 0, NULL, &unused, &error), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_parse("int f()", NULL, 1, NULL, &unused, &error), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_parse("int f()", NULL, 0, NULL, NULL, &error), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_parse(endless, NULL, 0, NULL, &unused, &error), SH_E_ARGUMENT);
    cr_expect_str_eq(error.message, "There is no text, or more than 4096 bytes of it; or no kinds, or no place for the "
                                    "descriptor.");
    free(endless);
}

Test(parse, answers_when_memory_has_run_out)
{
    for (int nth = 1; nth <= 3; nth++) {
        sh_call_error error;
        sh_call_descriptor *untouched = NULL;
        testing_at("platform.memory", nth, NULL, NULL);
        sh_status status = sh_call_parse("int f(file)", NULL, 0, NULL, &untouched, &error);
        int reached = testing_reached();
        testing_at_nothing();
        if (reached < nth) {
            cr_expect_gt(nth, 2, "the text and the descriptor need memory");
            sh_call_descriptor_free(untouched);
            return;
        }
        cr_expect_eq(status, SH_E_NOMEM);
        cr_expect_null(untouched);
        cr_expect_str_eq(error.message, "Memory ran out. Nothing was changed.");
    }
}

/* ---- from C ------------------------------------------------------------------------------------------------------ */

static sh_status prepare(sh_signature signature, sh_call_error *error)
{
    sh_call_descriptor *made = NULL;
    sh_status status = sh_call_prepare(&signature, NULL, &made, error);
    cr_expect_eq(made != NULL, status == SH_OK);
    sh_call_descriptor_free(made);
    return status;
}

static sh_status prepare_one(sh_parameter parameter, sh_call_error *error)
{
    return prepare((sh_signature){.name = "f",
                                  .result = {.direction = SH_DIRECTION_RETURN, .type = SH_TYPE_INT},
                                  .parameters = &parameter,
                                  .parameter_count = 1},
                   error);
}

#define RESULT                                                                                                         \
    {                                                                                                                  \
        .direction = SH_DIRECTION_RETURN, .type = SH_TYPE_INT                                                          \
    }

Test(prepare, refuses_what_breaks_the_invariant)
{
    sh_call_error error;
    const sh_parameter file = {.kind = &sh_kind_file};
    cr_expect_eq(prepare((sh_signature){.result = RESULT}, &error), SH_E_ARGUMENT, "no name");
    cr_expect_eq(prepare((sh_signature){.name = "f", .result = RESULT, .parameter_count = 1}, &error), SH_E_ARGUMENT);
    cr_expect_eq(prepare((sh_signature){.name = "f", .result = {.type = SH_TYPE_INT}}, &error), SH_E_ARGUMENT);
    cr_expect_eq(prepare((sh_signature){.name = "f", .result = RESULT, .failure = SH_FAILS_ERRNO + 1}, &error),
                 SH_E_ARGUMENT);
    cr_expect_eq(prepare((sh_signature){.name = "f", .result = RESULT, .flags = 4}, &error), SH_E_UNSUPPORTED);
    cr_expect_str_eq(error.message, "The signature has flags that this library does not know.");
    cr_expect_eq(
        prepare((sh_signature){.name = "f", .result = RESULT, .parameters = &file, .parameter_count = 33}, &error),
        SH_E_OVERFLOW);
    cr_expect_eq(
        prepare((sh_signature){.name = "f", .result = RESULT, .parameters = &file, .parameter_count = 1}, NULL), SH_OK);
    sh_call_descriptor *unused;
    cr_expect_eq(sh_call_prepare(NULL, NULL, &unused, &error), SH_E_ARGUMENT);
    const sh_signature empty = {.name = "f", .result = RESULT};
    cr_expect_eq(sh_call_prepare(&empty, NULL, NULL, &error), SH_E_ARGUMENT);
    const sh_call_hooks half = {.leave = free};
    cr_expect_eq(sh_call_prepare(&empty, &half, &unused, &error), SH_E_ARGUMENT);
    cr_expect_str_eq(error.message, "Of the hooks, both or none are set.");
}

Test(prepare, refuses_handles_that_nobody_could_lease)
{
    sh_call_error error;
    const sh_parameter members[] = {{.type = SH_TYPE_I32}, {.kind = &sh_kind_file}};
    const sh_parameter nested[] = {{.type = SH_TYPE_STRUCT, .members = members, .member_count = 1}};
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_BYTES, .kind = &sh_kind_file}, &error), SH_E_UNSUPPORTED);
    cr_expect_eq(prepare_one((sh_parameter){.kind = &sh_kind_file, .length = 1}, &error), SH_E_UNSUPPORTED);
    cr_expect_eq(error.parameter, 1);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT, .members = members, .member_count = 2}, &error),
                 SH_E_UNSUPPORTED);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT, .members = members, .member_count = 1}, &error),
                 SH_OK);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT, .members = nested, .member_count = 1}, &error),
                 SH_E_ARGUMENT);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT, .members = members, .member_count = 65}, &error),
                 SH_E_OVERFLOW);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT}, &error), SH_E_ARGUMENT);
}

Test(prepare, refuses_types_that_are_none)
{
    sh_call_error error;
    const sh_kind nameless = {.invalid_value = 0};
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_STRUCT + 1}, &error), SH_E_ARGUMENT);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_INT, .direction = SH_DIRECTION_RETURN}, &error),
                 SH_E_ARGUMENT);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_BY_KIND}, &error), SH_E_ARGUMENT);
    cr_expect_eq(prepare_one((sh_parameter){.kind = &nameless}, &error), SH_E_KIND);
    cr_expect_eq(prepare_one((sh_parameter){.kind = &abstract_kind}, &error), SH_OK, "a handle of any kind goes in");
    cr_expect_eq(prepare_one((sh_parameter){.kind = &abstract_kind, .direction = SH_DIRECTION_INOUT}, &error),
                 SH_E_KIND);
    cr_expect_eq(prepare_one((sh_parameter){.type = SH_TYPE_BYTES, .length = 2}, &error), SH_E_ARGUMENT);
}

/* ---- any text ---------------------------------------------------------------------------------------------------- */

enum { RANDOM_TEXTS = 100000, MOST_PIECES = 24 };

static const char *const pieces[] = {"int",       "isize",  "file",     "thing",
                                     "bytes",     "usize",  "void",     "string",
                                     "any-thing", "f",      "read",     "n",
                                     "in",        "out",    "inout",    "consume",
                                     "fails",     "errno",  "zero",     "blocking",
                                     "(",         ")",      "[",        "]",
                                     "{",         "}",      ",",        ":",
                                     " ",         " ",      " ",        "\n",
                                     "\t",        "return", "negative", "_",
                                     "9",         "\377",   "\303",     "(file ",
                                     "i32 x",     "f64",    "int f(",   "bytes out b[n]",
                                     "usize n"};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void make_text(unsigned *seed, char *out_text)
{
    out_text[0] = '\0';
    unsigned count = next(seed) % MOST_PIECES;
    for (unsigned i = 0; i < count; i++)
        (void)strcat(out_text, pieces[next(seed) % (sizeof pieces / sizeof *pieces)]);
    if (next(seed) % 4 == 0 && out_text[0] != '\0') /* any byte */
        out_text[next(seed) % strlen(out_text)] = (char)(next(seed) % 255 + 1);
}

Test(parse, answers_every_text)
{
    unsigned seed = 6;
    size_t read = 0;
    char text[1024];
    for (int i = 0; i < RANDOM_TEXTS; i++) {
        make_text(&seed, text);
        sh_call_error error;
        sh_call_descriptor *d = NULL;
        sh_status status = sh_call_parse(text, kinds, KINDS, NULL, &d, &error);
        cr_assert_eq(d != NULL, status == SH_OK, "%s", text);
        if (status != SH_OK)
            cr_assert(error.offset <= strlen(text) && strlen(error.message) < sizeof error.message, "%s", text);
        read += status == SH_OK;
        sh_call_descriptor_free(d);
    }
    cr_expect_gt(read, 0, "some are right by chance");
}
