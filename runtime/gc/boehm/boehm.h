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
    bool running;
    bool hand_over_lost; /* by a fork, and not found yet */
    gc_batches batches;
    gc_lane normal_lane;
} boehm_state;

extern boehm_state boehm;

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
