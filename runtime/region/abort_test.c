/* SPDX-License-Identifier: MIT */
/*
 * Aborts, cancels and takes the memory away at every step between open and store, the library's own checkpoints among
 * them: the harness is the torture's (stress/torture/class_region.c), here with few tries.
 *
 *     abort_test [manual] [full]
 */
#include "base/checkpoint.h"
#include "testing/tap.h"
#include <safehandle.h>
#include <string.h>
#include <torture/no_memory.h> /* of stress/, which is outside of the house */
#include <torture/torture.h>

/* ---- the harness ------------------------------------------------------------------------------------------------- */

extern const torture_class torture_region_abort;
extern const torture_class torture_region_cancel;
extern const torture_class torture_region_memory;

static torture_plan plan = {.quick = true};

static void run_class(const torture_class *of)
{
    torture_tally tally = {.tries = 0};
    of->run(&plan, &tally);
    (void)printf("# %s: %llu tries, %llu failures%s%s\n", of->name, (unsigned long long)tally.tries,
                 (unsigned long long)tally.failures, tally.failures > 0 ? ": " : "", tally.first_failure);
    CHECK(tally.failures == 0);
    CHECK(tally.tries > 1000);
}

static void no_abort_loses_a_descriptor(void)
{
    run_class(&torture_region_abort);
}

static void no_cancellation_loses_a_descriptor(void)
{
    run_class(&torture_region_cancel);
}

static void no_shortage_of_memory_loses_a_descriptor(void)
{
    run_class(&torture_region_memory);
}

/* ---- inside, nothing of ours allocates --------------------------------------------------------------------------- */

static bool has_no_memory(const char *name)
{
    static const char *const memory[] = {"gc.handle", "gc.scanned", "platform.pages", "platform.thread-end"};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (strcmp(name, memory[i]) == 0)
            return true;
    return false;
}

enum { HANDLES = 5, LEASES = 50 };

static sh_handle *handles[HANDLES];

static void use_what_was_announced(void)
{
    static int context;
    static sh_lease leases[LEASES];
    const sh_create_options options = {.context = &context};
    sh_raw raw;
    CHECK(sh_create(&sh_kind_event, &options, &handles[0]) == SH_OK);
    CHECK(sh_set_handle(handles[0], 900000) == SH_OK);
    CHECK(sh_open_pipe(0, NULL, &handles[1], &handles[2]) == SH_OK);
    CHECK(sh_duplicate(handles[1], &handles[3]) == SH_OK);
    CHECK(sh_open_event(0, 0, NULL, &handles[4]) == SH_OK);
    for (int i = 0; i < LEASES; i++)
        CHECK(sh_lease_begin(&leases[i], handles[4], &raw) == SH_OK);
    CHECK(sh_lease_detach(&leases[0]) == SH_OK);
    for (int i = 1; i < LEASES; i++)
        sh_lease_end(&leases[i]);
    CHECK(sh_close(handles[4]) == SH_PENDING);
    CHECK(sh_dangerous_release(handles[4]) == SH_OK);
    CHECK(sh_is_released(handles[4]));
    sh_set_handle_as_invalid(handles[0]);
    CHECK(sh_close(handles[1]) == SH_OK);
}

static void nothing_is_allocated_inside(void)
{
    sh_region region;
    const sh_reserve reserve = {.handle_count = HANDLES, .lease_count = LEASES};
    CHECK(sh_region_enter(&region, &reserve) == SH_OK);
    checkpoint_set_hook(has_no_memory);
    no_memory_begin();
    use_what_was_announced();
    CHECK(sh_region_leave(&region) == SH_OK);
    CHECK(no_memory_end() == 0);
    checkpoint_set_hook(NULL);
    CHECK(sh_close(handles[2]) == SH_OK);
    CHECK(sh_close(handles[3]) == SH_OK);
}

int main(int argc, char **argv)
{
    sh_options options = {.collector = SH_COLLECTOR_DEFAULT};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "manual") == 0)
            options.collector = SH_COLLECTOR_MANUAL;
        if (strcmp(argv[i], "full") == 0)
            plan.quick = false;
    }
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(nothing_is_allocated_inside);
    TAP_RUN(no_abort_loses_a_descriptor);
    TAP_RUN(no_cancellation_loses_a_descriptor);
    TAP_RUN(no_shortage_of_memory_loses_a_descriptor);
    return tap_end();
}
