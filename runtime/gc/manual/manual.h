/* SPDX-License-Identifier: MIT */
/*
 * Inside the manual host: what its files share, and what they ask of each other. What gc_host has a place for is called
 * as gc_host.h says, and takes the mutex itself. Of the rest, gathering_here is any thread's at any time; everything
 * else but lock is called with the mutex held.
 */
#ifndef GC_MANUAL_MANUAL_H
#define GC_MANUAL_MANUAL_H

#include "gc/gc_host.h"
#include "gc/lane.h"
#include "platform/platform.h"

/* Invariant: every handle that was neither dropped nor condemned, and every finalizer whose object has not died, is on
 * the rings of its group. */
typedef struct group_rings {
    list_node live;       /* blocks (handles.c) */
    list_node finalizers; /* that watch */
} group_rings;

/*
 * A collection that a thread has begun and not ended: what it reported since. On the host's list, so that unload and
 * suppress reach what is in it, and not in thread-local memory, which a forked child does not have of other threads.
 * Invariant: the host's mutex covers every field but depth, which is the thread's own and at least 1.
 */
typedef struct gathering {
    list_node link;
    unsigned depth;
    list_node handles;
    gc_lane finalizers;
} gathering;

/*
 * Invariant: mutex covers every field. Only a start writes client, the same each time, and collect with its data: these
 * are read without it. groups has group_count places in use.
 */
typedef struct manual_state {
    platform_mutex mutex;
    gc_client client;
    void (*collect)(void *data);
    void *collect_data;
    group_rings *groups; /* by number */
    uint32_t group_count;
    list_node gatherings;
    gc_batches batches;
    gc_lane normal_lane;
} manual_state;

extern manual_state manual;

SH_RELIABILITY(will_not_corrupt_state, success)
void manual_lock(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_unlock(void);

/* The rings of the group: one, or all. */
group_rings *manual_rings_of(uint32_t group, uint32_t *out_count);

/* Handles (handles.c). judge: each on the ring was dropped, and goes where its handle's state sends it. judge_kept: so
 * do those that were kept until now. close_batch judges these, and limits condemned_take to what is in the lane now. */
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_handles_judge(list_node *ring);
void manual_handles_judge_kept(void);
void manual_handles_close_batch(void);
bool manual_handles_are_condemned(void);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
size_t manual_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                               size_t count);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status manual_drop_handle(void *handle);
size_t manual_condemned_take(void **out_handles, size_t most, gc_reason *out_reason);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_condemned_settle(void *const *handles, const gc_verdict *verdicts, size_t count);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_condemned_return(void *const *handles, size_t count, gc_reason reason);
void manual_handle_condemn(uint32_t group);
void manual_visit_watched(uint32_t group, void (*visit)(void *handle, void *data), void *data);
void manual_pin(void *handle); /* inside a visit, with the mutex held */
SH_RELIABILITY(will_not_corrupt_state, success)
void *manual_reveal(const atomic_word *hidden);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_unpin(void *handle_or_null);

/* Normal finalizers (finalizers.c). make_due: out of this lane, into the open batch. */
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_finalizers_make_due(gc_lane *dead);
sh_status manual_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group);
void manual_finalizer_remove(void *object);
gc_finalizer *manual_finalizer_take(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_finalizer_done(gc_finalizer *finalizer);
void manual_finalizer_condemn(uint32_t group);
bool manual_finalizer_is_watching(uint32_t group);
sh_status manual_drop_object(void *object);

/* Collections (collections.c). gathering_here: what the calling thread has begun; NULL: nothing. gathering_after: the
 * next on manual.gatherings after this link, NULL at the end. */
SH_RELIABILITY(will_not_corrupt_state, success)
gathering *manual_gathering_here(void);
gathering *manual_gathering_after(const list_node *link);
sh_status manual_collection_begin(void);
sh_status manual_collection_end(void);
void manual_collect(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void manual_thread_leave(void);

#endif
