/* SPDX-License-Identifier: MIT */
/* Callbacks that end the thread of the worker that calls them. */
#include "finalization/deaths_test.h"
#include <pthread.h>
#include <string.h>

TestSuite(lanes, .init = testing_start_manual);

/* A cancellation unwinds the stack without telling AddressSanitizer, which then takes what runs there next for a use of
 * what is gone. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define FORGET_STACK() __asan_handle_no_return()
#else
#define FORGET_STACK() (void)0
#endif

static void cancel_thread(void *object, void *data)
{
    (void)object;
    (void)data;
    record('n');
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    (void)pthread_cancel(pthread_self());
    FORGET_STACK();
    pthread_testcancel();
}

static void expect_thread_ended(sh_finalizer *run)
{
    testing_on_release(record_critical);
    for (size_t i = 0; i < 10; i++)
        own(i, run);
    own(10, record_normal);
    begin_collection();
    drop(make(7));
    for (size_t i = 0; i <= 10; i++)
        die(i);
    end_collection();
    testing_settle();
    cr_expect_eq(recorded('n'), 11);
    cr_expect_eq(recorded('c'), 1);
    cr_expect_eq(history.entries[11], 'c', "and the order held");
    testing_event event;
    cr_expect_eq(testing_events_sum(SH_EVENT_FINALIZER_OVERDUE), 10);
    (void)testing_events(SH_EVENT_FINALIZER_OVERDUE, &event);
    cr_expect_not_null(strstr(event.message, "ended its thread"));
}

Test(lanes, a_finalizer_that_calls_pthread_exit)
{
    expect_thread_ended(exit_thread);
}

Test(lanes, a_finalizer_that_is_cancelled)
{
    expect_thread_ended(cancel_thread);
}

static int exit_in_release(sh_raw raw, void *context)
{
    (void)record_critical(raw, context);
    if (raw == 1)
        pthread_exit(NULL);
    return 0;
}

Test(lanes, a_release_that_ends_its_thread_breaks_its_contract)
{
    testing_on_release(exit_in_release);
    begin_collection();
    for (sh_raw raw = 1; raw <= 3; raw++)
        drop(make(raw));
    end_collection();
    testing_settle();
    cr_expect_eq(recorded('c'), 3);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, &event), 1);
    cr_expect_eq(event.event.raw, 1);
}

Test(lanes, a_worker_that_ended_is_replaced_as_soon_as_a_thread_can_be_had)
{
    testing_from("platform.thread", 1, NULL, NULL);
    own(0, exit_thread);
    die(0);
    wait_until_recorded('n', 1);
    own(1, record_normal);
    die(1);
    cr_expect_eq(sh_wait_for_pending_finalizers(50), SH_E_TIMEOUT);
    testing_at_nothing();
    testing_settle();
    cr_expect_eq(recorded('n'), 2);
}
