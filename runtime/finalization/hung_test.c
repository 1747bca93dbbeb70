/* SPDX-License-Identifier: MIT */
/* Finalizers and releases that do not come back: the others do not wait for them beyond the deadline. */
#include "finalization/deaths_test.h"
#include <string.h>

TestSuite(lanes, .init = testing_start_manual);

/* ---- finalizers -------------------------------------------------------------------------------------------------- */

static int64_t released_at;

static int note_time(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    released_at = platform_now_ms();
    record('c');
    return 0;
}

Test(lanes, a_hung_finalizer_delays_the_handles_by_the_deadline_at_most)
{
    enum { HEALTHY = 100 };
    platform_signal_init(&let_go);
    testing_on_release(note_time);
    own(0, hang);
    for (size_t i = 1; i <= HEALTHY; i++)
        own(i, record_normal);
    begin_collection();
    drop(make(7));
    for (size_t i = 0; i <= HEALTHY; i++)
        die(i);
    int64_t began = platform_now_ms();
    end_collection();
    wait_until_recorded('n', HEALTHY);
    cr_expect_eq(recorded('c'), 0, "the others did not wait for the deadline, the handle does");
    wait_until_recorded('c', 1);
    cr_expect_geq(released_at - began, TESTING_DEADLINE_MS - 20);
    cr_expect_leq(released_at - began, TESTING_DEADLINE_MS * 2);
    cr_expect_eq(sh_wait_for_pending_finalizers(10), SH_E_TIMEOUT, "it is still running");
    platform_signal_post(&let_go);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, &event), 1, "told once");
    cr_expect_not_null(strstr(event.event.birth.file, "deaths_test.h"));
    cr_expect_eq(recorded('n'), HEALTHY + 1);
}

/* Sixteen cost the deadline together; the looks of the supervisor come on top. */
static void expect_released_in_time(size_t hung, size_t healthy)
{
    platform_signal_init(&let_go);
    testing_on_release(note_time);
    begin_collection();
    drop(make(7));
    for (size_t i = 0; i < hung + healthy; i++) {
        own(i, i < hung ? hang : record_normal);
        die(i);
    }
    int64_t began = platform_now_ms();
    end_collection();
    wait_until_recorded('c', 1);
    cr_expect_leq(released_at - began, 2 * TESTING_DEADLINE_MS, "%zu hung", hung);
}

Test(lanes, several_hung_finalizers_delay_no_longer_than_one)
{
    enum { HUNG = 4, HEALTHY = 100 };
    expect_released_in_time(HUNG, HEALTHY);
    cr_expect_eq(history.entries[HEALTHY], 'c', "all that are healthy ran before");
    for (int i = 0; i < HUNG; i++)
        platform_signal_post(&let_go);
    testing_settle();
    cr_expect_eq(recorded('n'), HUNG + HEALTHY);
}

Test(lanes, more_hung_finalizers_than_workers)
{
    enum { HUNG = 40, HEALTHY = 10 };
    expect_released_in_time(HUNG, HEALTHY);
    drop(make(8));
    wait_until_recorded('c', 2);
    cr_expect_eq(sh_wait_for_pending_finalizers(10), SH_E_TIMEOUT);
    for (int i = 0; i < HUNG; i++)
        platform_signal_post(&let_go);
    testing_settle();
    cr_expect_geq(testing_events_sum(SH_EVENT_FINALIZER_OVERDUE), 16);
    cr_expect_eq(recorded('n'), HUNG + HEALTHY, "late is not never");
}

Test(lanes, the_next_batch_does_not_wait_for_an_old_hung_one)
{
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    own(0, hang);
    die(0);
    drop(make(7));
    wait_until_recorded('c', 1);
    for (size_t i = 1; i <= 3; i++) {
        int64_t began = platform_now_ms();
        own(i, record_normal);
        begin_collection();
        die(i);
        drop(make(7));
        end_collection();
        wait_until_recorded('c', i + 1);
        cr_expect_lt(platform_now_ms() - began, TESTING_DEADLINE_MS, "batch %zu", i);
    }
    platform_signal_post(&let_go);
    testing_settle();
}

/* In the best of some rounds, since a busy machine may be late, too. */
Test(lanes, what_came_behind_a_batch_that_was_given_up_is_released_at_once)
{
    enum { ROUNDS = 5, SLACK_MS = 50 };
    platform_signal_init(&let_go);
    testing_on_release(note_time);
    int64_t best_ms = PLATFORM_FOREVER;
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t began = platform_now_ms();
        own(i, hang);
        die(i);
        platform_sleep_ms(TESTING_DEADLINE_MS / 4);
        drop(make(7));
        wait_until_recorded('c', i + 1);
        if (released_at - began < best_ms)
            best_ms = released_at - began;
    }
    cr_expect_leq(best_ms, TESTING_DEADLINE_MS + SLACK_MS);
    for (size_t i = 0; i < ROUNDS; i++)
        platform_signal_post(&let_go);
    testing_settle();
}

/* ---- releases ---------------------------------------------------------------------------------------------------- */

Test(lanes, a_hung_release_holds_nobody_else_up)
{
    platform_signal_init(&let_go);
    testing_on_release(hang_in_release);
    int64_t began = platform_now_ms();
    begin_collection();
    for (sh_raw raw = 1; raw <= 1000; raw++)
        drop(make(raw));
    end_collection();
    wait_until_recorded('c', 999);
    cr_expect_leq(platform_now_ms() - began, TESTING_DEADLINE_MS);
    for (int i = 0; i < 1000 && testing_released().count < 999; i++)
        platform_sleep_ms(1);
    wait_until_heard(SH_EVENT_FINALIZER_OVERDUE, 1);
    platform_signal_post(&let_go);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, &event), 1);
    cr_expect_eq(event.event.raw, 1);
    cr_expect_eq(testing_released().count, 1000);
}

Test(lanes, leaks_are_told_beside_a_hung_release)
{
    enum { BEFORE = 5 };
    platform_signal_init(&let_go);
    testing_on_release(hang_in_release);
    begin_collection();
    for (sh_raw raw = BEFORE + 1; raw >= 1; raw--)
        drop(make(raw));
    end_collection();
    wait_until_recorded('c', BEFORE);
    wait_until_heard(SH_EVENT_LEAKED_TO_FINALIZER, BEFORE);
    cr_expect_eq(testing_events_heard(SH_EVENT_LEAKED_TO_FINALIZER), BEFORE, "the hung one is not over");
    platform_signal_post(&let_go);
    testing_settle();
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), BEFORE + 1);
}

/* ---- a worker that cannot be replaced ---------------------------------------------------------------------------- */

Test(lanes, a_stuck_worker_is_replaced_as_soon_as_a_thread_can_be_had)
{
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    testing_from("platform.thread", 1, NULL, NULL);
    own(0, hang);
    begin_collection();
    die(0);
    drop(make(7));
    end_collection();
    platform_sleep_ms(TESTING_DEADLINE_MS);
    cr_expect_eq(recorded('c'), 0);
    testing_at_nothing();
    wait_until_recorded('c', 1);
    platform_signal_post(&let_go);
    testing_settle();
}

/* ---- how long the deadline is ------------------------------------------------------------------------------------ */

Test(unstarted_lanes, two_seconds_are_the_usual_deadline)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    cr_assert_eq(sh_init(&options), SH_OK);
    platform_signal_init(&let_go);
    testing_on_release(note_time);
    own(0, hang);
    begin_collection();
    die(0);
    drop(make(7));
    end_collection();
    int64_t began = platform_now_ms();
    wait_until_recorded('c', 1);
    cr_expect_geq(released_at - began, 1900);
    cr_expect_leq(released_at - began, 4000);
    platform_signal_post(&let_go);
}

Test(unstarted_lanes, a_deadline_beyond_all_time_is_none)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = INT64_MAX};
    cr_assert_eq(sh_init(&options), SH_OK);
    testing_on_release(record_critical);
    own(0, take_its_time);
    begin_collection();
    die(0);
    drop(make(7));
    end_collection();
    testing_settle();
    cr_expect_eq(history.entries[0], 'n');
}

Test(unstarted_lanes, without_a_deadline_nothing_is_overtaken)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = -1};
    cr_assert_eq(sh_init(&options), SH_OK);
    testing_listen();
    platform_signal_init(&let_go);
    testing_on_release(record_critical);
    own(0, hang);
    own(1, exit_thread);
    begin_collection();
    die(0);
    die(1);
    drop(make(7));
    end_collection();
    platform_sleep_ms(100);
    cr_expect_eq(history.count, 0);
    platform_signal_post(&let_go);
    wait_until_recorded('c', 1);
    cr_expect_eq(recorded('n'), 2);
    testing_settle();
}
