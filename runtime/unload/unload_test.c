/* SPDX-License-Identifier: MIT */
/* An unload: what it refuses, what it runs and releases in which order, and what it leaves alone. */
#include "domain/in_domain_test.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include <pthread.h>

TestSuite(unload, .init = start_in_domain, .timeout = 60);

/* ---- refusing ---------------------------------------------------------------------------------------------------- */

Test(unload, nothing_new_afterwards)
{
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    sh_create_options options = {.domain = domain};
    sh_handle *h = NULL;
    cr_expect_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_E_CLOSED);
    cr_expect_eq(sh_domain_enter(domain), SH_E_CLOSED);
    cr_expect_eq(testing_released().count, 0, "the value is still the caller's");
}

Test(unload, who_is_inside_makes_nothing_more)
{
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    sh_handle *h = NULL;
    int object;
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED);
    cr_expect_eq(sh_finalizer_register(&object, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
}

static void unload_now(void *unused)
{
    (void)unused;
    testing_at_nothing();
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
}

Test(unload, a_handle_that_is_being_made_is_refused)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h = NULL;
    testing_at("handle.intern", 1, unload_now, NULL); /* admitted, and not made yet: no unload sees it */
    cr_expect_eq(sh_create(&testing_kind, &options, &h), SH_E_CLOSED);
    cr_expect_null(h);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(unload, a_handle_that_was_just_made_is_refused)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h = NULL;
    testing_at("handle.made", 1, unload_now, NULL);
    cr_expect_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_E_CLOSED);
    cr_expect_null(h);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(unload, a_finalizer_that_is_being_registered_is_refused)
{
    int object;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    testing_at("finalizer.admitted", 1, unload_now, NULL);
    cr_expect_eq(sh_finalizer_register(&object, ignore, NULL), SH_E_CLOSED);
    cr_expect_eq(sh_host_drop_object(&object), SH_E_ARGUMENT, "it was not registered");
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(unload, a_value_that_comes_too_late_is_released)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, &options, &h), SH_OK);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(sh_set_handle(h, 7), SH_E_CLOSED);
    cr_expect_eq(testing_released().last_raw, 7);
}

Test(unload, a_duplicate_is_of_the_same_domain)
{
    sh_handle *original, *copy;
    sh_create_options options = {.domain = domain};
    cr_assert_eq(sh_open_event(0, 0, &options, &original), SH_OK);
    cr_assert_eq(sh_duplicate(original, &copy), SH_OK);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect(sh_is_released(copy));
    cr_expect_eq(sh_duplicate(original, &copy), SH_E_CLOSED);
}

/* ---- the order --------------------------------------------------------------------------------------------------- */

static struct {
    sh_status lease_status;
    sh_status count_status;
    bool closed;
    pthread_t user;
    sh_status user_lease_status;
    sh_status user_count_status;
    int runs;
} seen;

static void try_both(sh_handle *h, sh_status *out_lease_status, sh_status *out_count_status)
{
    sh_lease lease;
    sh_raw raw;
    *out_lease_status = sh_lease_begin(&lease, h, &raw);
    if (*out_lease_status == SH_OK)
        sh_lease_end(&lease);
    bool success = false;
    *out_count_status = sh_dangerous_add_ref(h, &success);
    if (success)
        (void)sh_dangerous_release(h);
}

static void *use_elsewhere(void *h)
{
    try_both(h, &seen.user_lease_status, &seen.user_count_status);
    return NULL;
}

static void flush_through(void *object, void *data)
{
    (void)object;
    seen.runs++;
    (void)pthread_create(&seen.user, NULL, use_elsewhere, data);
    (void)pthread_join(seen.user, NULL);
    try_both(data, &seen.lease_status, &seen.count_status);
    seen.closed = sh_is_closed(data);
}

Test(unload, finalizers_run_first_and_may_still_use_the_handles_while_nobody_else_may)
{
    sh_handle *h = make_in(domain, 7);
    int object;
    register_in_domain(&object, flush_through, h);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(seen.runs, 1);
    cr_expect_eq(seen.lease_status, SH_OK);
    cr_expect_eq(seen.count_status, SH_OK);
    cr_expect_not(seen.closed);
    cr_expect_eq(seen.user_lease_status, SH_E_CLOSED);
    cr_expect_eq(seen.user_count_status, SH_E_CLOSED);
    cr_expect(sh_is_released(h));
    cr_expect_eq(use_elsewhere(h), NULL);
    cr_expect_eq(seen.user_lease_status, SH_E_CLOSED);
    cr_expect_eq(seen.user_count_status, SH_E_CLOSED);
}

Test(unload, a_closed_handle_is_closed_to_finalizers_too)
{
    sh_handle *h = make_in(domain, 7);
    cr_assert_eq(sh_close(h), SH_OK);
    int object;
    register_in_domain(&object, flush_through, h);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(seen.runs, 1);
    cr_expect_eq(seen.lease_status, SH_E_CLOSED);
    cr_expect_eq(seen.count_status, SH_E_CLOSED);
}

static void count_run(void *object, void *data)
{
    (void)object;
    (*(int *)data)++;
}

Test(unload, the_finalizers_of_others_do_not_run)
{
    int object_here, object_there, runs_here = 0, runs_there = 0;
    register_in_domain(&object_here, count_run, &runs_here);
    cr_assert_eq(sh_finalizer_register(&object_there, count_run, &runs_there), SH_OK);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(runs_here, 1);
    cr_expect_eq(runs_there, 0);
    cr_assert_eq(sh_host_drop_object(&object_there), SH_OK);
    testing_settle();
    cr_expect_eq(runs_there, 1);
}

/* What this thread reported in a collection that it has not ended is due for its own domain only. */
Test(unload, what_is_gathered_is_due)
{
    int object_here, object_there, runs_here = 0, runs_there = 0;
    register_in_domain(&object_here, count_run, &runs_here);
    cr_assert_eq(sh_finalizer_register(&object_there, count_run, &runs_there), SH_OK);
    sh_handle *h = make_in(domain, 7), *g = make_in(NULL, 8);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object_here), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object_there), SH_OK);
    cr_assert_eq(sh_host_drop(h), SH_OK);
    cr_assert_eq(sh_host_drop(g), SH_OK);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(runs_here, 1);
    cr_expect_eq(runs_there, 0);
    cr_expect_eq(testing_released().count, 1);
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    testing_settle();
    cr_expect_eq(runs_there, 1);
    cr_expect_eq(testing_released().count, 2);
}

static platform_signal may_go_on;

static void hang(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)platform_signal_wait(&may_go_on, PLATFORM_FOREVER);
}

static void expect_a_hung_finalizer_to_cost(int64_t least_ms)
{
    platform_signal_init(&may_go_on);
    sh_handle *h = make_in(domain, 7);
    int object;
    register_in_domain(&object, hang, NULL);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_domain_unload(domain, 2000, NULL), SH_OK);
    cr_expect_geq(platform_now_ms() - began, least_ms);
    cr_expect(sh_is_released(h));
    platform_signal_post(&may_go_on);
    testing_settle();
}

/* The usual one, which is shorter than the unload's time. */
Test(unload, a_hung_finalizer_costs_its_deadline)
{
    expect_a_hung_finalizer_to_cost(150);
}

Test(unload_in_a_hurry, a_hung_finalizer_costs_three_quarters_of_the_time, .timeout = 60)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = 60 * 1000};
    cr_assert_eq(sh_init(&options), SH_OK);
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
    expect_a_hung_finalizer_to_cost(1400);
}

Test(unload, counts_what_it_released)
{
    for (sh_raw raw = 1; raw <= 10; raw++)
        (void)make_in(domain, raw);
    sh_handle *closed = make_in(domain, 11), *unset;
    cr_assert_eq(sh_close(closed), SH_OK);
    sh_create_options options = {.domain = domain};
    cr_assert_eq(sh_create(&testing_kind, &options, &unset), SH_OK);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, -1, &report), SH_OK);
    cr_expect_eq(report.released, 10);
    cr_expect_eq(report.left_over, 0);
    cr_expect_null(report.left_overs);
    sh_unload_report_clear(&report);
    cr_expect_eq(sh_domain_unload(domain, -1, &report), SH_OK, "once more does nothing more");
    cr_expect_eq(report.released, 0);
    sh_unload_report_clear(NULL);
}

/* ---- our own threads --------------------------------------------------------------------------------------------- */

static sh_status asked_inside;

static int unload_inside(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    asked_inside = sh_domain_unload(domain, -1, NULL);
    return 0;
}

Test(unload, is_refused_on_our_own_threads)
{
    testing_on_release(unload_inside);
    (void)make_in(domain, 7);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(asked_inside, SH_E_UNSUPPORTED);
    testing_on_release(NULL);
}

/* ---- callbacks that end the thread ------------------------------------------------------------------------------- */

static int end_thread(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    pthread_exit(NULL);
}

static int release_nothing(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

static const sh_kind ending_kind = {
    .name = "ending", .invalid_value = -1, .release = release_nothing, .interrupt = end_thread};

enum { SHORT_MS = 40 };

static void *unload_and_end(void *unused)
{
    cr_assert_neq(sh_domain_unload(domain, SHORT_MS, NULL), SH_OK);
    cr_assert_fail("its interrupt ends the thread");
    return unused;
}

static void *shut_down_and_end(void *unused)
{
    cr_assert_neq(sh_shutdown(SHORT_MS), SH_OK);
    cr_assert_fail("its interrupt ends the thread");
    return unused;
}

static void make_one_that_ends_its_waiter(void)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    bool success = false;
    cr_assert_eq(sh_wrap(&ending_kind, 1, &options, &h), SH_OK);
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
}

static size_t released_before;

static void take_some_time(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)usleep(TESTING_DEADLINE_MS / 2 * 1000);
    released_before = testing_released().count;
}

Test(unload, a_thread_that_ends_in_it_leaves_nobody_in_a_hurry)
{
    make_one_that_ends_its_waiter();
    pthread_t thread;
    (void)pthread_create(&thread, NULL, unload_and_end, NULL);
    (void)pthread_join(thread, NULL);
    int object;
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, take_some_time, NULL), SH_OK);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop(h), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object), SH_OK);
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    testing_settle();
    cr_expect_eq(released_before, 0, "the usual deadline holds");
    cr_expect_eq(testing_released().count, 1);
}

Test(unload, a_thread_that_ends_in_a_shutdown_has_shut_down)
{
    make_one_that_ends_its_waiter();
    pthread_t thread;
    (void)pthread_create(&thread, NULL, shut_down_and_end, NULL);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(sh_thread_attach(), SH_E_CLOSED);
    cr_expect_eq(sh_init(NULL), SH_E_ARGUMENT, "it asks for another collector");
    sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    cr_expect_eq(sh_init(&options), SH_OK);
}

/* ---- beside the root --------------------------------------------------------------------------------------------- */

Test(unload, a_shutdown_unloads_every_domain)
{
    sh_handle *h = make_in(domain, 7);
    int object, runs = 0;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, count_run, &runs), SH_OK);
    cr_assert_eq(sh_shutdown(-1), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_eq(runs, 1);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_E_CLOSED);
    cr_expect_eq(sh_domain_create("late", &domain), SH_E_CLOSED);
    cr_expect_eq(sh_domain_enter(domain), SH_E_CLOSED);
    testing_start_manual();
    cr_expect_eq(sh_domain_enter(domain), SH_E_CLOSED, "an unloaded one stays unloaded");
    cr_expect_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    (void)make_in(NULL, 8);
}

/* Cost in proportion to the domain: counted in steps, which a busy machine cannot disturb. */
Test(unload, does_not_look_at_the_handles_of_others)
{
    enum { DOMAINS = 1000, HANDLES = 20 };
    static sh_domain *domains[DOMAINS];
    for (int d = 0; d < DOMAINS; d++) {
        cr_assert_eq(sh_domain_create("one of many", &domains[d]), SH_OK);
        for (int i = 1; i <= HANDLES; i++)
            (void)make_in(domains[d], d * HANDLES + i);
    }
    testing_from("core.flag", 1, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domains[500], -1, NULL), SH_OK);
    cr_expect_eq(testing_reached(), HANDLES, "one step to refuse the users of each");
    testing_from("finalization.critical", 1, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domains[501], -1, NULL), SH_OK);
    cr_expect_eq(testing_reached(), HANDLES);
    testing_at_nothing();
    cr_expect_eq(testing_released().count, 2 * HANDLES);
}

#ifdef SH_HAVE_BOEHM

static void start_boehm(void)
{
    testing_start_boehm();
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
}

Test(unload_boehm, reachable_or_not, .init = start_boehm, .timeout = 60)
{
    const sh_handle *reachable = make_in(domain, 7);
    const sh_handle *other = make_in(NULL, 9);
    (void)make_in(domain, 8);
    void *object = gc->scanned_allocate(32), *elsewhere = gc->scanned_allocate(32);
    int runs = 0, runs_elsewhere = 0;
    cr_assert_eq(sh_finalizer_register(elsewhere, count_run, &runs_elsewhere), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(object, count_run, &runs), SH_OK);
    cr_assert_eq(sh_finalizer_register(object, count_run, &runs), SH_OK);
    (void)sh_domain_leave(domain);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, -1, &report), SH_OK);
    cr_expect_eq(report.released, 2);
    cr_expect(sh_is_released(reachable));
    cr_expect_not(sh_is_closed(other));
    cr_expect_eq(runs, 2);
    cr_expect_eq(runs_elsewhere, 0);
    sh_collect();
    testing_settle();
    cr_expect_eq(testing_released().count, 2, "and nothing twice");
    cr_expect_eq(sh_shutdown(-1), SH_OK);
    cr_expect_eq(runs_elsewhere, 1);
    sh_keep_alive(object);
    sh_keep_alive(elsewhere);
}

#endif
