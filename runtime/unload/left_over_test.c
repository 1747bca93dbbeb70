/* SPDX-License-Identifier: MIT */
/* Who still uses a handle when its domain is unloaded: is woken, waited for, and else told of as left over. */
#include "domain/in_domain_test.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include <pthread.h>

TestSuite(left_over, .init = start_in_domain, .timeout = 60);

/* ---- users ------------------------------------------------------------------------------------------------------- */

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

Test(left_over, reports_who_holds_what_is_left)
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

Test(left_over, wakes_by_the_clock_and_not_when_others_release)
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

Test(left_over, waits_for_users_in_flight)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    pthread_t ender;
    (void)pthread_create(&ender, NULL, end_user_soon, NULL);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    (void)pthread_join(ender, NULL);
    cr_expect(sh_is_released(h));
}

Test(left_over, does_not_wait_for_the_callers_own_leases)
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

/* ---- who dies while it is woken ---------------------------------------------------------------------------------- */

static sh_handle *woken;

static bool is_leaked(const sh_handle *h)
{
    return (state_word_read(&h->state) & STATE_LEAKED) != 0;
}

/* Its user leaves, and the worker finds it dead and in use: the reference is the unload's own. */
static int die_while_woken(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    if (is_leaked(woken))
        return 0;
    end_user();
    cr_expect_eq(sh_host_drop(woken), SH_OK);
    while (!is_leaked(woken))
        platform_sleep_ms(1);
    return 0;
}

static int count_release(sh_raw raw, void *context)
{
    (void)raw;
    ++*(int *)context;
    return 0;
}

static const sh_kind dying_kind = {.name = "dying",
                                   .invalid_value = -1,
                                   .is_invalid = sh_invalid_minus_one,
                                   .release = count_release,
                                   .interrupt = die_while_woken};

Test(left_over, releases_what_died_while_it_was_woken)
{
    static int releases;
    sh_create_options options = {.context = &releases, .domain = domain};
    cr_assert_eq(sh_wrap(&dying_kind, 7, &options, &woken), SH_OK);
    begin_user(woken);
    cr_expect_eq(sh_domain_unload(domain, 20 * 1000, NULL), SH_OK);
    cr_expect_eq(releases, 1);
}

/* ---- when the time is over --------------------------------------------------------------------------------------- */

/* The latter: enough for a thread that does not get its processor at once. */
enum { SHORT_MS = 40, UNHURRIED_MS = 500 };

/* As sh_close_wait: nobody would see it through. */
Test(left_over, wakes_nobody_when_the_time_is_over)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    cr_expect_eq(sh_domain_unload(domain, 0, NULL), SH_E_TIMEOUT);
    cr_expect_eq(testing_interrupts(), 0);
    cr_expect_eq(sh_domain_unload(domain, UNHURRIED_MS, NULL), SH_E_TIMEOUT);
    cr_expect_gt(testing_interrupts(), 0);
    end_user();
}

static void *unload_too(void *out_status)
{
    *(sh_status *)out_status = sh_domain_unload(domain, -1, NULL);
    return NULL;
}

Test(left_over, two_at_once_both_see_the_end)
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

static sh_status unloaded_beside;
static sh_unload_report report_beside;

static void *unload_for_ever(void *unused)
{
    unloaded_beside = sh_domain_unload(domain, -1, &report_beside);
    return unused;
}

Test(left_over, ends_with_a_shutdown_that_leaves_something_over)
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

/* ---- without memory ---------------------------------------------------------------------------------------------- */

static void expect_counted_and_not_told(int64_t timeout_ms)
{
    sh_unload_report report;
    cr_expect_eq(sh_domain_unload(domain, timeout_ms, &report), SH_E_TIMEOUT);
    cr_expect_eq(report.left_over, 1);
    cr_expect_eq(report.left_over_count, 0);
    sh_unload_report_clear(&report);
}

Test(left_over, without_memory_what_is_left_is_counted_and_woken_all_the_same)
{
    sh_handle *h = make_in(domain, 7);
    begin_user(h);
    testing_from("platform.memory", 1, NULL, NULL);
    expect_counted_and_not_told(5);
    testing_from("gc.scanned", 1, NULL, NULL);
    expect_counted_and_not_told(30);
    testing_at_nothing();
    end_user();
    cr_expect(sh_is_released(h));
}

Test(left_over, without_memory_for_the_holders_the_handle_is_told)
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

/* ---- releases that do not come back ------------------------------------------------------------------------------ */

static platform_signal may_go_on;

static int hang_in_release(sh_raw raw, void *context)
{
    (void)context;
    if (raw == 13)
        (void)platform_signal_wait(&may_go_on, PLATFORM_FOREVER);
    return 0;
}

Test(left_over, a_hung_release_is_left_over_and_holds_nobody_up)
{
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
Test(left_over, what_a_hung_worker_has_not_begun_is_left_over_once)
{
    enum { FIRST = 10, HANDLES = 100 };
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

Test(left_over, a_release_that_falls_to_who_wakes_does_not_hold_it_up)
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
