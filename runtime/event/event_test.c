/* SPDX-License-Identifier: MIT */
#include "event/event.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static bool begin(void)
{
    return true;
}

static void end(void)
{
}

static const platform_thread_hooks hooks = {begin, end};

enum { SOON_MS = 5000 };

static event_record leak(const char *file, int line)
{
    return (event_record){
        .type = SH_EVENT_LEAKED_TO_FINALIZER, .kind = &sh_kind_file, .raw = 7, .birth = {file, line}, .count = 1};
}

/* A sink that keeps what it hears. The teller is waited for before anything is read. */
static struct {
    size_t count;
    sh_event last;
    uint64_t sum;
    uint64_t dropped;
} heard;

static void hear(const sh_event *event, void *data)
{
    cr_assert_eq(data, &heard);
    heard.count++;
    heard.last = *event;
    heard.sum += event->type == SH_EVENT_DROPPED ? 0 : event->count;
    heard.dropped += event->type == SH_EVENT_DROPPED ? event->count : 0;
}

static void start(void)
{
    cr_assert_eq(event_start(&hooks), 0);
    event_sink_set(hear, &heard);
}

static void wait_told(void)
{
    cr_assert(event_wait_told(platform_deadline(SOON_MS)));
}

Test(event, a_million_leaks_from_one_line_are_one_event, .init = start)
{
    for (int i = 0; i < 1000000; i++) {
        event_record record = leak("a.c", 12);
        event_raise(&record);
    }
    wait_told();
    cr_expect_eq(heard.count, 1);
    cr_expect_eq(heard.last.count, 1000000);
}

/* The longest pause between two raises from two lines by turns, over longer than one line may be quiet. */
static int64_t leak_slowly(void)
{
    int64_t last = platform_now_ms(), longest_pause = 0;
    for (int i = 0; i < 16; i++) {
        event_record record = leak("a.c", 12 + i % 2);
        event_raise(&record);
        platform_sleep_ms(EVENT_QUIET_MS / 10);
        int64_t now = platform_now_ms();
        longest_pause = now - last > longest_pause ? now - last : longest_pause;
        last = now;
    }
    return longest_pause;
}

Test(event, leaks_that_go_on_are_one_event, .init = start)
{
    /* A pause that the machine makes is one that a line makes: then it is tried again. */
    while (leak_slowly() > EVENT_QUIET_MS / 3) {
        wait_told();
        heard.count = heard.sum = 0;
    }
    wait_told();
    cr_expect_eq(heard.count, 2, "one for each line");
    cr_expect_eq(heard.sum, 16);
}

Test(event, leaks_are_due_when_their_line_is_quiet_or_patience_ends)
{
    sh_event_type leaks = SH_EVENT_LEAKED_TO_FINALIZER;
    cr_expect_eq(event_due_ms(leaks, 100, 100), 100 + EVENT_QUIET_MS);
    cr_expect_eq(event_due_ms(leaks, 100, 900), 900 + EVENT_QUIET_MS);
    cr_expect_eq(event_due_ms(leaks, 100, 100 + EVENT_PATIENCE_MS), 100 + EVENT_PATIENCE_MS);
    cr_expect_eq(event_due_ms(SH_EVENT_SATURATED, 100, 900), 900, "others at once");
}

/* The teller wakes for the wait when that is over already, and finds the leak. */
Test(event, a_wait_that_is_over_does_not_hurry_what_comes_later, .init = start)
{
    for (int i = 0; i < 10; i++) {
        event_record record = leak("a.c", 12);
        wait_told();
        event_raise(&record);
        platform_sleep_ms(5);
    }
    cr_expect_eq(heard.count, 9, "by the wait that comes after it");
    wait_told();
    cr_expect_eq(heard.sum, 10);
}

Test(event, another_line_kind_or_type_is_another_event, .init = start)
{
    static const char file[] = "a.c";
    event_record records[4] = {leak(file, 12), leak(file, 13), leak(file, 12), leak(file, 12)};
    records[2].kind = &sh_kind_pipe;
    records[3].type = SH_EVENT_LEAKED_REFERENCE;
    for (size_t i = 0; i < 4; i++)
        event_raise(&records[i]);
    wait_told();
    cr_expect_eq(heard.count, 4);
}

Test(event, leaks_are_gathered_and_told_without_being_asked, .init = start)
{
    event_record record = leak("a.c", 12);
    event_raise(&record);
    platform_sleep_ms(100);
    cr_expect_eq(heard.count, 0, "gathered");
    platform_sleep_ms(1500);
    wait_told();
    cr_expect_eq(heard.count, 1);
}

Test(event, what_does_not_fit_is_counted, .init = start)
{
    for (int line = 1; line <= 200; line++) {
        event_record record = leak("a.c", line);
        event_raise(&record);
    }
    wait_told();
    cr_expect_eq(heard.sum + heard.dropped, 200);
    cr_expect_gt(heard.dropped, 0);
}

Test(event, what_does_not_fit_is_counted_with_its_count)
{
    cr_assert_eq(event_start(&hooks), 0);
    for (int line = 1; line <= 200; line++) {
        event_record record = leak("a.c", line);
        record.count = 5;
        event_raise(&record);
    }
    event_sink_set(hear, &heard);
    wait_told();
    cr_expect_eq(heard.sum + heard.dropped, 1000);
    cr_expect_eq(heard.dropped % 5, 0);
    cr_expect_gt(heard.dropped, 0);
}

Test(event, events_wait_for_a_sink)
{
    event_record record = leak("a.c", 12);
    event_raise(&record);
    cr_assert_eq(event_start(&hooks), 0);
    cr_expect(event_wait_told(platform_deadline(0)), "there is nobody to wait for");
    event_sink_set(hear, &heard);
    wait_told();
    cr_expect_eq(heard.count, 1);
}

static platform_signal inside, go_on;
static bool slow_sink_running;

static void slow_sink(const sh_event *event, void *data)
{
    (void)event;
    (void)data;
    slow_sink_running = true;
    platform_signal_post(&inside);
    (void)platform_signal_wait(&go_on, platform_deadline(200));
    slow_sink_running = false;
}

static void start_slow(void)
{
    platform_signal_init(&inside);
    platform_signal_init(&go_on);
    cr_assert_eq(event_start(&hooks), 0);
    event_sink_set(slow_sink, NULL);
    event_record record = {.type = SH_EVENT_SATURATED, .count = 1};
    event_raise(&record);
    cr_assert(platform_signal_wait(&inside, platform_deadline(SOON_MS)));
}

Test(event, replacing_a_sink_waits_for_it, .init = start_slow)
{
    event_sink_set(NULL, NULL);
    cr_expect_not(slow_sink_running);
}

static void wait_for_setter(const sh_event *event, void *data)
{
    (void)event;
    (void)data;
    platform_signal_post(&inside);
    (void)platform_signal_wait(&go_on, PLATFORM_FOREVER);
}

static void *set_waiting_sink(void *unused)
{
    event_sink_set(wait_for_setter, NULL);
    platform_signal_post(&go_on); /* as a setter would that holds a lock which its sink takes */
    return unused;
}

/* The old one is running when it is replaced, and the new one runs before the setter has looked again. */
Test(event, replacing_a_sink_does_not_wait_for_the_new_one, .init = start_slow, .timeout = 20)
{
    pthread_t setter;
    event_record record = {.type = SH_EVENT_UNBALANCED_RELEASE, .count = 1};
    event_raise(&record);
    (void)pthread_create(&setter, NULL, set_waiting_sink, NULL);
    cr_expect(platform_signal_wait(&inside, platform_deadline(SOON_MS)));
    (void)pthread_join(setter, NULL);
    wait_told();
}

Test(event, raising_does_not_wait_for_the_sink, .init = start_slow)
{
    event_record record = {.type = SH_EVENT_SATURATED, .count = 1};
    event_raise(&record);
    cr_expect(slow_sink_running);
    cr_expect_not(event_wait_told(platform_deadline(10)), "it is not told while the sink is busy");
    platform_signal_post(&go_on);
}

static void replacing_sink(const sh_event *event, void *data)
{
    (void)event;
    (void)data;
    event_sink_set(hear, &heard);
}

Test(event, a_sink_may_replace_itself)
{
    cr_assert_eq(event_start(&hooks), 0);
    event_sink_set(replacing_sink, NULL);
    event_record record = {.type = SH_EVENT_SATURATED, .count = 1};
    event_raise(&record);
    wait_told();
    event_raise(&record);
    wait_told();
    cr_expect_eq(heard.count, 1);
}

static void exiting_sink(const sh_event *event, void *data)
{
    (void)event;
    (void)data;
    event_sink_set(hear, &heard);
    pthread_exit(NULL);
}

Test(event, a_sink_that_ends_its_thread_ends_only_its_own_telling)
{
    cr_assert_eq(event_start(&hooks), 0);
    event_sink_set(exiting_sink, NULL);
    event_record record = {.type = SH_EVENT_SATURATED, .count = 1};
    event_raise(&record);
    wait_told();
    event_raise(&record);
    wait_told();
    cr_expect_eq(heard.count, 1);
}

Test(event, stopping_tells_what_is_left, .init = start)
{
    event_record record = leak("a.c", 12);
    event_raise(&record);
    event_stop(platform_deadline(SOON_MS));
    cr_expect_eq(heard.count, 1);
}

Test(event, a_run_is_raised_as_one, .init = start)
{
    event_run run = {.record = {.count = 0}};
    static const char file[] = "a.c";
    event_record first = leak(file, 1), second = leak(file, 2);
    event_run_add(&run, &first);
    event_run_add(&run, &first);
    event_run_add(&run, &second);
    event_run_flush(&run);
    event_run_flush(&run);
    wait_told();
    cr_expect_eq(heard.count, 2);
    cr_expect_eq(heard.sum, 3);
}

/* ---- wording ----------------------------------------------------------------------------------------------------- */

static void expect_says(const event_record *record, const char *first, const char *second)
{
    char text[512];
    event_describe(record, text, sizeof text);
    cr_expect_not_null(strstr(text, first), "\"%s\" does not say \"%s\"", text, first);
    cr_expect_not_null(strstr(text, second), "\"%s\" does not say \"%s\"", text, second);
    cr_expect_eq(text[strlen(text) - 1], '.', "\"%s\" is a sentence", text);
}

Test(wording, each_event_names_the_handle_and_what_to_do)
{
    event_record record = leak("a.c", 12);
    expect_says(&record, "file 7", "a.c:12");
    expect_says(&record, "dropped open", "Close it");
    record.count = 3;
    expect_says(&record, "3 handles of kind file", "Close them");
    record.count = 1;
    record.birth.file = NULL;
    expect_says(&record, "not recorded", "file 7");

    record = (event_record){.type = SH_EVENT_RELEASE_FAILED, .kind = &sh_kind_fd, .os_error = EIO, .count = 1};
    expect_says(&record, "Input/output error", "lost");
    record.os_error = EBADF;
    expect_says(&record, "Bad file descriptor", "behind the handle's back");

    record = (event_record){.type = SH_EVENT_LEAKED_REFERENCE, .count = 1};
    expect_says(&record, "references on it", "sh_dangerous_add_ref");
    record.detail = EVENT_LEFT_AT_SHUTDOWN;
    expect_says(&record, "in use", "last user releases");

    record = (event_record){.type = SH_EVENT_UNBALANCED_RELEASE, .count = 1};
    expect_says(&record, "nobody had.", "sh_dangerous_release");
    record.type = SH_EVENT_SATURATED;
    expect_says(&record, "never be released", "sh_dangerous_add_ref");
    record.type = SH_EVENT_DROPPED;
    expect_says(&record, "table was full", "sink");
}

/* A handle leaks once; what else happens to it may happen again. */
Test(wording, only_leaks_count_handles)
{
    event_record record = {.kind = &sh_kind_file, .raw = 7, .birth = {"a.c", 12}, .other = {"b.c", 5}, .count = 3};
    record.type = SH_EVENT_LEAKED_REFERENCE;
    expect_says(&record, "3 handles of kind file, made at a.c:12, were", "references on");
    static const sh_event_type others[] = {SH_EVENT_RELEASE_FAILED, SH_EVENT_UNBALANCED_RELEASE, SH_EVENT_SATURATED,
                                           SH_EVENT_DOUBLE_WRAP, SH_EVENT_CONTRACT_BROKEN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        record.type = others[i];
        expect_says(&record, "The file 7, made at a.c:12,", " (3 times)");
    }
    record.type = SH_EVENT_FINALIZER_OVERDUE;
    record.detail = EVENT_RELEASE_OVERDUE;
    expect_says(&record, "The file 7, made at a.c:12,", " (3 times)");
    record.detail = EVENT_NORMAL_OVERDUE;
    expect_says(&record, "registered at a.c:12", " (3 times)");
    record.detail = EVENT_NORMAL_ENDED_THREAD;
    expect_says(&record, "registered at a.c:12", " (3 times)");
}

Test(wording, a_double_wrap_names_both_places)
{
    event_record record = {.type = SH_EVENT_DOUBLE_WRAP,
                           .detail = EVENT_WRAP_REFUSED,
                           .kind = &sh_kind_fd,
                           .birth = {"first.c", 1},
                           .other = {"second.c", 2},
                           .count = 1};
    expect_says(&record, "first.c:1", "second.c:2");
    expect_says(&record, "refused", "sh_duplicate");
    expect_says(&record, "refused", "behind the handle's back");
    record.detail = EVENT_OWNER_STALE;
    expect_says(&record, "second.c:2", "set as invalid");
    record.detail = EVENT_NUMBER_TAKEN;
    expect_says(&record, "first.c:1", "not closed again");
}

Test(wording, what_is_overdue_is_named)
{
    event_record record = {.type = SH_EVENT_FINALIZER_OVERDUE, .birth = {"f.c", 3}, .count = 2};
    record.detail = EVENT_NORMAL_OVERDUE;
    expect_says(&record, "f.c:3", "not returned");
    record.detail = EVENT_NORMAL_ENDED_THREAD;
    expect_says(&record, "f.c:3", "ended its thread");
    record.detail = EVENT_HOST_OVERDUE;
    expect_says(&record, "since the host", "2 dead objects");
    record.detail = EVENT_RELEASE_OVERDUE;
    expect_says(&record, "f.c:3", "release has not returned");
    record.type = SH_EVENT_CONTRACT_BROKEN;
    record.detail = EVENT_RELEASE_ENDED_THREAD;
    expect_says(&record, "f.c:3", "must return");
    record.detail = EVENT_CALLBACK_REPLACED;
    expect_says(&record, "GC_set_on_collection_event", "in place again");
}

Test(wording, nothing_overflows)
{
    char long_name[400];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    sh_kind kind = {.name = long_name};
    event_record record = {.type = SH_EVENT_DOUBLE_WRAP, .kind = &kind, .birth = {long_name, 1}, .count = UINT64_MAX};
    record.other = record.birth;
    char text[64];
    for (int type = 0; type <= SH_EVENT_DROPPED; type++) {
        record.type = (sh_event_type)type;
        event_describe(&record, text, sizeof text);
        cr_expect_lt(strlen(text), sizeof text);
    }
}

Test(wording, every_type_has_its_name)
{
    for (int type = 0; type <= SH_EVENT_DROPPED; type++)
        cr_expect_eq(strncmp(sh_event_type_name((sh_event_type)type), "SH_EVENT_", 9), 0);
    cr_expect_str_eq(sh_event_type_name(SH_EVENT_DOUBLE_WRAP), "SH_EVENT_DOUBLE_WRAP");
    cr_expect_str_eq(sh_event_type_name((sh_event_type)99), "SH_EVENT_?");
}
