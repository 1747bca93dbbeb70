/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the lanes share, on the manual host: deaths that happen when the test says, and a log of what ran
 * because of them, in order. Included by one test program each.
 *
 *   record and what reads the log, and the callbacks   any thread
 *   history itself                                     while nothing is recorded
 */
#ifndef FINALIZATION_DEATHS_H
#define FINALIZATION_DEATHS_H

#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <pthread.h>

/* ---- a log of what ran, in order --------------------------------------------------------------------------------- */

enum { MOST_ENTRIES = 4096 };

static struct {
    platform_mutex mutex;
    char entries[MOST_ENTRIES + 1]; /* 'n' for a normal finalizer, 'c' for a critical one */
    size_t count;
} history = {.mutex = PLATFORM_MUTEX_INIT};

static inline void record(char what)
{
    platform_mutex_lock(&history.mutex);
    if (history.count < MOST_ENTRIES)
        history.entries[history.count++] = what;
    platform_mutex_unlock(&history.mutex);
}

static inline size_t recorded(char what)
{
    size_t count = 0;
    platform_mutex_lock(&history.mutex);
    for (size_t i = 0; i < history.count; i++)
        count += history.entries[i] == what;
    platform_mutex_unlock(&history.mutex);
    return count;
}

static inline void record_normal(void *object, void *data)
{
    (void)object;
    (void)data;
    record('n');
}

static inline int record_critical(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    record('c');
    return 0;
}

static inline void wait_until_recorded(char what, size_t count)
{
    for (int i = 0; i < 5000 && recorded(what) < count; i++)
        platform_sleep_ms(1);
    cr_assert_geq(recorded(what), count);
}

/* For some seconds at most; of what is told beside lanes that hang. */
static inline void wait_until_heard(sh_event_type type, uint64_t count)
{
    for (int i = 0; i < 5000 && testing_events_heard(type) < count; i++)
        platform_sleep_ms(1);
}

/* ---- things that die --------------------------------------------------------------------------------------------- */

static inline sh_handle *make(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

static char objects[2000];

static inline void own(size_t i, sh_finalizer *run)
{
    cr_assert_eq(sh_finalizer_register(&objects[i], run, NULL), SH_OK);
}

static inline void begin_collection(void)
{
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
}

static inline void end_collection(void)
{
    cr_assert_eq(sh_host_collection_end(), SH_OK);
}

static inline void die(size_t i)
{
    cr_assert_eq(sh_host_drop_object(&objects[i]), SH_OK);
}

static inline void drop(sh_handle *h)
{
    cr_assert_eq(sh_host_drop(h), SH_OK);
}

/* ---- callbacks that take their time, or never come back ---------------------------------------------------------- */

static platform_signal let_go;

static inline void hang(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    record('n');
}

static inline int hang_in_release(sh_raw raw, void *context)
{
    if (raw == 1)
        (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    return record_critical(raw, context);
}

static inline void exit_thread(void *object, void *data)
{
    (void)object;
    (void)data;
    record('n');
    pthread_exit(NULL);
}

static inline void take_its_time(void *object, void *data)
{
    platform_sleep_ms(TESTING_DEADLINE_MS / 2);
    record_normal(object, data);
}

#endif
