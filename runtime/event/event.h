/* SPDX-License-Identifier: MIT */
/*
 * The event room: a table of fixed size that anybody writes to, and the teller, a thread that reads it to the sink.
 *
 *   event_raise                any thread, any time, with any lock of ours held; never where the collector has stopped
 *                              the world. Allocates nothing; waits for no sink.
 *   event_sink_set             any thread
 *   event_start, event_stop    the runtime, one at a time
 *   event_wait_told            any thread but the teller
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "platform/platform.h"
#include <safehandle/contract.h>
#include <safehandle/event.h>
#include <safehandle/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which sentence an event type is told with, where it has several. */
typedef enum event_detail {
    EVENT_PLAIN,
    EVENT_WRAP_REFUSED,         /* DOUBLE_WRAP: the second handle was not made */
    EVENT_OWNER_STALE,          /* DOUBLE_WRAP: the first handle was set as invalid */
    EVENT_NUMBER_TAKEN,         /* DOUBLE_WRAP: at its release, the number belonged to another handle */
    EVENT_LEFT_AT_SHUTDOWN,     /* LEAKED_REFERENCE: the runtime stopped while the handle was in use */
    EVENT_NO_BARRIER,           /* LEAKED_REFERENCE: the system has forbidden the barrier that a close needs */
    EVENT_NORMAL_OVERDUE,       /* FINALIZER_OVERDUE: a normal finalizer runs beyond its deadline */
    EVENT_NORMAL_ENDED_THREAD,  /* FINALIZER_OVERDUE: a normal finalizer ended its thread */
    EVENT_HOST_OVERDUE,         /* FINALIZER_OVERDUE: the host has not run its finalizers by the deadline */
    EVENT_RELEASE_OVERDUE,      /* FINALIZER_OVERDUE: a release runs beyond the deadline */
    EVENT_RELEASE_ENDED_THREAD, /* CONTRACT_BROKEN: a release ended its thread */
    EVENT_CALLBACK_REPLACED,    /* CONTRACT_BROKEN: somebody replaced our collection callback without calling it */
    EVENT_RELEASE_ALLOCATED,    /* CONTRACT_BROKEN: a release allocated; these three only where contracts are checked */
    EVENT_RELEASE_BLOCKED,      /* CONTRACT_BROKEN: a release took longer than its budget */
    EVENT_RELEASE_ANSWERED      /* CONTRACT_BROKEN: a release returned an error */
} event_detail;

#ifdef SH_CONTRACTS_CHECKED
/* What a record tells of a breach, beside what all records tell. Invariant: depth <= EVENT_FRAMES. */
enum { EVENT_FRAMES = 32, EVENT_LINE_SIZE_BYTES = 192 };
typedef struct event_breach {
    int64_t elapsed_ms; /* since the release began */
    int64_t budget_ms;
    bool over; /* the release had returned when the stack was taken, which is that of its caller */
    size_t depth;
    void *frames[EVENT_FRAMES]; /* the innermost first */
} event_breach;
enum { EVENT_MESSAGE_SIZE_BYTES = 512 + EVENT_FRAMES * EVENT_LINE_SIZE_BYTES };
#else
enum { EVENT_MESSAGE_SIZE_BYTES = 512 };
#endif

/* One row of the table. Rows with the same type, detail, kind and birth are one row with a count.
 * Invariant: count >= 1. */
typedef struct event_record {
    sh_event_type type;
    event_detail detail;
    const sh_kind *kind;
    sh_raw raw;
    int os_error;
    sh_site birth;
    sh_site other; /* the second place concerned; file NULL when there is none */
    uint64_t count;
#ifdef SH_CONTRACTS_CHECKED
    event_breach breach; /* depth 0: none */
#endif
} event_record;

static inline bool event_is_leak(sh_event_type type)
{
    return type == SH_EVENT_LEAKED_TO_FINALIZER || type == SH_EVENT_LEAKED_REFERENCE;
}

enum {
    EVENT_QUIET_MS = 1000,    /* how long no leak may come from a line before those that came are told */
    EVENT_PATIENCE_MS = 30000 /* how long the first of them waits at most */
};

/* When a row is told at the latest: leaks are gathered, so that a million from one line are one event, however long a
 * busy machine takes over them. */
static inline int64_t event_due_ms(sh_event_type type, int64_t first_ms, int64_t newest_ms)
{
    if (!event_is_leak(type))
        return newest_ms;
    int64_t quiet = newest_ms + EVENT_QUIET_MS, patience = first_ms + EVENT_PATIENCE_MS;
    return quiet < patience ? quiet : patience;
}

SH_RELIABILITY(will_not_corrupt_state, success)
void event_raise(const event_record *record);

/* Records alike that come one after the other, raised as one. A zeroed run is empty; it belongs to one thread. */
typedef struct event_run {
    event_record record; /* count 0: empty */
} event_run;

SH_RELIABILITY(will_not_corrupt_state, success)
void event_run_add(event_run *run, const event_record *record);
SH_RELIABILITY(will_not_corrupt_state, success)
void event_run_flush(event_run *run);

/* 0 or an errno value. hooks must live as long as the process. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
int event_start(const platform_thread_hooks *hooks);

/* Tells what is left and stops the teller, waiting for it until the deadline. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
void event_stop(int64_t deadline);

void event_sink_set(sh_event_sink *sink, void *data);

/* Waits until everything raised before was told. Without a sink there is nothing to wait for. False: the deadline. */
bool event_wait_told(int64_t deadline);

/* Around fork. The child has the rows and no teller. */
void event_fork_before(void);
void event_fork_in_parent(void);
void event_fork_in_child(void);

/* The sentence for a record, cut to fit. Allocates nothing. */
void event_describe(const event_record *record, char *out_text, size_t capacity_bytes);

/* The same for the three of a breach, with a line for each frame of its stack; false for others. breach.c, which only
 * builds that check contracts have. */
#ifdef SH_CONTRACTS_CHECKED
bool event_describe_breach(const event_record *record, const char *subject, const char *times, char *out_text,
                           size_t capacity_bytes);
#else
#define event_describe_breach(record, subject, times, out_text, capacity_bytes) false
#endif

#endif
