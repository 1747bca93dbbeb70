/* SPDX-License-Identifier: MIT */
/*
 * Inside the Boehm host. Only the files of this folder include gc/gc.h.
 */
#ifndef GC_BOEHM_BOEHM_H
#define GC_BOEHM_BOEHM_H

#include "gc/gc_host.h"
#include "gc/lane.h"

#ifndef GC_THREADS
#define GC_THREADS
#endif
#define GC_NO_THREAD_REDIRECTS
#include <gc/gc.h>
#include <gc/gc_mark.h>

/* Invariant: covered by the collector's allocation lock, except the first two, which do not change after start. */
typedef struct boehm_state {
    gc_client client;
    bool owns_queue; /* we started the collector, so draining its finalizer queue is ours */
    bool confirm_death;
    bool hand_over_lost; /* by a fork, and not found yet */
    gc_batches batches;
    gc_lane normal_lane;
} boehm_state;

extern boehm_state boehm;

/* The collector's collections (collections.c). may_have_missed_one: with the lock held. keeps_memory: the collector
 * asks it, with its lock held, before it takes the memory of a dead handle. listen_again_if_replaced: without the lock;
 * true: somebody had replaced our callback. listen, listen_no_more: as start and stop in gc_host. */
void boehm_listen(void);
void boehm_listen_no_more(void);
SH_RELIABILITY(will_not_corrupt_state, success)
bool boehm_may_have_missed_one(void);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool boehm_listen_again_if_replaced(void);
int GC_CALLBACK boehm_keeps_memory(void *handle);
void boehm_collect(void);

/* New handles (handles.c). kind_make: when a collector is there, as start in gc_host. mark_fresh: where the world has
 * stopped. The rest: as gc_host says. */
void boehm_handle_kind_make(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void boehm_handles_mark_fresh(void);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
size_t boehm_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                              size_t count);
void boehm_fork_after(void);

/* The normal finalizers (finalizers.c). scan: where the world has stopped. the rest: as gc_host says. */
SH_RELIABILITY(will_not_corrupt_state, success)
void boehm_finalizers_scan(void);
bool boehm_finalizer_group_open(uint32_t group); /* with the lock held */
sh_status boehm_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group);
void boehm_finalizer_remove(void *object);
gc_finalizer *boehm_finalizer_take(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void boehm_finalizer_done(gc_finalizer *finalizer);
void boehm_finalizer_condemn(uint32_t group);
bool boehm_finalizer_is_watching(uint32_t group);
bool boehm_finalizers_are_waiting(void);
void boehm_queue_drain(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void boehm_queue_lost(void);

#endif
