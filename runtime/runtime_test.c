/* SPDX-License-Identifier: MIT */
/* Start and stop, and what the manual host is asked directly. */
#include "base/checkpoint.h"
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const sh_options manual = {.collector = SH_COLLECTOR_MANUAL, .finalizer_deadline_ms = 100};

static sh_handle *make(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

Test(init, is_idempotent)
{
    cr_expect_eq(sh_init(&manual), SH_OK);
    cr_expect_eq(sh_init(&manual), SH_OK);
    cr_expect_eq(sh_init(NULL), SH_OK, "no options never contradict");
    cr_expect_eq((sh_init)(&manual), SH_OK);
}

Test(init, refuses_other_options_while_it_runs)
{
    cr_assert_eq(sh_init(&manual), SH_OK);
    sh_options other = manual;
    other.finalizer_deadline_ms = 5;
    cr_expect_eq(sh_init(&other), SH_E_ARGUMENT);
}

static void collect(void *data)
{
    (*(int *)data)++;
}

Test(init, refuses_options_that_make_no_sense)
{
    sh_options options = {.collector = (sh_collector)7};
    cr_expect_eq(sh_init(&options), SH_E_ARGUMENT);
    options = (sh_options){.collector = SH_COLLECTOR_BOEHM, .collect = collect};
    cr_expect_neq(sh_init(&options), SH_OK);
    struct {
        sh_options known;
        int unknown;
    } newer = {.known = manual, .unknown = 1};
    cr_expect_eq(sh_init_at(&newer.known, sizeof newer, SH_INLINED_LAYOUT), SH_E_UNSUPPORTED);
    cr_expect_eq(sh_init(&manual), SH_OK, "and none of them has started anything");
}

Test(init, without_memory_or_threads_nothing_is_started)
{
    /* In the order of the start: pages stay mapped, and the thread stays attached. */
    static const char *const points[] = {"platform.pages", "gc.scanned", "platform.thread-end", "platform.thread"};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        testing_from(points[i], 1, NULL, NULL);
        cr_expect_eq(sh_init(&manual), SH_E_NOMEM, "%s", points[i]);
        testing_at_nothing();
        sh_handle *h;
        cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED);
    }
    testing_at("platform.thread", 2, NULL, NULL); /* the events' thread could be had, the next not */
    cr_expect_eq(sh_init(&manual), SH_E_NOMEM);
    testing_at("platform.thread", 3, NULL, NULL);
    cr_expect_eq(sh_init(&manual), SH_E_NOMEM);
    testing_at_nothing();
    cr_expect_eq(sh_init(&manual), SH_OK);
}

static sh_status status_of_cancelled[2];

static void *restart_while_cancelled(void *unused)
{
    (void)pthread_cancel(pthread_self());
    status_of_cancelled[0] = sh_shutdown(1000);
    status_of_cancelled[1] = sh_init(&manual);
    pthread_testcancel();
    return unused;
}

/* Both open or close a descriptor, which is a cancellation point, and hold locks meanwhile. */
Test(init, a_cancellation_waits_until_a_stop_or_a_start_is_over, .timeout = 20)
{
    status_of_cancelled[0] = status_of_cancelled[1] = SH_E_UNBALANCED;
    cr_assert_eq(sh_init(&manual), SH_OK);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, restart_while_cancelled, NULL);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(status_of_cancelled[0], SH_OK);
    cr_expect_eq(status_of_cancelled[1], SH_OK);
}

static void *init_on_a_thread(void *unused)
{
    cr_assert_eq(sh_init(&manual), SH_OK);
    return unused;
}

Test(init, from_many_threads_at_once)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        (void)pthread_create(&threads[i], NULL, init_on_a_thread, NULL);
    for (int i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    (void)sh_close(make(7));
    cr_expect_eq(testing_released().count, 1);
}

Test(init, says_its_version)
{
    cr_expect_str_eq(sh_version(), SH_VERSION);
}

/* ---- shutdown ---------------------------------------------------------------------------------------------------- */

Test(shutdown, releases_every_handle_reachable_or_not)
{
    testing_start_manual();
    for (sh_raw raw = 1; raw <= 100; raw++)
        (void)make(raw);
    cr_expect_eq(sh_shutdown(5000), SH_OK);
    cr_expect_eq(testing_released().count, 100);
    cr_expect_eq(sh_shutdown(5000), SH_E_CLOSED);
}

static char finalized;

static void finalize(void *object, void *data)
{
    (void)data;
    *(char *)object = testing_released().count == 0 ? 'f' : 'x';
}

Test(shutdown, runs_every_normal_finalizer_first)
{
    testing_start_manual();
    (void)make(7);
    cr_assert_eq(sh_finalizer_register(&finalized, finalize, NULL), SH_OK);
    cr_expect_eq(sh_shutdown(5000), SH_OK);
    cr_expect_eq(finalized, 'f');
    cr_expect_eq(testing_released().count, 1);
}

Test(shutdown, says_what_is_in_use)
{
    testing_start_manual();
    sh_handle *used = make(7);
    (void)make(8);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(used, &success), SH_OK);
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_shutdown(50), SH_E_TIMEOUT);
    cr_expect_leq(platform_now_ms() - began, 1500);
    cr_expect_eq(testing_released().count, 1);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, &event), 1);
    cr_expect_not_null(strstr(event.message, "last user releases it"));
    cr_expect_eq(sh_dangerous_release(used), SH_OK);
    cr_expect_eq(testing_released().count, 2, "by its last user");
}

static void *release_soon(void *h)
{
    platform_sleep_ms(50);
    (void)sh_dangerous_release(h);
    return NULL;
}

Test(shutdown, waits_for_users)
{
    testing_start_manual();
    sh_handle *used = make(7);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(used, &success), SH_OK);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, release_soon, used);
    cr_expect_eq(sh_shutdown(-1), SH_OK);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(testing_released().count, 1);
}

static void shut_down(void *out_status)
{
    *(sh_status *)out_status = sh_shutdown(1000);
}

/* A thread that was admitted before the shutdown began, and makes its handle while it runs. */
Test(shutdown, beside_a_thread_that_makes_a_handle)
{
    cr_assert_eq(sh_init(&manual), SH_OK);
    sh_status stopped = SH_E_TIMEOUT;
    testing_at("handle.made", 1, shut_down, &stopped);
    sh_handle *h;
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED);
    cr_expect_eq(stopped, SH_OK);
    cr_assert_eq(sh_init(&manual), SH_OK);
    testing_at("handle.intern", 1, shut_down, &stopped);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED, "made when all is over");
    cr_expect_eq(stopped, SH_OK);
    cr_expect_eq(testing_released().count, 0, "the value is still the caller's");
}

static volatile sh_status asked_inside;

static int ask_to_start(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    asked_inside = sh_init(NULL);
    return 0;
}

Test(shutdown, a_start_inside_it_is_refused)
{
    cr_assert_eq(sh_init(&manual), SH_OK);
    testing_on_release(ask_to_start);
    (void)make(7);
    cr_expect_eq(sh_shutdown(-1), SH_OK);
    cr_expect_eq(asked_inside, SH_E_CLOSED);
}

static void *shut_down_slowly(void *h)
{
    bool success = false;
    (void)sh_dangerous_add_ref(h, &success);
    cr_assert(success);
    cr_expect_eq(sh_shutdown(300), SH_E_TIMEOUT);
    (void)sh_dangerous_release(h);
    return NULL;
}

/* Returns when the shutdown on that thread waits for a reference on the handle. */
static sh_handle *begin_slow_shutdown(pthread_t *out_stopper)
{
    cr_assert_eq(sh_init(&manual), SH_OK);
    sh_handle *h = make(7);
    (void)pthread_create(out_stopper, NULL, shut_down_slowly, h);
    while (!sh_is_closed(h))
        platform_sleep_ms(1);
    return h;
}

Test(shutdown, one_start_or_stop_after_the_other)
{
    pthread_t stopper;
    (void)begin_slow_shutdown(&stopper);
    cr_expect_eq(sh_shutdown(1), SH_E_CLOSED, "somebody else does, and takes longer");
    int64_t began = platform_now_ms();
    cr_expect_eq(sh_shutdown(-1), SH_E_CLOSED);
    cr_expect_geq(platform_now_ms() - began, 100, "when the other is over");
    (void)pthread_join(stopper, NULL);
    cr_expect_eq(sh_init(&manual), SH_OK);
}

Test(shutdown, a_start_waits_until_it_is_over)
{
    pthread_t stopper;
    const sh_handle *h = begin_slow_shutdown(&stopper);
    cr_expect_eq(sh_init(&manual), SH_OK);
    (void)make(8);
    (void)pthread_join(stopper, NULL);
    cr_expect(sh_is_released(h));
}

Test(shutdown, before_the_start)
{
    cr_expect_eq(sh_shutdown(0), SH_E_CLOSED);
    cr_expect_eq(sh_thread_attach(), SH_E_CLOSED);
}

Test(shutdown, may_be_followed_by_a_new_start)
{
    testing_start_manual();
    (void)make(7);
    cr_assert_eq(sh_shutdown(5000), SH_OK);
    cr_assert_eq(sh_init(&manual), SH_OK);
    cr_expect_eq(sh_close(make(8)), SH_OK);
    cr_expect_eq(sh_host_drop(make(9)), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 3);
    cr_expect_eq(sh_shutdown(5000), SH_OK);
#ifdef SH_HAVE_BOEHM
    sh_options boehm = {.collector = SH_COLLECTOR_BOEHM};
    cr_expect_eq(sh_init(&boehm), SH_E_ARGUMENT, "handles stay with the host that made them");
#endif
}

/* ---- the manual host --------------------------------------------------------------------------------------------- */

Test(manual_host, collects_as_the_program_says)
{
    int collections = 0;
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .collect = collect, .collect_data = &collections};
    cr_assert_eq(sh_init(&options), SH_OK);
    sh_collect();
    cr_expect_eq(collections, 1);
    cr_expect_eq(sh_shutdown(1000), SH_OK);
    sh_collect();
    cr_expect_eq(collections, 1);
}

Test(manual_host, without_a_collector_there_is_nothing_to_do)
{
    testing_start_manual();
    sh_collect();
}

Test(manual_host, collections_nest)
{
    testing_start_manual();
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop(make(7)), SH_OK);
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 0);
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 1);
}

static void *die_in_the_middle(void *h)
{
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop(h), SH_OK);
    return NULL;
}

Test(manual_host, a_thread_that_ends_inside_a_collection_has_reported_its_deaths)
{
    testing_start_manual();
    pthread_t thread;
    (void)pthread_create(&thread, NULL, die_in_the_middle, make(7));
    (void)pthread_join(thread, NULL);
    testing_settle();
    cr_expect_eq(testing_released().count, 1);
}

Test(manual_host, a_collection_without_memory_is_not_begun)
{
    testing_start_manual();
    testing_at("gc.gathering", 1, NULL, NULL);
    cr_expect_eq(sh_host_collection_begin(), SH_E_NOMEM);
    testing_at_nothing();
    cr_expect_eq(sh_host_collection_end(), SH_E_ARGUMENT);
}

static char owned[2];
static size_t finalized_before_release;

static void note_finalized(void *object, void *unused)
{
    (void)object;
    (void)unused;
    finalized_before_release += testing_released().count == 0;
}

Test(manual_host, a_shutdown_reaches_into_a_collection_that_is_open)
{
    testing_start_manual();
    cr_assert_eq(sh_finalizer_register(&owned[0], note_finalized, NULL), SH_OK);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop(make(7)), SH_OK);
    cr_assert_eq(sh_host_drop_object(&owned[0]), SH_OK);
    cr_expect_eq(sh_shutdown(1000), SH_OK);
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(finalized_before_release, 1);
    cr_expect_eq(sh_host_collection_end(), SH_OK, "also when it is stopped");
    cr_expect_eq(sh_host_collection_end(), SH_E_CLOSED);
    testing_start_manual();
    cr_assert_eq(sh_host_drop(make(8)), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 2, "nothing gathers any longer");
}

Test(manual_host, what_a_collection_holds_at_shutdown_is_told)
{
    testing_start_manual();
    sh_handle *used = make(7);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(used, &success), SH_OK);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop(used), SH_OK);
    cr_expect_eq(sh_shutdown(20), SH_E_TIMEOUT);
    cr_expect_eq(sh_dangerous_release(used), SH_OK);
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(sh_host_collection_end(), SH_OK);
}

Test(manual_host, a_finalizer_is_suppressed_inside_a_collection)
{
    testing_start_manual();
    for (int i = 0; i < 2; i++)
        cr_assert_eq(sh_finalizer_register(&owned[i], note_finalized, NULL), SH_OK);
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(sh_host_drop_object(&owned[i]), SH_OK);
    sh_finalizer_suppress(&owned[0]);
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    testing_settle();
    cr_expect_eq(finalized_before_release, 1);
}

Test(manual_host, a_handle_dropped_while_it_is_unloaded)
{
    testing_start_manual();
    sh_handle *used = make(7);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(used, &success), SH_OK);
    cr_expect_eq(sh_shutdown(20), SH_E_TIMEOUT);
    cr_assert_eq(sh_init(&(sh_options){.collector = SH_COLLECTOR_MANUAL}), SH_OK);
    cr_expect_eq(sh_host_drop(used), SH_OK);
    cr_expect_eq(sh_dangerous_release(used), SH_OK);
    cr_expect_eq(testing_released().count, 1);
}

Test(manual_host, is_asked_only_while_it_runs)
{
    int anything;
    cr_expect_eq(sh_host_drop((sh_handle *)(void *)&anything), SH_E_CLOSED);
    cr_expect_eq(sh_host_drop_object(&anything), SH_E_CLOSED);
    cr_expect_eq(sh_host_collection_begin(), SH_E_CLOSED);
    cr_expect_eq(sh_host_collection_end(), SH_E_CLOSED);
}

/* ---- leaks in great numbers -------------------------------------------------------------------------------------- */

enum { LEAKS = 200000 };

static void leak_by_turns(size_t i, void *lines)
{
    sh_handle *h;
    if (i % *(const size_t *)lines == 0)
        cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    else
        cr_assert_eq(sh_wrap(&testing_kind, 8, NULL, &h), SH_OK);
    if (gc->drop_handle != NULL)
        cr_assert_eq(sh_host_drop(h), SH_OK);
}

/* How many events tell of them is what matters; a conservative collector may miss a few handles. A machine that stands
 * still for a second ends a gathering early. */
static void expect_one_event_for_each_line(size_t lines)
{
    testing_make_garbage(LEAKS, leak_by_turns, &lines);
    sh_collect();
    size_t events = testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL);
    cr_expect_geq(events, lines);
    cr_expect_leq(events, 4 * lines);
    cr_expect_geq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), LEAKS - LEAKS / 20);
}

Test(leaks, from_one_line_are_one_event, .init = testing_start_manual)
{
    expect_one_event_for_each_line(1);
}

Test(leaks, from_two_lines_by_turns_are_two_events, .init = testing_start_manual)
{
    expect_one_event_for_each_line(2);
}

#ifdef SH_HAVE_BOEHM
Test(leaks, from_one_line_are_one_event_on_a_collector, .init = testing_start_boehm)
{
    expect_one_event_for_each_line(1);
}

Test(leaks, from_two_lines_by_turns_are_two_events_on_a_collector, .init = testing_start_boehm)
{
    expect_one_event_for_each_line(2);
}
#endif

/* ---- our own threads --------------------------------------------------------------------------------------------- */

enum { LINE_SIZE_BYTES = 128 };

/* What a thread's page in /proc says under "key:"; false when the thread is gone. */
static bool read_status(const char *thread, const char *key, char *out_value)
{
    char path[64], line[LINE_SIZE_BYTES];
    (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/status", thread);
    FILE *file = fopen(path, "r");
    bool found = false;
    size_t length = strlen(key);
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, key, length) == 0 && line[length] == ':';
    if (file != NULL)
        (void)fclose(file);
    if (found)
        (void)strcpy(out_value, line + length + strlen(":\t"));
    return found;
}

static bool blocks(unsigned long long mask, int signal)
{
    return (mask >> (signal - 1) & 1) != 0;
}

static void expect_masked(const char *thread)
{
    char value[LINE_SIZE_BYTES];
    cr_assert(read_status(thread, "SigBlk", value));
    unsigned long long mask = strtoull(value, NULL, 16);
    static const int for_the_program[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGCHLD, SIGALRM,
                                          SIGUSR1, SIGUSR2, SIGPIPE, SIGIO,   SIGWINCH};
    for (size_t i = 0; i < sizeof for_the_program / sizeof *for_the_program; i++)
        cr_expect(blocks(mask, for_the_program[i]), "signal %d", for_the_program[i]);
    cr_expect_not(blocks(mask, SIGSEGV), "means the very thread that it meets");
}

/* Each that is ours is looked at. */
static int look_at_our_threads(void)
{
    DIR *threads = opendir("/proc/self/task");
    cr_assert_not_null(threads);
    int ours = 0;
    char name[LINE_SIZE_BYTES];
    for (const struct dirent *each; (each = readdir(threads)) != NULL;) {
        if (!read_status(each->d_name, "Name", name) || strncmp(name, "sh-", 3) != 0)
            continue;
        expect_masked(each->d_name);
        ours++;
    }
    (void)closedir(threads);
    return ours;
}

Test(threads, ours_mask_the_signals_of_the_program, .init = testing_start_manual)
{
    int ours = 0;
    for (int i = 0; i < 5000 && ours < 3; i++) { /* the supervisor may not have come to give itself its name */
        ours = look_at_our_threads();
        platform_sleep_ms(1);
    }
    cr_expect_eq(ours, 3, "finalizer, supervisor and events");
}

/* ---- statuses ---------------------------------------------------------------------------------------------------- */

Test(status, every_one_has_its_name_and_a_sentence)
{
    for (int status = SH_OK; status <= SH_E_UNSUPPORTED; status++) {
        const char *name = sh_status_name((sh_status)status);
        const char *message = sh_status_message((sh_status)status);
        cr_expect_eq(strncmp(name, "SH_", 3), 0, "%d", status);
        cr_expect_gt(strlen(message), 10, "%s", name);
        cr_expect_eq(message[strlen(message) - 1], '.', "%s", name);
        for (int other = SH_OK; other < status; other++)
            cr_expect_str_neq(name, sh_status_name((sh_status)other));
    }
    cr_expect_str_eq(sh_status_name(SH_E_CLOSED), "SH_E_CLOSED");
    cr_expect_str_eq(sh_status_name((sh_status)99), "SH_E_?");
    cr_expect_str_eq(sh_status_name((sh_status)-1), "SH_E_?");
    cr_expect_not_null(sh_status_message((sh_status)99));
}
