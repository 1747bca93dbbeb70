/* SPDX-License-Identifier: MIT */
#include "testing/testing.h"
#include "event/event.h"
#include "platform/platform.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static struct {
    const char *name;
    int nth;
    bool onwards;
    int reached;
    void (*step)(void *data);
    void *data;
    bool inside; /* a step does not meet itself, but may plan another */
} planned;

static bool hook(const char *name)
{
    if (planned.name == NULL || planned.inside || strcmp(name, planned.name) != 0)
        return false;
    planned.reached++;
    bool due = planned.onwards ? planned.reached >= planned.nth : planned.reached == planned.nth;
    if (due && planned.step != NULL) {
        planned.inside = true;
        planned.step(planned.data);
        planned.inside = false;
    }
    return due;
}

static void plan(const char *name, int nth, bool onwards, void (*step)(void *data), void *data)
{
    planned.name = name;
    planned.nth = nth;
    planned.onwards = onwards;
    planned.reached = 0;
    planned.step = step;
    planned.data = data;
    planned.inside = false;
    checkpoint_set_hook(hook);
}

void testing_at(const char *name, int nth, void (*step)(void *data), void *data)
{
    plan(name, nth, false, step, data);
}

void testing_from(const char *name, int nth, void (*step)(void *data), void *data)
{
    plan(name, nth, true, step, data);
}

void testing_at_nothing(void)
{
    checkpoint_set_hook(NULL);
}

int testing_reached(void)
{
    return planned.reached;
}

/* ---- a kind that tells ------------------------------------------------------------------------------------------- */

static struct {
    platform_mutex mutex;
    testing_releases releases;
    size_t interrupts;
    int (*action)(sh_raw raw, void *context);
} kind_log = {.mutex = PLATFORM_MUTEX_INIT};

static int release(sh_raw raw, void *context)
{
    platform_mutex_lock(&kind_log.mutex);
    int (*action)(sh_raw raw, void *context) = kind_log.action;
    platform_mutex_unlock(&kind_log.mutex);
    int error = action == NULL ? 0 : action(raw, context);
    platform_mutex_lock(&kind_log.mutex);
    kind_log.releases.count++;
    kind_log.releases.last_raw = raw;
    kind_log.releases.last_context = context;
    platform_mutex_unlock(&kind_log.mutex);
    return error;
}

static int interrupt(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    platform_mutex_lock(&kind_log.mutex);
    kind_log.interrupts++;
    platform_mutex_unlock(&kind_log.mutex);
    return 0;
}

static int duplicate(sh_raw raw, sh_raw *out_copy)
{
    *out_copy = raw + 1000;
    return 0;
}

const sh_kind testing_kind = {.name = "thing",
                              .invalid_value = 0,
                              .is_invalid = sh_invalid_zero_or_minus_one,
                              .release = release,
                              .duplicate = duplicate,
                              .interrupt = interrupt};

const sh_kind testing_derived_kind = {.name = "special thing",
                                      .base = &testing_kind,
                                      .invalid_value = 0,
                                      .is_invalid = sh_invalid_zero_or_minus_one,
                                      .release = release};

testing_releases testing_released(void)
{
    platform_mutex_lock(&kind_log.mutex);
    testing_releases releases = kind_log.releases;
    platform_mutex_unlock(&kind_log.mutex);
    return releases;
}

size_t testing_interrupts(void)
{
    platform_mutex_lock(&kind_log.mutex);
    size_t interrupts = kind_log.interrupts;
    platform_mutex_unlock(&kind_log.mutex);
    return interrupts;
}

void testing_on_release(int (*action)(sh_raw raw, void *context))
{
    platform_mutex_lock(&kind_log.mutex);
    kind_log.action = action;
    platform_mutex_unlock(&kind_log.mutex);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

enum { TYPES = SH_EVENT_DROPPED + 1, WAIT_MS = 10000 };

static struct {
    platform_mutex mutex;
    size_t counts[TYPES];
    uint64_t sums[TYPES];
    testing_event newest[TYPES];
} heard = {.mutex = PLATFORM_MUTEX_INIT};

static void sink(const sh_event *event, void *data)
{
    (void)data;
    platform_mutex_lock(&heard.mutex);
    heard.counts[event->type]++;
    heard.sums[event->type] += event->count;
    testing_event *newest = &heard.newest[event->type];
    newest->event = *event;
    (void)snprintf(newest->message, sizeof newest->message, "%s", event->message);
    newest->event.message = newest->message;
    platform_mutex_unlock(&heard.mutex);
}

void testing_listen(void)
{
    sh_set_event_sink(sink, NULL);
}

size_t testing_events(sh_event_type type, testing_event *out_newest_or_null)
{
    (void)sh_wait_for_pending_finalizers(WAIT_MS);
    platform_mutex_lock(&heard.mutex);
    size_t count = heard.counts[type];
    if (out_newest_or_null != NULL) {
        *out_newest_or_null = heard.newest[type];
        out_newest_or_null->event.message = out_newest_or_null->message;
    }
    platform_mutex_unlock(&heard.mutex);
    return count;
}

uint64_t testing_events_sum(sh_event_type type)
{
    (void)testing_events(type, NULL);
    return testing_events_heard(type);
}

uint64_t testing_events_heard(sh_event_type type)
{
    platform_mutex_lock(&heard.mutex);
    uint64_t sum = heard.sums[type];
    platform_mutex_unlock(&heard.mutex);
    return sum;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void must(sh_status status, const char *what)
{
    if (status == SH_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, sh_status_name(status));
    abort();
}

/* Until each of our threads has done something, a fault meant for the test could hit it while it starts. */
static void wait_for_threads(void)
{
    event_record record = {.type = SH_EVENT_DROPPED, .count = 1};
    event_raise(&record);
    testing_settle();
    heard.counts[SH_EVENT_DROPPED] = 0;
    heard.sums[SH_EVENT_DROPPED] = 0;
}

static void start(sh_collector collector)
{
    sh_options options = {.collector = collector, .finalizer_deadline_ms = TESTING_DEADLINE_MS};
    must(sh_init(&options), "sh_init");
    testing_listen();
    wait_for_threads();
}

void testing_start_manual(void)
{
    start(SH_COLLECTOR_MANUAL);
}

void testing_start_boehm(void)
{
    start(SH_COLLECTOR_BOEHM);
}

void testing_settle(void)
{
    must(sh_wait_for_pending_finalizers(WAIT_MS), "sh_wait_for_pending_finalizers");
}

/* ---- garbage ----------------------------------------------------------------------------------------------------- */

enum { DEPTH_SIZE_BYTES = 32 * 1024 };

__attribute__((noinline)) static void scrub(void)
{
    volatile unsigned char room[2 * DEPTH_SIZE_BYTES];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

__attribute__((noinline)) static void make_deep(size_t count, void (*make)(size_t i, void *data), void *data)
{
    volatile unsigned char depth[DEPTH_SIZE_BYTES];
    depth[0] = 0;
    for (size_t i = 0; i < count; i++)
        make(i, data);
    depth[1] = depth[0];
}

void testing_make_garbage(size_t count, void (*make)(size_t i, void *data), void *data)
{
    make_deep(count, make, data);
    scrub();
}

size_t testing_open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count - 3; /* ".", ".." and the directory itself */
}
