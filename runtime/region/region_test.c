/* SPDX-License-Identifier: MIT */
/* Entering, leaving, nesting, aborts; what is deferred. Forks, crashes and jumps are in hostile_test.c. */
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include "thread/thread.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void enter(sh_region *region, sh_reserve reserve)
{
    cr_assert_eq(sh_region_enter(region, &reserve), SH_OK);
}

static void leave(sh_region *region)
{
    cr_assert_eq(sh_region_leave(region), SH_OK);
}

static bool cancellation_is_held(void)
{
    platform_cancel_token before = platform_cancel_hold();
    platform_cancel_restore(before);
    return before == PTHREAD_CANCEL_DISABLE;
}

static bool is_blocked(int signal)
{
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, signal) == 1;
}

TestSuite(region, .init = testing_start_manual);

/* ---- entering and leaving ---------------------------------------------------------------------------------------- */

Test(region, defers_cancellation_from_enter_to_leave)
{
    sh_region region;
    cr_expect_not(cancellation_is_held());
    cr_assert_eq(sh_region_enter(&region, NULL), SH_OK);
    cr_expect(cancellation_is_held());
    leave(&region);
    cr_expect_not(cancellation_is_held());
}

Test(region, leaves_cancellation_as_it_was)
{
    sh_region region = {.thread = NULL};
    platform_cancel_token before = platform_cancel_hold();
    enter(&region, (sh_reserve){.handle_count = 1});
    leave(&region);
    cr_expect(cancellation_is_held());
    platform_cancel_restore(before);
}

Test(region, nests)
{
    sh_region outer, inner;
    enter(&outer, (sh_reserve){.handle_count = 1, .lease_count = 2});
    enter(&inner, (sh_reserve){.handle_count = 1});
    cr_expect_eq(sh_region_leave(&outer), SH_E_ARGUMENT, "the inner one is open");
    leave(&inner);
    cr_expect(cancellation_is_held());
    cr_expect_eq(sh_region_leave(&inner), SH_E_ARGUMENT, "it was left");
    leave(&outer);
    cr_expect_not(cancellation_is_held());
}

Test(region, refuses_what_makes_no_sense)
{
    sh_region region = {.thread = NULL};
    cr_expect_eq(sh_region_enter(NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_region_leave(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_region_leave(&region), SH_E_ARGUMENT, "never entered");
    sh_region_end(NULL);
    sh_region_end(&region);
    cr_expect_eq(sh_region_enter(&region, &(sh_reserve){.function_count = 1}), SH_E_ARGUMENT);
    cr_expect_null(region.thread);
    cr_expect_not(cancellation_is_held());
}

typedef struct longer_reserve {
    sh_reserve known;
    long unknown;
} longer_reserve;

Test(region, a_reserve_may_be_older_or_newer_than_the_library)
{
    sh_region region;
    longer_reserve newer = {.known = {.handle_count = 1}};
    cr_assert_eq(sh_region_enter_at(&region, &newer.known, sizeof newer), SH_OK);
    leave(&region);
    newer.unknown = 1;
    cr_expect_eq(sh_region_enter_at(&region, &newer.known, sizeof newer), SH_E_UNSUPPORTED);
    cr_assert_eq(sh_region_enter_at(&region, &newer.known, sizeof(size_t)), SH_OK, "only the first field");
    leave(&region);
    cr_assert_eq((sh_region_enter)(&region, NULL), SH_OK);
    leave(&region);
}

Test(region, needs_the_runtime_to_enter_but_not_to_leave)
{
    sh_region open, refused;
    enter(&open, (sh_reserve){.handle_count = 1, .lease_count = 40});
    cr_assert_eq(sh_shutdown(10000), SH_OK);
    cr_expect_eq(sh_region_enter(&refused, NULL), SH_E_CLOSED);
    leave(&open);
    cr_expect_not(cancellation_is_held());
}

static void *leave_it(void *region)
{
    cr_expect_eq(sh_region_leave(region), SH_E_ARGUMENT, "not attached");
    cr_assert_eq(sh_thread_attach(), SH_OK);
    sh_region own;
    enter(&own, (sh_reserve){.handle_count = 0});
    cr_expect_eq(sh_region_leave(region), SH_E_ARGUMENT, "another thread's");
    sh_region_end(region);
    leave(&own);
    return NULL;
}

static void on_a_thread(void *(*run)(void *data), void *data)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run, data), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(region, belongs_to_its_thread)
{
    sh_region region;
    enter(&region, (sh_reserve){.handle_count = 0});
    on_a_thread(leave_it, &region);
    cr_expect_eq(sh_thread_detach(), SH_E_ARGUMENT, "a region is open");
    leave(&region);
}

Test(region, errno_is_the_same_before_and_after)
{
    sh_region region;
    sh_function function = {.name = "read"}, nobodys = {.name = "sh_nobody_has_this"};
    errno = 99;
    enter(&region, (sh_reserve){.handle_count = 2,
                                .lease_count = 40,
                                .stack_bytes = 4096,
                                .functions = &function,
                                .function_count = 1,
                                .block_signals = true});
    leave(&region);
    const sh_reserve refused = {.functions = &nobodys, .function_count = 1};
    cr_expect_eq(sh_region_enter(&region, &refused), SH_E_ARGUMENT);
    cr_expect_eq(sh_thread_abort(-1), SH_E_ARGUMENT);
    cr_expect_eq(sh_safepoint(), SH_OK);
    cr_expect_eq(errno, 99);
}

/* ---- what is announced is there ---------------------------------------------------------------------------------- */

Test(region, announced_handles_need_no_memory_inside)
{
    sh_region region;
    enter(&region, (sh_reserve){.handle_count = 2});
    testing_from("gc.handle", 1, NULL, NULL);
    sh_handle *first, *second, *third;
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &first), SH_OK);
    cr_expect_eq(sh_duplicate(first, &second), SH_OK);
    cr_expect_eq(sh_create(&testing_kind, NULL, &third), SH_E_NOMEM, "not announced");
    testing_at_nothing();
    cr_expect_eq(sh_create(&testing_kind, NULL, &third), SH_OK, "not announced, and there is memory");
    leave(&region);
    cr_expect_eq(sh_close(first), SH_OK);
    cr_expect_eq(sh_close(second), SH_OK);
}

Test(region, an_inner_region_adds_to_the_outer_ones)
{
    sh_region outer, inner;
    sh_handle *h[3];
    enter(&outer, (sh_reserve){.handle_count = 2});
    enter(&inner, (sh_reserve){.handle_count = 1});
    testing_from("gc.handle", 1, NULL, NULL);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(sh_create(&testing_kind, NULL, &h[i]), SH_OK);
    leave(&inner);
    cr_expect_eq(sh_create(&testing_kind, NULL, &h[2]), SH_OK);
    leave(&outer);
    cr_expect_eq(sh_create(&testing_kind, NULL, &h[2]), SH_E_NOMEM);
    testing_at_nothing();
}

enum { LEASES = 100 };

static void lease_all(sh_handle *h, size_t count, sh_lease *leases)
{
    sh_raw raw;
    testing_from("gc.scanned", 1, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(sh_lease_begin(&leases[i], h, &raw), SH_OK, "lease %zu", i);
    testing_at_nothing();
}

Test(region, announced_leases_need_no_memory_inside)
{
    static sh_lease leases[LEASES + 40];
    sh_handle *h;
    sh_region outer, inner;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    enter(&outer, (sh_reserve){.lease_count = LEASES});
    enter(&inner, (sh_reserve){.lease_count = 40});
    lease_all(h, 40, leases);
    leave(&inner);
    lease_all(h, LEASES, leases + 40);
    leave(&outer);
    for (size_t i = 0; i < LEASES + 40; i++)
        sh_lease_end(&leases[i]);
    cr_expect_eq(sh_close(h), SH_OK);
}

Test(region, a_duplicate_of_a_thread_with_many_leases_needs_no_memory)
{
    static sh_lease leases[SH_LEASE_SLOTS];
    sh_handle *h, *copy = NULL;
    sh_region region;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    lease_all(h, SH_LEASE_SLOTS, leases);
    enter(&region, (sh_reserve){.handle_count = 1});
    testing_from("gc.scanned", 1, NULL, NULL);
    cr_expect_eq(sh_duplicate(h, &copy), SH_OK);
    testing_at_nothing();
    leave(&region);
    for (size_t i = 0; i < SH_LEASE_SLOTS; i++)
        sh_lease_end(&leases[i]);
    cr_expect_eq(sh_close(copy), SH_OK);
}

Test(region, announced_functions_are_handed_back)
{
    sh_region region;
    sh_function functions[] = {{.name = "getpid"}, {.name = "close"}};
    enter(&region, (sh_reserve){.functions = functions, .function_count = 2});
    cr_expect_eq(((pid_t(*)(void))functions[0].address)(), getpid());
    cr_expect_eq(((int (*)(int))functions[1].address)(-1), -1);
    leave(&region);
}

Test(region, functions_are_handed_back_all_or_none)
{
    sh_region region = {.thread = NULL};
    sh_function functions[] = {{.name = "getpid"}, {.name = "sh_nobody_has_this"}};
    const sh_reserve reserve = {.handle_count = 1, .functions = functions, .function_count = 2};
    cr_expect_eq(sh_region_enter(&region, &reserve), SH_E_ARGUMENT);
    cr_expect_null(functions[0].address);
    functions[1].name = NULL;
    cr_expect_eq(sh_region_enter(&region, &reserve), SH_E_ARGUMENT);
    cr_expect_null(functions[0].address);
    cr_expect_null(region.thread);
    cr_expect_not(thread_is_constrained());
}

/* ---- what cannot be had is refused ------------------------------------------------------------------------------- */

static void expect_refused(sh_status status, const sh_reserve *reserve)
{
    sh_region region = {.thread = NULL};
    cr_expect_eq(sh_region_enter(&region, reserve), status);
    cr_expect_null(region.thread);
    cr_expect_not(thread_is_constrained());
    cr_expect_not(cancellation_is_held());
    cr_expect_not(is_blocked(SIGUSR1));
    enter(&region, (sh_reserve){.handle_count = 1});
    leave(&region);
}

Test(region, without_memory_it_is_not_entered)
{
    const sh_reserve reserve = {.handle_count = 2, .lease_count = 40, .block_signals = true};
    for (int nth = 1; nth <= 2; nth++) {
        testing_at("gc.scanned", nth, NULL, NULL); /* the leases, then the handles */
        expect_refused(SH_E_NOMEM, &reserve);
    }
    testing_at("gc.handle", 2, NULL, NULL);
    expect_refused(SH_E_NOMEM, &reserve);
    testing_at_nothing();
    expect_refused(SH_E_NOMEM, &(sh_reserve){.handle_count = SIZE_MAX});
    expect_refused(SH_E_NOMEM, &(sh_reserve){.lease_count = SIZE_MAX});
}

static void *enter_unattached(void *unused)
{
    testing_from("gc.scanned", 1, NULL, NULL);
    sh_region region;
    cr_expect_eq(sh_region_enter(&region, NULL), SH_E_NOMEM);
    testing_at_nothing();
    return unused;
}

Test(region, a_thread_that_cannot_be_attached_enters_none)
{
    on_a_thread(enter_unattached, NULL);
}

enum { THREAD_STACK_BYTES = 256 * 1024 };

static void *announce_stack(void *unused)
{
    sh_region region;
    enter(&region, (sh_reserve){.stack_bytes = THREAD_STACK_BYTES / 2});
    leave(&region);
    expect_refused(SH_E_NOMEM, &(sh_reserve){.stack_bytes = THREAD_STACK_BYTES});
    expect_refused(SH_E_NOMEM, &(sh_reserve){.stack_bytes = SIZE_MAX});
    return unused;
}

static void on_a_small_stack(void *(*run)(void *data))
{
    pthread_attr_t attributes;
    pthread_t thread;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    cr_assert_eq(pthread_create(&thread, &attributes, run, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

Test(region, a_stack_that_is_too_small_is_refused)
{
    on_a_small_stack(announce_stack);
}

Test(region, the_main_threads_stack_has_the_limit_of_the_system)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_STACK, &limit), 0);
    sh_region region;
    enter(&region, (sh_reserve){.stack_bytes = (size_t)1024 * 1024});
    leave(&region);
    if (limit.rlim_cur != RLIM_INFINITY)
        expect_refused(SH_E_NOMEM, &(sh_reserve){.stack_bytes = limit.rlim_cur});
}

static void *announce_stack_unseen(void *unused)
{
    sh_region region;
    testing_at("platform.stack", 1, NULL, NULL);
    cr_expect_eq(sh_region_enter(&region, &(sh_reserve){.stack_bytes = 1}), SH_E_SYSTEM);
    cr_expect_eq(errno, EIO);
    testing_at_nothing();
    return unused;
}

Test(region, a_stack_that_nobody_can_tell_of_is_refused)
{
    on_a_thread(announce_stack_unseen, NULL);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

Test(region, signals_are_blocked_on_request)
{
    sh_region plain, outer, inner;
    enter(&plain, (sh_reserve){.handle_count = 0});
    cr_expect_not(is_blocked(SIGUSR1));
    enter(&outer, (sh_reserve){.block_signals = true});
    cr_expect(is_blocked(SIGUSR1));
    cr_expect_not(is_blocked(SIGSEGV));
    enter(&inner, (sh_reserve){.block_signals = true});
    leave(&inner);
    cr_expect(is_blocked(SIGUSR1));
    leave(&outer);
    cr_expect_not(is_blocked(SIGUSR1));
    leave(&plain);
}

Test(region, what_was_blocked_before_stays_blocked)
{
    sigset_t mine;
    (void)sigemptyset(&mine);
    (void)sigaddset(&mine, SIGUSR2);
    (void)pthread_sigmask(SIG_BLOCK, &mine, NULL);
    sh_region region;
    enter(&region, (sh_reserve){.block_signals = true});
    leave(&region);
    cr_expect(is_blocked(SIGUSR2));
}

Test(region_on_boehm, the_collectors_signals_stay_open)
{
    testing_start_boehm();
    sh_region region;
    enter(&region, (sh_reserve){.block_signals = true});
    cr_expect(is_blocked(SIGUSR1));
    cr_expect_not(is_blocked(SIGPWR));
    cr_expect_not(is_blocked(SIGXCPU));
    leave(&region);
}

/* ---- aborts ------------------------------------------------------------------------------------------------------ */

Test(region, an_abort_is_told_once_at_a_safepoint)
{
    cr_expect_eq(sh_safepoint(), SH_OK);
    cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
    cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
    cr_expect_eq(sh_safepoint(), SH_E_ABORTED);
    cr_expect_eq(sh_safepoint(), SH_OK);
}

Test(region, an_abort_waits_for_the_outermost_leave)
{
    sh_region outer, inner;
    enter(&outer, (sh_reserve){.handle_count = 0});
    enter(&inner, (sh_reserve){.handle_count = 0});
    cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
    cr_expect_eq(sh_safepoint(), SH_OK, "it is not told inside");
    leave(&inner);
    cr_expect_eq(sh_safepoint(), SH_OK);
    cr_expect_eq(sh_region_leave(&outer), SH_E_ABORTED);
    cr_expect_eq(sh_safepoint(), SH_OK, "it was told");
    cr_expect_not(cancellation_is_held());
}

Test(region, an_abort_outlives_a_region_that_is_left_without_a_look)
{
    sh_region region;
    enter(&region, (sh_reserve){.handle_count = 0});
    cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
    sh_region_end(&region);
    cr_expect_eq(sh_safepoint(), SH_E_ABORTED);
}

static int64_t ours;

static int note_thread(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    ours = platform_thread_id();
    return 0;
}

static void *has_no_safepoint(void *out_status)
{
    *(sh_status *)out_status = sh_safepoint();
    return NULL;
}

Test(region, only_threads_that_can_be_aborted_are_asked)
{
    cr_expect_eq(sh_thread_abort(-1), SH_E_ARGUMENT);
    sh_handle *h;
    testing_on_release(note_thread);
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    cr_assert_eq(sh_host_drop(h), SH_OK);
    testing_settle();
    cr_expect_eq(sh_thread_abort(ours), SH_E_UNSUPPORTED);
    sh_status status = SH_E_ARGUMENT;
    on_a_thread(has_no_safepoint, &status);
    cr_expect_eq(status, SH_OK, "a thread that is not attached");
}

/* ---- the scope --------------------------------------------------------------------------------------------------- */

Test(region, the_scope_enters_and_leaves)
{
    sh_status status = SH_E_INVALID;
    bool inside = false;
    SH_CONSTRAINED (status) {
        inside = thread_is_constrained();
        cr_expect_eq(status, SH_OK);
    }
    cr_expect(inside);
    cr_expect_eq(status, SH_OK);
    cr_expect_not(thread_is_constrained());
}

Test(region, the_scope_tells_of_an_abort)
{
    sh_status status;
    SH_CONSTRAINED (status)
        cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
    cr_expect_eq(status, SH_E_ABORTED);
    SH_CONSTRAINED (status) {
        cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
        continue;
    }
    cr_expect_eq(status, SH_E_ABORTED);
    cr_expect_eq(sh_safepoint(), SH_OK);
}

Test(region, the_scope_keeps_the_status_of_its_block)
{
    sh_status status;
    SH_CONSTRAINED (status)
        status = SH_E_SYSTEM;
    cr_expect_eq(status, SH_E_SYSTEM);
}

Test(region, the_scope_is_skipped_when_refused)
{
    sh_status status;
    SH_CONSTRAINED_WITH (&(sh_reserve){.handle_count = SIZE_MAX}, status)
        cr_expect_fail("it was not entered");
    cr_expect_eq(status, SH_E_NOMEM);
}

static void return_from_inside(void)
{
    sh_status status;
    SH_CONSTRAINED (status) {
        cr_expect_eq(sh_thread_abort(platform_thread_id()), SH_OK);
        return;
    }
}

Test(region, every_way_out_of_the_scope_leaves)
{
    sh_status status;
    return_from_inside();
    cr_expect_not(thread_is_constrained());
    SH_CONSTRAINED (status)
        break;
    cr_expect_not(thread_is_constrained());
    SH_CONSTRAINED (status)
        goto out;
out:
    cr_expect_not(thread_is_constrained());
    cr_expect_eq(sh_safepoint(), SH_E_ABORTED, "still pending");
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int no_descriptors(void *out_calls, sh_raw *out_raw)
{
    *out_raw = -1;
    (*(int *)out_calls)++;
    return EMFILE;
}

Test(region, the_open_helpers_do_not_wait_for_a_collection)
{
    sh_handle *h;
    int calls = 0;
    sh_status status, opened = SH_OK;
    SH_CONSTRAINED (status)
        opened = sh_open_with(&sh_kind_file, no_descriptors, &calls, NULL, &h);
    cr_expect_eq(opened, SH_E_SYSTEM);
    cr_expect_eq(errno, EMFILE);
    cr_expect_eq(calls, 1);
    cr_expect_eq(sh_open_with(&sh_kind_file, no_descriptors, &calls, NULL, &h), SH_E_SYSTEM);
    cr_expect_eq(calls, 3, "outside it tries again");
}

/* ---- the end of a thread ----------------------------------------------------------------------------------------- */

static void *end_inside(void *out_region)
{
    enter(out_region, (sh_reserve){.handle_count = 3, .block_signals = true});
    return NULL;
}

static size_t watched;

static void count_watched(void *handle, void *unused)
{
    (void)handle;
    (void)unused;
    watched++;
}

Test(region, a_thread_that_ends_inside_gives_its_reserve_back)
{
    gc->visit_watched(GC_EVERY_GROUP, count_watched, NULL);
    size_t before = watched;
    sh_region region;
    on_a_thread(end_inside, &region);
    watched = 0;
    gc->visit_watched(GC_EVERY_GROUP, count_watched, NULL);
    cr_expect_eq(watched, before);
}
