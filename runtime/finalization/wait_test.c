/* SPDX-License-Identifier: MIT */
/* Waiting for the lanes, and shutting them down. */
#include "finalization/deaths_test.h"
#include <pthread.h>

TestSuite(lanes, .init = testing_start_manual);

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* The worker waits inside a batch when the wait begins: it must look at what came since before it goes to sleep. */
Test(lanes, a_wait_that_begins_inside_a_batch)
{
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    own(0, hang);
    begin_collection();
    die(0);
    drop(make(7));
    end_collection();
    platform_sleep_ms(TESTING_DEADLINE_MS / 4); /* overtaken, and waited for by the next worker */
    platform_signal_post(&let_go);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_wait_for_pending_finalizers(10000), SH_OK);
    cr_expect_lt(platform_now_ms() - began, 5000);
    cr_expect_eq(history.count, 2);
}

Test(lanes, nothing_to_wait_for_takes_no_time)
{
    testing_settle();
    cr_expect_eq(sh_wait_for_pending_finalizers(0), SH_OK);
}

static void *wait_for_ever(void *out_status)
{
    *(sh_status *)out_status = sh_wait_for_pending_finalizers(-1);
    return NULL;
}

Test(lanes, a_wait_ends_with_the_lanes)
{
    platform_signal_init(&let_go);
    own(0, hang);
    die(0);
    pthread_t waiter;
    sh_status status = SH_OK;
    (void)pthread_create(&waiter, NULL, wait_for_ever, &status);
    platform_sleep_ms(20);
    cr_expect_eq(sh_shutdown(100), SH_OK, "there are no handles");
    (void)pthread_join(waiter, NULL);
    cr_expect_eq(status, SH_E_TIMEOUT);
    platform_signal_post(&let_go);
}

static sh_status status_in_callback;

static void wait_in_finalizer(void *object, void *data)
{
    (void)object;
    (void)data;
    status_in_callback = sh_wait_for_pending_finalizers(0);
}

static int wait_in_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    status_in_callback = sh_wait_for_pending_finalizers(0);
    cr_assert_eq(sh_shutdown(0), SH_E_UNSUPPORTED);
    return 0;
}

Test(lanes, waiting_is_refused_on_our_own_threads)
{
    own(0, wait_in_finalizer);
    die(0);
    testing_settle();
    cr_expect_eq(status_in_callback, SH_E_UNSUPPORTED);
    status_in_callback = SH_OK;
    testing_on_release(wait_in_release);
    drop(make(7));
    testing_settle();
    cr_expect_eq(status_in_callback, SH_E_UNSUPPORTED);
}

Test(unstarted_lanes, nothing_to_wait_for_before_the_start)
{
    cr_expect_eq(sh_wait_for_pending_finalizers(-1), SH_E_CLOSED);
    cr_expect_eq(sh_finalizer_register(&objects[0], record_normal, NULL), SH_E_CLOSED);
    sh_collect();
    sh_finalizer_suppress(&objects[0]);
}

/* ---- shutting down ----------------------------------------------------------------------------------------------- */

/* Shut down while a finalizer hangs: bounded, and the others are released. */
Test(lanes, shutdown_is_bounded)
{
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    own(0, hang);
    for (sh_raw raw = 1; raw <= 10; raw++)
        (void)make(raw);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_shutdown(3 * TESTING_DEADLINE_MS), SH_OK, "every handle is released");
    cr_expect_leq(platform_now_ms() - began, 3 * TESTING_DEADLINE_MS + 1500);
    cr_expect_eq(recorded('c'), 10);
    platform_signal_post(&let_go);
    wait_until_recorded('n', 1);
}

/* The release begins late, since a finalizer hangs, too: so it is not overdue yet when the time is over. */
Test(unstarted_lanes, a_shutdown_does_not_call_a_release_that_hangs_done)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = 60000};
    cr_assert_eq(sh_init(&options), SH_OK);
    testing_listen();
    platform_signal_init(&let_go);
    testing_on_release(hang_in_release);
    own(0, hang);
    sh_handle *hung = make(1);
    for (sh_raw raw = 2; raw <= 10; raw++)
        (void)make(raw);
    cr_expect_eq(sh_shutdown(2000), SH_E_TIMEOUT);
    cr_expect(!sh_is_released(hung));
    cr_expect_eq(recorded('c'), 9);
    cr_expect_eq(testing_events_heard(SH_EVENT_FINALIZER_OVERDUE), 2);
    platform_signal_post(&let_go);
    platform_signal_post(&let_go);
    wait_until_recorded('c', 10);
}

Test(unstarted_lanes, a_shutdown_that_is_shorter_than_the_deadline)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = 60000};
    cr_assert_eq(sh_init(&options), SH_OK);
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    own(0, hang);
    for (sh_raw raw = 1; raw <= 10; raw++)
        (void)make(raw);
    cr_expect_eq(sh_shutdown(2000), SH_OK);
    cr_expect_eq(recorded('c'), 10);
    platform_signal_post(&let_go);
    wait_until_recorded('n', 1);
}

Test(lanes, a_shutdown_without_time_closes_what_it_can)
{
    testing_on_release(record_critical);
    sh_handle *h = make(7);
    sh_status status = sh_shutdown(0);
    cr_expect(status == SH_OK || status == SH_E_TIMEOUT);
    for (int i = 0; i < 1000 && !sh_is_released(h); i++)
        platform_sleep_ms(1);
}

Test(lanes, shutdown_waits_for_every_finalizer_of_an_object)
{
    testing_on_release(record_critical);
    own(0, record_normal);
    own(0, take_its_time);
    (void)make(7);
    cr_expect_eq(sh_shutdown(10 * TESTING_DEADLINE_MS), SH_OK);
    cr_assert_eq(history.count, 3);
    cr_expect_eq(history.entries[2], 'c');
}
