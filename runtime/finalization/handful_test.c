/* SPDX-License-Identifier: MIT */
/* Handles that a worker takes by the handful: each is released once, whatever one of them does and whoever looks. */
#include "finalization/deaths_test.h"
#include "finalization/finalization.h"
#include "handle/handle.h"
#include <pthread.h>

TestSuite(lanes, .init = testing_start_manual);

/* ---- handles that a worker takes by the handful ------------------------------------------------------------------ */

enum { MANY = 500, MIDDLE = 200 }; /* not the first of a handful, nor the last */

static atomic_word releases_of[MANY + 1]; /* by raw value, which is never 0 */

static int count_release(sh_raw raw, void *context)
{
    (void)atomic_word_add(&releases_of[raw], 1);
    return record_critical(raw, context);
}

static int middle_line; /* where the one in the middle is made */

static sh_handle *make_middle(void)
{
    sh_handle *h;
    middle_line = __LINE__ + 1;
    cr_assert_eq(sh_wrap(&testing_kind, MIDDLE, NULL, &h), SH_OK);
    return h;
}

static void drop_many(void)
{
    begin_collection();
    for (sh_raw raw = 1; raw <= MANY; raw++)
        drop(raw == MIDDLE ? make_middle() : make(raw));
    end_collection();
}

static void expect_each_released_once(void)
{
    for (size_t raw = 1; raw <= MANY; raw++)
        cr_expect_eq(atomic_word_load(&releases_of[raw]), 1, "handle %zu", raw);
}

static int hang_in_the_middle(sh_raw raw, void *context)
{
    if (raw == MIDDLE)
        (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    return count_release(raw, context);
}

Test(lanes, a_release_that_hangs_in_the_middle_of_many_is_the_only_one_that_waits)
{
    platform_signal_init(&let_go);
    testing_on_release(hang_in_the_middle);
    int64_t began = platform_now_ms();
    drop_many();
    wait_until_recorded('c', MANY - 1);
    cr_expect_leq(platform_now_ms() - began, TESTING_DEADLINE_MS);
    wait_until_heard(SH_EVENT_FINALIZER_OVERDUE, 1);
    cr_expect_geq(platform_now_ms() - began, TESTING_DEADLINE_MS - 1);
    cr_expect_eq(sh_wait_for_pending_finalizers(10), SH_E_TIMEOUT, "it is still running");
    platform_signal_post(&let_go);
    testing_settle();
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, &event), 1);
    cr_expect_eq(event.event.raw, MIDDLE);
    cr_expect_eq(event.event.birth.line, middle_line);
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), MANY);
    expect_each_released_once();
}

static sh_raw hung_ones[3] = {MIDDLE, MIDDLE + 1, MIDDLE + 100};

static int hang_in_several(sh_raw raw, void *context)
{
    for (size_t i = 0; i < sizeof hung_ones / sizeof *hung_ones; i++)
        if (raw == hung_ones[i])
            (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    return count_release(raw, context);
}

Test(lanes, of_several_that_hang_each_has_its_event)
{
    enum { HUNG = sizeof hung_ones / sizeof *hung_ones };
    platform_signal_init(&let_go);
    testing_on_release(hang_in_several);
    drop_many();
    wait_until_recorded('c', MANY - HUNG);
    wait_until_heard(SH_EVENT_FINALIZER_OVERDUE, HUNG);
    for (int i = 0; i < HUNG; i++)
        platform_signal_post(&let_go);
    testing_settle();
    cr_expect_eq(testing_events_sum(SH_EVENT_FINALIZER_OVERDUE), HUNG);
    expect_each_released_once();
}

static int release_slowly(sh_raw raw, void *context)
{
    platform_sleep_ms(TESTING_DEADLINE_MS / 40);
    return count_release(raw, context);
}

/* Together they take longer than the deadline, many times over; and on one worker, since no other can be had. */
Test(lanes, slow_releases_are_not_late_together)
{
    testing_on_release(release_slowly);
    testing_from("platform.thread", 1, NULL, NULL);
    drop_many();
    testing_settle();
    testing_at_nothing();
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, NULL), 0);
    expect_each_released_once();
}

static int exit_in_the_middle(sh_raw raw, void *context)
{
    (void)count_release(raw, context);
    if (raw == MIDDLE)
        pthread_exit(NULL);
    return 0;
}

Test(lanes, a_release_that_ends_its_thread_in_the_middle_of_many)
{
    testing_on_release(exit_in_the_middle);
    drop_many();
    testing_settle();
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, &event), 1);
    cr_expect_eq(event.event.raw, MIDDLE);
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), MANY - 1, "it has an event of its own");
    expect_each_released_once();
}

Test(lanes, a_handle_whose_release_ends_its_thread_on_a_worker_counts_as_released)
{
    testing_on_release(exit_in_the_middle);
    sh_handle *h = make(MIDDLE); /* not dropped: its memory stays */
    cr_expect_eq(sh_shutdown(10000), SH_OK);
    cr_expect(sh_is_released(h));
}

/* ---- who looks at them meanwhile --------------------------------------------------------------------------------- */

typedef struct look {
    unsigned seen[MANY + 1];
    size_t running;
} look;

static void see_watched(void *handle, void *data)
{
    ((look *)data)->seen[handle_raw(handle)]++;
}

static void see_running(const event_record *subject, void *data)
{
    look *into = data;
    into->seen[subject->raw]++;
    into->running++;
}

static const finalization_visitor seeing = {.watched = see_watched, .running = see_running};

/* Each is met once, or has been released. */
static look look_at_all(void)
{
    look taken = {.running = 0};
    finalization_visit_handles(GC_EVERY_GROUP, &seeing, &taken);
    for (size_t raw = 1; raw <= MANY; raw++) {
        cr_assert_leq(taken.seen[raw], 1, "handle %zu", raw);
        cr_assert(taken.seen[raw] == 1 || atomic_word_load(&releases_of[raw]) == 1, "handle %zu", raw);
    }
    cr_assert_leq(taken.running, 1);
    return taken;
}

static void look_once(void *unused)
{
    (void)unused;
    (void)look_at_all();
}

/* Between the worker's look at the cursor and its step: the handle that it would go on with is somebody else's now. */
Test(lanes, who_looks_while_the_worker_goes_on)
{
    testing_on_release(count_release);
    testing_at("finalization.next", MIDDLE, look_once, NULL);
    drop_many();
    testing_settle();
    testing_at_nothing();
    expect_each_released_once();
}

static look seen_inside;

static int look_inside(sh_raw raw, void *context)
{
    if (raw == MIDDLE)
        seen_inside = look_at_all();
    return count_release(raw, context);
}

Test(lanes, who_looks_inside_a_release_finds_it_and_those_behind_it)
{
    testing_on_release(look_inside);
    drop_many();
    testing_settle();
    cr_expect_eq(seen_inside.running, 1);
    for (sh_raw raw = 1; raw <= MANY; raw++)
        cr_expect_eq(seen_inside.seen[raw], raw >= MIDDLE ? 1 : 0, "handle %d", (int)raw);
    expect_each_released_once();
}

Test(lanes, who_looks_at_any_moment)
{
    testing_on_release(count_release);
    drop_many();
    while (recorded('c') < MANY)
        (void)look_at_all();
    testing_settle();
    expect_each_released_once();
}

/* The references are given back once the lanes have looked. */
Test(lanes, those_in_use_are_kept_out_of_many)
{
    static sh_handle *used[MANY / 10];
    testing_on_release(count_release);
    begin_collection();
    for (sh_raw raw = 1; raw <= MANY; raw++) {
        sh_handle *h = make(raw);
        bool success = false;
        if (raw % 10 == 0) {
            cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
            used[raw / 10 - 1] = h;
        }
        drop(h);
    }
    end_collection();
    testing_settle();
    cr_expect_eq(recorded('c'), MANY - MANY / 10);
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_REFERENCE), MANY / 10);
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), MANY - MANY / 10);
    for (size_t i = 0; i < MANY / 10; i++)
        cr_assert_eq(sh_dangerous_release(used[i]), SH_OK);
    expect_each_released_once();
}
