/* SPDX-License-Identifier: MIT */
/*
 * instructions OPERATION COUNT: does it so many times, for tools/instructions.py, which counts the processor's
 * instructions in run_counted and below it. Without arguments: prints the operations, and what this program was made
 * with.
 */
#include "loop_bodies.h"
#include <errno.h>
#include <fcntl.h>
#include <gc/gc.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 300 };

static int release_nothing(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

static const sh_kind empty_kind = {
    .name = "empty",
    .invalid_value = 0,
    .is_invalid = sh_invalid_zero,
    .release = release_nothing,
};

static void wrap_and_close(const sh_kind *kind, sh_raw raw)
{
    sh_handle *h;
    if (sh_wrap(kind, raw, NULL, &h) != SH_OK || sh_close(h) != SH_OK)
        die("a handle could not be made and closed");
}

/* ---- the operations ---------------------------------------------------------------------------------------------- */

static void add_ref_release(long count, subject *s)
{
    add_ref_body(count, s);
}

static void lease(long count, subject *s)
{
    lease_body(count, s);
}

static void lease_nested(long count, subject *s)
{
    sh_lease outer;
    sh_raw raw;
    begin_lease(&outer, s->other, &raw);
    lease_body(count, s);
    sh_lease_end(&outer);
}

static void wrap_close(long count, subject *s)
{
    (void)s;
    for (long i = 0; i < count; i++)
        wrap_and_close(&empty_kind, 1);
}

static void open_wrap_close(long count, subject *s)
{
    (void)s;
    for (long i = 0; i < count; i++) {
        int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            die("/dev/null: %s", strerror(errno));
        wrap_and_close(&sh_kind_fd, descriptor);
    }
}

static const struct {
    const char *name;
    loop_body *run;
} operations[] = {
    {"add_ref_release", add_ref_release}, {"lease", lease}, {"lease_nested", lease_nested}, {"wrap_close", wrap_close},
    {"open_wrap_close", open_wrap_close},
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

/* Its name is how the count begins and ends. */
__attribute__((noinline)) void run_counted(loop_body *run, long count, subject *s);

void run_counted(loop_body *run, long count, subject *s)
{
    run(count, s);
    KEEP(s); /* or the call would be a jump, and the count would not end */
}

static int print_made_with(void)
{
    unsigned version = GC_get_version();
    (void)printf("{\"operations\": [");
    for (int i = 0; i < OPERATIONS; i++)
        (void)printf("%s\"%s\"", i > 0 ? ", " : "", operations[i].name);
    (void)printf("], \"made_with\": {\"compiler\": \"%s\", \"libgc\": \"%u.%u.%u\", \"libc\": \"%s\"}}\n", __VERSION__,
                 version >> 16, version >> 8 & 0xff, version & 0xff, gnu_get_libc_version());
    return fflush(stdout) == 0 ? EXIT_SUCCESS : DIE_STATUS;
}

static sh_handle *open_null(void)
{
    sh_handle *h;
    if (sh_open_file("/dev/null", O_RDONLY, 0, NULL, &h) != SH_OK)
        die("/dev/null could not be opened");
    return h;
}

/* Once before it counts, so that what happens only the first time is over. */
static int run_operation(const char *name, long count)
{
    if (sh_init(NULL) != SH_OK)
        die("the library does not start");
    subject s = {.handle = open_null(), .other = open_null()};
    for (int i = 0; i < OPERATIONS; i++)
        if (strcmp(operations[i].name, name) == 0) {
            operations[i].run(WARM_UP, &s);
            run_counted(operations[i].run, count, &s);
            return EXIT_SUCCESS;
        }
    die("there is no operation %s", name);
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return print_made_with();
    if (argc != 3)
        die("usage: instructions OPERATION COUNT");
    return run_operation(argv[1], strtol(argv[2], NULL, 10));
}
