/* SPDX-License-Identifier: MIT */
/*
 * Two lanes, the normal one strictly before the critical one; the worker that runs them; its supervisor.
 *
 * One worker at a time is current. It takes a batch (gc_host.h), runs its normal finalizers, then releases its handles.
 * When it does not come back from one of them for a sixteenth of the deadline, the supervisor makes another worker
 * current, which goes on with the rest; the stuck one finishes alone and leaves. Handles wait for a stuck normal
 * finalizer until its deadline, and no longer. docs/ordering.md tells the whole of it.
 *
 *   finalization_wake        anywhere, also where the collector has stopped the world
 *   finalization_wait_idle   any thread but the worker's
 *   the rest                 the runtime, one at a time
 *
 * Source: document 002, "weak ordering guarantee"; document 003, "the finalizer will be run".
 */
#ifndef FINALIZATION_FINALIZATION_H
#define FINALIZATION_FINALIZATION_H

#include "event/event.h"
#include "gc/gc_host.h"
#include <stdbool.h>
#include <stdint.h>

/* A leak in one word, which is never 0. Events that are alike have the same: where whose is, kind and birth are. */
static inline word_t finalization_leak(sh_event_type type, uint32_t whose)
{
    return (word_t)whose << 4 | (word_t)type;
}

static inline sh_event_type finalization_leak_type(word_t leak)
{
    return (sh_event_type)(leak & 15);
}

/* What a worker has in hand: handful.h. */
typedef struct handful handful;

/* What the room above does for us. */
typedef struct finalization_client {
    const platform_thread_hooks *hooks; /* for every worker's thread */
    /* The group it was allocated for. */
    uint32_t (*group_of)(const void *handle);
    /* It has been released: the lanes only tidy up after it. */
    bool (*is_released)(const void *handle);
    /* Whose handle it is, for events: kind, raw and birth are filled in. */
    void (*describe)(const void *handle, event_record *out_record) SH_RELIABILITY(will_not_corrupt_state, success);
    /* handful_release, with what releases one of its handles. Cancellation is held back; when a release ends its thread
     * all the same, release_torn follows on it. */
    size_t (*release)(handful *of);
    /* The handle counts as released, and an event is raised. */
    void (*release_torn)(void *handle) SH_RELIABILITY(will_not_corrupt_state, success);
} finalization_client;

/* deadline_ms: how long a normal finalizer may delay the handles of its batch; negative: no limit.
 * 0 or an errno value. client must live as long as the process. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
int finalization_start(const finalization_client *client, int64_t deadline_ms);

/* Lets the threads end and waits for them. Those that are stuck end when they come back; a release among them is an
 * event. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
void finalization_stop(int64_t deadline);

SH_RELIABILITY(will_not_corrupt_state, success)
void finalization_wake(void);

/* Waits until everything that was due when this was called has run. False: the deadline, or the lanes stop. */
bool finalization_wait_idle(int64_t deadline);

/* The same, but not for what is stuck and was given up. */
bool finalization_wait_batch(int64_t deadline);

/* From finalization_stop on, until it is started again: nothing is run any more. */
bool finalization_is_stopping(void);

/* Somebody in a hurry. In memory of the caller's; on the room's list from begin to end. */
typedef struct finalization_hurry {
    list_node link;
    int64_t deadline_ms;
} finalization_hurry;

/* From begin to end, normal finalizers delay handles by so much at most. */
void finalization_hurry_begin(finalization_hurry *hurry, int64_t deadline_ms);
void finalization_hurry_end(finalization_hurry *hurry);

/* What is done with each handle of a group that is not forgotten. */
typedef struct finalization_visitor {
    void (*watched)(void *handle, void *data); /* as gc->visit_watched says */
    /* A worker is releasing it, and may be done with it at any moment: only subject says what it was. Not for one that
     * has been released. */
    void (*running)(const event_record *subject, void *data);
} finalization_visitor;

/* Under one lock, so that none is overlooked on its way between the host and a worker. */
void finalization_visit_handles(uint32_t group, const finalization_visitor *visitor, void *data);

void finalization_fork_before(void);
void finalization_fork_in_parent(void);
void finalization_fork_in_child(void);

#endif
