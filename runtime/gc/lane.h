/* SPDX-License-Identifier: MIT */
/*
 * What both hosts keep of the normal lane: the dead finalizers in the order they came, and how many of them each batch
 * still waits for. Not synchronised: the host's lock covers it.
 */
#ifndef GC_LANE_H
#define GC_LANE_H

#include "base/assert.h"
#include "gc/gc_host.h"

/* Invariant: last is NULL exactly when first is; every finalizer in it is GC_FINALIZER_DEAD. */
typedef struct gc_lane {
    gc_finalizer *first;
    gc_finalizer *last;
} gc_lane;

static inline void gc_lane_append(gc_lane *lane, gc_finalizer *finalizer)
{
    finalizer->next = NULL;
    if (lane->first == NULL)
        lane->first = finalizer;
    else
        lane->last->next = finalizer;
    lane->last = finalizer;
}

static inline gc_finalizer *gc_lane_take(gc_lane *lane)
{
    gc_finalizer *first = lane->first;
    if (first == NULL)
        return NULL;
    lane->first = first->next;
    if (lane->first == NULL)
        lane->last = NULL;
    first->next = NULL;
    return first;
}

/* Takes out those of one object, and answers them linked by next. */
static inline gc_finalizer *gc_lane_take_object(gc_lane *lane, const void *object)
{
    gc_lane kept = {NULL, NULL}, taken = {NULL, NULL};
    for (gc_finalizer *each; (each = gc_lane_take(lane)) != NULL;)
        gc_lane_append(each->object == object ? &taken : &kept, each);
    *lane = kept;
    return taken.first;
}

/*
 * Two batches matter at a time: the open one, which takes every new death, and the closed one, which is being run.
 * Invariant: open >= 1; closed is open - 1, or 0 when the closed batch is not waited for any longer.
 */
typedef struct gc_batches {
    size_t open;
    size_t closed;
    size_t pending_open;
    size_t pending_closed;
} gc_batches;

#define GC_BATCHES_INIT                                                                                                \
    {                                                                                                                  \
        .open = 1                                                                                                      \
    }

static inline bool gc_batches_are_valid(const gc_batches *batches)
{
    return batches->open >= 1 &&
           (batches->closed == 0 ? batches->pending_closed == 0 : batches->closed + 1 == batches->open);
}

/* False also for one whose batch was given up. */
static inline bool gc_batches_wait_for(const gc_batches *batches, const gc_finalizer *finalizer)
{
    return finalizer->batch != 0 && (finalizer->batch == batches->open || finalizer->batch == batches->closed);
}

static inline void gc_batches_count(gc_batches *batches, gc_finalizer *finalizer)
{
    if (gc_batches_wait_for(batches, finalizer))
        return;
    finalizer->batch = batches->open;
    batches->pending_open++;
}

static inline void gc_batches_done(gc_batches *batches, const gc_finalizer *finalizer)
{
    if (!gc_batches_wait_for(batches, finalizer))
        return;
    size_t *pending = finalizer->batch == batches->open ? &batches->pending_open : &batches->pending_closed;
    ASSERT(*pending > 0);
    (*pending)--;
}

static inline void gc_batches_close(gc_batches *batches)
{
    ASSERT(gc_batches_are_valid(batches));
    batches->closed = batches->open++;
    batches->pending_closed = batches->pending_open;
    batches->pending_open = 0;
}

static inline void gc_batches_abandon(gc_batches *batches)
{
    ASSERT(gc_batches_are_valid(batches));
    batches->closed = 0;
    batches->pending_closed = 0;
}

#endif
