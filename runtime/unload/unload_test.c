/* SPDX-License-Identifier: MIT */
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <pthread.h>

static sh_domain *domain;

static void start(void)
{
    testing_start_manual();
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
}

TestSuite(unload, .init = start, .timeout = 60);

static sh_handle *make_in(sh_domain *in, sh_raw raw)
{
    sh_create_options options = {.domain = in};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, &options, &h), SH_OK);
    return h;
}

/* ---- making, entering, ending ------------------------------------------------------------------------------------ */

Test(unload, a_domain_has_its_name)
{
    cr_expect_str_eq(sh_domain_name(domain), "test");
    cr_expect_null(sh_domain_name(NULL));
    sh_domain *nameless;
    cr_assert_eq(sh_domain_create(NULL, &nameless), SH_OK);
    cr_expect_null(sh_domain_name(nameless));
    cr_expect_eq(sh_domain_create("x", NULL), SH_E_ARGUMENT);
}

Test(unload, what_is_no_domain_is_refused)
{
    const sh_domain *inside = (const sh_domain *)(const void *)((const char *)domain + 1);
    cr_expect_eq(sh_domain_enter(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_enter((sh_domain *)(uintptr_t)inside), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_leave(domain), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_unload(NULL, 0, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_destroy(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_enter(domain), SH_E_ARGUMENT);
    cr_expect_null(sh_domain_name(domain));
}

Test(unload, places_are_used_again)
{
    for (int i = 0; i < 200000; i++) {
        cr_assert_eq(sh_domain_destroy(domain), SH_OK);
        cr_assert_eq(sh_domain_create("again", &domain), SH_OK);
    }
    testing_at("domain.group", 1, NULL, NULL);
    sh_domain *another = NULL;
    cr_expect_eq(sh_domain_create("another", &another), SH_E_NOMEM);
    cr_expect_null(another);
    testing_at_nothing();
}

Test(unload, there_can_be_very_many)
{
    sh_domain *last = domain;
    size_t made = 1;
    while (sh_domain_create("one more", &last) == SH_OK)
        made++;
    cr_expect_gt(made, 65000);
    cr_assert_eq(sh_domain_destroy(last), SH_OK);
    cr_expect_eq(sh_domain_create("in its place", &last), SH_OK);
}

Test(unload, entering_nests)
{
    sh_domain *inner;
    cr_assert_eq(sh_domain_create("inner", &inner), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_domain_enter(inner), SH_OK);
    cr_expect_eq(sh_domain_leave(domain), SH_E_ARGUMENT, "not the innermost");
    const sh_handle *h = make_in(NULL, 7);
    cr_expect_eq(sh_domain_leave(inner), SH_OK);
    const sh_handle *g = make_in(NULL, 8);
    cr_expect_eq(sh_domain_leave(domain), SH_OK);
    const sh_handle *root = make_in(NULL, 9);
    cr_expect_eq(sh_domain_unload(inner, -1, NULL), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_not(sh_is_closed(g));
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect(sh_is_released(g));
    cr_expect_not(sh_is_closed(root));
}

Test(unload, entering_has_a_limit)
{
    for (int i = 0; i < 32; i++)
        cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_expect_eq(sh_domain_enter(domain), SH_E_OVERFLOW);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "a thread is in it");
    for (int i = 0; i < 32; i++)
        cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static void *enter_and_end(void *unused)
{
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    return unused;
}

Test(unload, a_threads_end_leaves)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, enter_and_end, NULL);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(unload, a_domain_with_an_open_handle_is_not_destroyed)
{
    sh_handle *h = make_in(domain, 7);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    (void)make_in(domain, 8);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static void ignore(void *object, void *data)
{
    (void)object;
    (void)data;
}

Test(unload, a_domain_with_a_finalizer_is_not_destroyed)
{
    int object;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, ignore, NULL), SH_OK);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "or it would belong to the next domain in this place");
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "the collection has not ended");
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static sh_status made_beside;

static void *make_beside(void *unused)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    made_beside = sh_create(&testing_kind, &options, &h);
    return unused;
}

static void begin_to_make(void *out_thread)
{
    testing_at_nothing();
    (void)pthread_create(out_thread, NULL, make_beside, NULL);
    (void)usleep(50 * 1000); /* into the middle of the destroy */
}

Test(unload, a_destroy_that_comes_to_nothing_refuses_nobody)
{
    (void)make_in(domain, 7);
    pthread_t maker;
    testing_at("domain.end", 1, begin_to_make, &maker);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    (void)pthread_join(maker, NULL);
    cr_expect_eq(made_beside, SH_OK);
}

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
    sh_handle *h;
    sh_status lease_status;
    sh_status count_status;
    bool closed;
    bool released;
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
    seen.h = data;
    (void)pthread_create(&seen.user, NULL, use_elsewhere, data);
    (void)pthread_join(seen.user, NULL);
    try_both(data, &seen.lease_status, &seen.count_status);
    seen.closed = sh_is_closed(data);
}

Test(unload, finalizers_run_first_and_may_still_use_the_handles_while_nobody_else_may)
{
    sh_handle *h = make_in(domain, 7);
    int object;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, flush_through, h), SH_OK);
    (void)sh_domain_leave(domain);
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
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, flush_through, h), SH_OK);
    (void)sh_domain_leave(domain);
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
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object_here, count_run, &runs_here), SH_OK);
    (void)sh_domain_leave(domain);
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
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object_here, count_run, &runs_here), SH_OK);
    (void)sh_domain_leave(domain);
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

static platform_signal hung, may_go_on;

static void hang(void *object, void *data)
{
    (void)object;
    (void)data;
    platform_signal_post(&hung);
    (void)platform_signal_wait(&may_go_on, PLATFORM_FOREVER);
}

Test(unload, a_hung_finalizer_costs_its_deadline)
{
    platform_signal_init(&hung);
    platform_signal_init(&may_go_on);
    sh_handle *h = make_in(domain, 7);
    int object;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, hang, NULL), SH_OK);
    (void)sh_domain_leave(domain);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_domain_unload(domain, 2000, NULL), SH_OK);
    cr_expect_geq(platform_now_ms() - began, 150, "the usual deadline, which is shorter");
    cr_expect(sh_is_released(h));
    platform_signal_post(&may_go_on);
    testing_settle();
}

Test(unload_in_a_hurry, a_hung_finalizer_costs_three_quarters_of_the_time, .timeout = 60)
{
    platform_signal_init(&hung);
    platform_signal_init(&may_go_on);
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = 60 * 1000};
    cr_assert_eq(sh_init(&options), SH_OK);
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
    sh_handle *h = make_in(domain, 7);
    int object;
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(&object, hang, NULL), SH_OK);
    (void)sh_domain_leave(domain);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_domain_unload(domain, 2000, NULL), SH_OK);
    cr_expect_geq(platform_now_ms() - began, 1400);
    cr_expect(sh_is_released(h));
    platform_signal_post(&may_go_on);
    cr_expect_eq(sh_wait_for_pending_finalizers(-1), SH_OK);
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

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

/* A thread that leases h until it is told to stop. */
static struct {
    pthread_t thread;
    platform_signal leased, stop;
    int lease_line;
} user;

static void *hold_lease(void *h)
{
    sh_lease lease;
    sh_raw raw;
    user.lease_line = __LINE__ + 1;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    platform_signal_post(&user.leased);
    (void)platform_signal_wait(&user.stop, PLATFORM_FOREVER);
    sh_lease_end(&lease);
    return NULL;
}

static void begin_user(sh_handle *h)
{
    platform_signal_init(&user.leased);
    platform_signal_init(&user.stop);
    (void)pthread_create(&user.thread, NULL, hold_lease, h);
    (void)platform_signal_wait(&user.leased, PLATFORM_FOREVER);
}

static void end_user(void)
{
    platform_signal_post(&user.stop);
    (void)pthread_join(user.thread, NULL);
}

Test(unload, reports_who_holds_what_is_left)
{
    int birth_line = __LINE__ + 3;
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    (void)make_in(domain, 8);
    begin_user(h);
    bool success = false;
    (void)sh_dangerous_add_ref(h, &success);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 20, &report), SH_E_TIMEOUT);
    cr_expect_eq(report.released, 1);
    cr_expect_eq(report.left_over, 1);
    cr_assert_eq(report.left_over_count, 1);
    const sh_left_over *left = &report.left_overs[0];
    cr_expect_eq(left->kind, &testing_kind);
    cr_expect_eq(left->raw, 7);
    cr_expect_str_eq(left->birth.file, __FILE__);
    cr_expect_eq(left->birth.line, birth_line);
    cr_expect_not(left->releasing);
    cr_expect_eq(left->counted_references, 1);
    cr_expect_eq(left->lease_count, 1);
    cr_assert_eq(left->holder_count, 1);
    cr_expect_neq(left->holders[0].thread_id, platform_thread_id());
    cr_expect_eq(left->holders[0].since.line, user.lease_line);
    sh_unload_report_clear(&report);
    cr_expect_null(report.left_overs);
    cr_expect_gt(testing_interrupts(), 0, "they were woken");
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    end_user();
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(testing_released().count, 2, "the last user released it");
    cr_expect_eq(sh_domain_unload(domain, 0, NULL), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static void *release_others(void *stop)
{
    while (atomic_word_load(stop) == 0)
        (void)sh_close(make_in(NULL, 9));
    return NULL;
}

Test(unload, wakes_by_the_clock_and_not_when_others_release)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    static atomic_word stop;
    pthread_t busy;
    (void)pthread_create(&busy, NULL, release_others, &stop);
    cr_expect_eq(sh_domain_unload(domain, 200, NULL), SH_E_TIMEOUT);
    atomic_word_store(&stop, 1);
    (void)pthread_join(busy, NULL);
    cr_expect_leq(testing_interrupts(), 150, "100 each millisecond, then 10: there were %zu", testing_interrupts());
    end_user();
}

static void *end_user_soon(void *unused)
{
    platform_sleep_ms(50);
    end_user();
    return unused;
}

Test(unload, waits_for_users_in_flight)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    pthread_t ender;
    (void)pthread_create(&ender, NULL, end_user_soon, NULL);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    (void)pthread_join(ender, NULL);
    cr_expect(sh_is_released(h));
}

Test(unload, does_not_wait_for_the_callers_own_leases)
{
    sh_handle *h = make_in(domain, 7);
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, -1, &report), SH_PENDING);
    cr_expect_eq(report.left_over, 1);
    sh_unload_report_clear(&report);
    sh_lease_end(&lease);
    cr_expect(sh_is_released(h));
}

enum { SHORT_MS = 40 };

/* As sh_close_wait: nobody would see it through. */
Test(unload, wakes_nobody_when_the_time_is_over)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    cr_expect_eq(sh_domain_unload(domain, 0, NULL), SH_E_TIMEOUT);
    cr_expect_eq(testing_interrupts(), 0);
    cr_expect_eq(sh_domain_unload(domain, SHORT_MS, NULL), SH_E_TIMEOUT);
    cr_expect_gt(testing_interrupts(), 0);
    end_user();
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

/* ---- beside a shutdown ------------------------------------------------------------------------------------------- */

static sh_status unloaded_beside;
static sh_unload_report report_beside;

static void *unload_for_ever(void *unused)
{
    unloaded_beside = sh_domain_unload(domain, -1, &report_beside);
    return unused;
}

Test(unload, ends_with_a_shutdown_that_leaves_something_over)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    pthread_t unloader;
    (void)pthread_create(&unloader, NULL, unload_for_ever, NULL);
    while (!sh_is_closed(h))
        (void)usleep(1000);
    cr_expect_eq(sh_shutdown(SHORT_MS), SH_E_TIMEOUT);
    (void)pthread_join(unloader, NULL);
    cr_expect_eq(unloaded_beside, SH_E_CLOSED);
    cr_expect_eq(report_beside.left_over, 1);
    sh_unload_report_clear(&report_beside);
    end_user();
    cr_expect(sh_is_released(h));
}

Test(unload, without_memory_what_is_left_is_counted_and_woken_all_the_same)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    testing_from("platform.memory", 1, NULL, NULL);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 5, &report), SH_E_TIMEOUT);
    cr_expect_eq(report.left_over, 1);
    cr_expect_eq(report.left_over_count, 0);
    sh_unload_report_clear(&report);
    testing_from("gc.scanned", 1, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domain, 30, &report), SH_E_TIMEOUT);
    cr_expect_eq(report.left_over, 1);
    cr_expect_eq(report.left_over_count, 0);
    testing_at_nothing();
    sh_unload_report_clear(&report);
    end_user();
    cr_expect(sh_is_released(h));
}

Test(unload, without_memory_for_the_holders_the_handle_is_told)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    testing_from("platform.memory", 2, NULL, NULL);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 5, &report), SH_E_TIMEOUT);
    testing_at_nothing();
    cr_assert_eq(report.left_over_count, 1);
    cr_expect_eq(report.left_overs[0].lease_count, 1);
    cr_expect_eq(report.left_overs[0].holder_count, 0);
    sh_unload_report_clear(&report);
    end_user();
}

static int hang_in_release(sh_raw raw, void *context)
{
    (void)context;
    if (raw == 13) {
        platform_signal_post(&hung);
        (void)platform_signal_wait(&may_go_on, PLATFORM_FOREVER);
    }
    return 0;
}

Test(unload, a_hung_release_is_left_over_and_holds_nobody_up)
{
    platform_signal_init(&hung);
    platform_signal_init(&may_go_on);
    for (sh_raw raw = 10; raw < 20; raw++)
        (void)make_in(domain, raw);
    testing_on_release(hang_in_release);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 600, &report), SH_E_TIMEOUT);
    cr_expect_eq(report.released, 9);
    cr_expect_eq(report.left_over, 1);
    cr_assert_eq(report.left_over_count, 1);
    cr_expect(report.left_overs[0].releasing);
    cr_expect_eq(report.left_overs[0].raw, 13);
    sh_unload_report_clear(&report);
    platform_signal_post(&may_go_on);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    testing_on_release(NULL);
}

/* No other worker can be had, so that the rest stays with the one that hangs. */
Test(unload, what_a_hung_worker_has_not_begun_is_left_over_once)
{
    enum { FIRST = 10, HANDLES = 100 };
    platform_signal_init(&hung);
    platform_signal_init(&may_go_on);
    for (sh_raw raw = FIRST; raw < FIRST + HANDLES; raw++)
        (void)make_in(domain, raw);
    testing_on_release(hang_in_release);
    testing_from("platform.thread", 1, NULL, NULL);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 600, &report), SH_E_TIMEOUT);
    testing_at_nothing();
    cr_expect_eq(report.released, 13 - FIRST);
    cr_expect_eq(report.left_over, HANDLES - (13 - FIRST));
    cr_assert_eq(report.left_over_count, report.left_over);
    unsigned told[FIRST + HANDLES] = {0};
    for (size_t i = 0; i < report.left_over_count; i++) {
        told[report.left_overs[i].raw]++;
        cr_expect_eq(report.left_overs[i].releasing, report.left_overs[i].raw == 13);
    }
    for (int raw = 13; raw < FIRST + HANDLES; raw++)
        cr_expect_eq(told[raw], 1, "handle %d", raw);
    sh_unload_report_clear(&report);
    platform_signal_post(&may_go_on);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    testing_on_release(NULL);
}

/* Its user leaves while it is being woken. */
static int leave_in_interrupt(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    end_user();
    return 0;
}

static pthread_t released_on;

static int release_slowly(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    released_on = pthread_self();
    (void)platform_signal_wait(&may_go_on, PLATFORM_FOREVER);
    return 0;
}

static const sh_kind left_in_interrupt = {
    .name = "left", .invalid_value = 0, .release = release_slowly, .interrupt = leave_in_interrupt};

Test(unload, a_release_that_falls_to_who_wakes_does_not_hold_it_up)
{
    platform_signal_init(&may_go_on);
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&left_in_interrupt, 7, &options, &h), SH_OK);
    begin_user(h);
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, 300, &report), SH_E_TIMEOUT);
    cr_assert_eq(report.left_over_count, 1);
    cr_expect(report.left_overs[0].releasing);
    sh_unload_report_clear(&report);
    platform_signal_post(&may_go_on);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_not(pthread_equal(released_on, pthread_self()));
}

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

static void *unload_too(void *out_status)
{
    *(sh_status *)out_status = sh_domain_unload(domain, -1, NULL);
    return NULL;
}

Test(unload, two_at_once_both_see_the_end)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    pthread_t other, ender;
    sh_status other_status;
    (void)pthread_create(&other, NULL, unload_too, &other_status);
    (void)pthread_create(&ender, NULL, end_user_soon, NULL);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    (void)pthread_join(other, NULL);
    (void)pthread_join(ender, NULL);
    cr_expect_eq(other_status, SH_OK);
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
