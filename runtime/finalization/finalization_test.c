/* SPDX-License-Identifier: MIT */
/* The two lanes, on the manual host: deaths happen when the test says. */
#include "base/checkpoint.h"
#include "finalization/finalization.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

TestSuite(lanes, .init = testing_start_manual);

/* ---- a log of what ran, in order -----------------------------------------------------------------------------------
 */

enum { MOST_ENTRIES = 4096 };

static struct {
    platform_mutex mutex;
    char entries[MOST_ENTRIES + 1]; /* 'n' for a normal finalizer, 'c' for a critical one */
    size_t count;
} history = {.mutex = PLATFORM_MUTEX_INIT};

static void record(char what)
{
    platform_mutex_lock(&history.mutex);
    if (history.count < MOST_ENTRIES)
        history.entries[history.count++] = what;
    platform_mutex_unlock(&history.mutex);
}

static size_t recorded(char what)
{
    size_t count = 0;
    platform_mutex_lock(&history.mutex);
    for (size_t i = 0; i < history.count; i++)
        count += history.entries[i] == what;
    platform_mutex_unlock(&history.mutex);
    return count;
}

static void record_normal(void *object, void *data)
{
    (void)object;
    (void)data;
    record('n');
}

static int record_critical(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    record('c');
    return 0;
}

static sh_handle *make(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

static char objects[2000];

static void own(size_t i, sh_finalizer *run)
{
    cr_assert_eq(sh_finalizer_register(&objects[i], run, NULL), SH_OK);
}

static void begin_collection(void)
{
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
}

static void end_collection(void)
{
    cr_assert_eq(sh_host_collection_end(), SH_OK);
}

static void die(size_t i)
{
    cr_assert_eq(sh_host_drop_object(&objects[i]), SH_OK);
}

static void drop(sh_handle *h)
{
    cr_assert_eq(sh_host_drop(h), SH_OK);
}

/* ---- the order ------------------------------------------------------------------------------------------------------
 */

Test(lanes, every_normal_finalizer_before_the_first_critical_one)
{
    enum { EACH = 1000 };
    testing_on_release(record_critical);
    begin_collection();
    for (size_t i = 0; i < EACH; i++) {
        own(i, record_normal);
        drop(make((sh_raw)i + 1)); /* the handles are reported first */
        die(i);
    }
    end_collection();
    testing_settle();
    cr_assert_eq(history.count, 2 * EACH);
    for (size_t i = 0; i < EACH; i++) {
        cr_assert_eq(history.entries[i], 'n');
        cr_assert_eq(history.entries[EACH + i], 'c');
    }
}

static void *die_in_parallel(void *first)
{
    size_t begin = *(size_t *)first;
    begin_collection();
    for (size_t i = begin; i < begin + 100; i++) {
        own(i, record_normal);
        drop(make((sh_raw)i + 1));
        die(i);
    }
    end_collection();
    return NULL;
}

/* Each thread's hundred and hundred are one collection of their own: within it the order holds. */
Test(lanes, a_hundred_and_a_hundred_in_parallel_threads)
{
    testing_on_release(record_critical);
    pthread_t threads[8];
    size_t firsts[8];
    for (size_t i = 0; i < 8; i++) {
        firsts[i] = i * 100;
        (void)pthread_create(&threads[i], NULL, die_in_parallel, &firsts[i]);
    }
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    testing_settle();
    cr_assert_eq(history.count, 1600);
    size_t normals = 0, criticals = 0;
    for (size_t i = 0; i < history.count; i++) {
        normals += history.entries[i] == 'n';
        criticals += history.entries[i] == 'c';
        cr_assert_geq(normals, (criticals + 99) / 100 * 100, "whole collections go ahead of their handles");
    }
}

static sh_handle *used_by_finalizer;
static sh_status status_in_finalizer;
static sh_raw raw_in_finalizer;

static void use_handle(void *object, void *data)
{
    (void)object;
    (void)data;
    SH_WITH_HANDLE (used_by_finalizer, raw, status_in_finalizer) {
        raw_in_finalizer = raw;
    }
}

/* Document 002's FileStream: the finalizer flushes through its still open handle. */
Test(lanes, a_finalizer_finds_its_handle_open)
{
    used_by_finalizer = make(7);
    own(0, use_handle);
    begin_collection();
    drop(used_by_finalizer);
    die(0);
    end_collection();
    testing_settle();
    cr_expect_eq(status_in_finalizer, SH_OK);
    cr_expect_eq(raw_in_finalizer, 7);
    cr_expect_eq(testing_released().count, 1);
}

static void close_handle(void *object, void *data)
{
    (void)object;
    (void)data;
    status_in_finalizer = sh_close(used_by_finalizer);
}

Test(lanes, a_finalizer_may_close_the_handle_itself)
{
    used_by_finalizer = make(7);
    own(0, close_handle);
    begin_collection();
    drop(used_by_finalizer);
    die(0);
    end_collection();
    testing_settle();
    cr_expect_eq(status_in_finalizer, SH_OK);
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
}

/* ---- registering ------------------------------------------------------------------------------------------------- */

static char order[8];
static size_t order_count;

static void append(void *object, void *data)
{
    (void)object;
    order[order_count++] = *(const char *)data;
}

Test(lanes, several_for_one_object_run_in_the_order_of_registration)
{
    for (const char *name = "abc"; *name != '\0'; name++)
        cr_assert_eq((sh_finalizer_register)(&objects[0], append, (void *)(uintptr_t)name), SH_OK);
    die(0);
    testing_settle();
    cr_expect_str_eq(order, "abc");
}

Test(lanes, suppressed_ones_do_not_run)
{
    own(0, record_normal);
    own(0, record_normal);
    own(1, record_normal);
    sh_finalizer_suppress(&objects[0]);
    sh_finalizer_suppress(&objects[5]);
    sh_finalizer_suppress(NULL);
    cr_expect_eq(sh_host_drop_object(&objects[0]), SH_E_ARGUMENT, "it has none any more");
    die(1);
    testing_settle();
    cr_expect_eq(recorded('n'), 1);
}

static void suppress_next(void *object, void *data)
{
    (void)data;
    record('n');
    sh_finalizer_suppress((char *)object + 1);
}

Test(lanes, a_finalizer_may_suppress_one_that_is_due)
{
    own(0, suppress_next);
    own(1, record_normal);
    begin_collection();
    die(0);
    die(1);
    end_collection();
    testing_settle();
    cr_expect_eq(recorded('n'), 1);
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, NULL), 0, "nothing is waited for");
}

Test(lanes, bad_arguments)
{
    cr_expect_eq(sh_finalizer_register(NULL, record_normal, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_finalizer_register(&objects[0], NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_host_drop_object(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_host_collection_end(), SH_E_ARGUMENT);
    testing_at("gc.finalizer", 1, NULL, NULL);
    cr_expect_eq(sh_finalizer_register(&objects[0], record_normal, NULL), SH_E_NOMEM);
    testing_at_nothing();
    sh_keep_alive(NULL);
}

static void register_next(void *object, void *data)
{
    (void)data;
    record('n');
    cr_assert_eq(sh_finalizer_register((char *)object + 1, record_normal, NULL), SH_OK);
    cr_assert_eq(sh_host_drop_object((char *)object + 1), SH_OK);
}

Test(lanes, a_finalizer_may_make_work)
{
    own(0, register_next);
    die(0);
    testing_settle();
    cr_expect_eq(recorded('n'), 2);
}

/* ---- finalizers that do not come back ---------------------------------------------------------------------------- */

static platform_signal let_go;
static int64_t released_at;

static void hang(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    record('n');
}

static int note_time(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    released_at = platform_now_ms();
    record('c');
    return 0;
}

static void wait_until_recorded(char what, size_t count)
{
    for (int i = 0; i < 5000 && recorded(what) < count; i++)
        platform_sleep_ms(1);
    cr_assert_geq(recorded(what), count);
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
    cr_expect_not_null(strstr(event.event.birth.file, "finalization_test.c"));
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

static int hang_in_release(sh_raw raw, void *context)
{
    if (raw == 1)
        (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    return record_critical(raw, context);
}

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
    for (int i = 0; i < 5000 && testing_events_heard(SH_EVENT_FINALIZER_OVERDUE) == 0; i++)
        platform_sleep_ms(1);
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
    for (int i = 0; i < 500 && testing_events_heard(SH_EVENT_LEAKED_TO_FINALIZER) < BEFORE; i++)
        platform_sleep_ms(10);
    cr_expect_eq(testing_events_heard(SH_EVENT_LEAKED_TO_FINALIZER), BEFORE, "the hung one is not over");
    platform_signal_post(&let_go);
    testing_settle();
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), BEFORE + 1);
}

static void exit_thread(void *object, void *data)
{
    (void)object;
    (void)data;
    record('n');
    pthread_exit(NULL);
}

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
    for (int i = 0; i < 5000 && testing_events_heard(SH_EVENT_FINALIZER_OVERDUE) == 0; i++)
        platform_sleep_ms(1);
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
    for (int i = 0; i < 5000 && testing_events_heard(SH_EVENT_FINALIZER_OVERDUE) < HUNG; i++)
        platform_sleep_ms(1);
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

static void take_its_time(void *object, void *data)
{
    platform_sleep_ms(TESTING_DEADLINE_MS / 2);
    record_normal(object, data);
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

/* ---- threads that cannot be had ---------------------------------------------------------------------------------- */

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

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static void wait_in_finalizer(void *object, void *data)
{
    (void)object;
    (void)data;
    status_in_finalizer = sh_wait_for_pending_finalizers(0);
}

static int wait_in_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    status_in_finalizer = sh_wait_for_pending_finalizers(0);
    cr_assert_eq(sh_shutdown(0), SH_E_UNSUPPORTED);
    return 0;
}

Test(lanes, waiting_is_refused_on_our_own_threads)
{
    own(0, wait_in_finalizer);
    die(0);
    testing_settle();
    cr_expect_eq(status_in_finalizer, SH_E_UNSUPPORTED);
    status_in_finalizer = SH_OK;
    testing_on_release(wait_in_release);
    drop(make(7));
    testing_settle();
    cr_expect_eq(status_in_finalizer, SH_E_UNSUPPORTED);
}

Test(unstarted_lanes, nothing_to_wait_for_before_the_start)
{
    cr_expect_eq(sh_wait_for_pending_finalizers(-1), SH_E_CLOSED);
    cr_expect_eq(sh_finalizer_register(&objects[0], record_normal, NULL), SH_E_CLOSED);
    sh_collect();
    sh_finalizer_suppress(&objects[0]);
}

/* ---- the usual limit --------------------------------------------------------------------------------------------- */

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

/* ---- no limit ---------------------------------------------------------------------------------------------------- */

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
