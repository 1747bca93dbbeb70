/* SPDX-License-Identifier: MIT */
/*
 * The world of one input: four places for handles, two for domains and two for objects with finalizers, and what each
 * of the two threads has begun. A place is a root: what another handle is put over, and what is taken out, is
 * unreachable once no call and no lease has it, and the next collection finds it dead.
 */
#ifndef GCSTRESS_FUZZ_SCENE_H
#define GCSTRESS_FUZZ_SCENE_H

#include "model.h"

enum {
    SCENE_PLACES = 4,
    SCENE_LEASES = 4,
    SCENE_REGIONS = 3,
    SCENE_OBJECTS = 2,
    SCENE_BODIES = MODEL_HANDLES,
    SCENE_REGISTRATIONS = MODEL_HANDLES,
    SCENE_ENTERED = 32
};

/* Invariant: on is NULL while the lease is not open. */
typedef struct scene_lease {
    sh_lease lease;
    model_handle *on;
} scene_lease;

/* An object of the simulated heap. Invariant: busy while a call names it; others then leave it alone. */
typedef struct scene_object {
    bool unrooted;
    int collection; /* that found it dead; 0: none has */
    bool busy;
    bool due;        /* a domain was unloaded that had one of its finalizers, and destroyed before it ran */
    bool suppressed; /* a suppression began while its finalizers may have been due */
} scene_object;

/* A finalizer that was registered. */
typedef struct scene_registration {
    struct scene *in;
    scene_object *object;
    size_t domain;
    bool registered; /* the call has said so */
    bool taken_back;
    int runs;
} scene_registration;

typedef struct scene_thread {
    scene_lease leases[SCENE_LEASES];
    sh_region regions[SCENE_REGIONS];
    size_t region_count; /* those below are open, the last one innermost */
    size_t entered[SCENE_ENTERED];
    size_t entered_count;
    model_handle *making;   /* a duplicate, whose value comes before it */
    unsigned doing;         /* the operation that is under way, for the tally of states; 0: none */
    const model_handle *on; /* that it may mean; or NULL */
} scene_thread;

typedef struct scene {
    model model;
    model_handle *places[SCENE_PLACES];
    scene_thread threads[MODEL_THREADS];
    scene_object bodies[SCENE_BODIES];
    size_t body_count;
    scene_object *objects[SCENE_OBJECTS];
    scene_registration registrations[SCENE_REGISTRATIONS];
    size_t registration_count;
    int collections, collections_ended;
    int timed_calls; /* under way: those that may wait for the clock */
    size_t timed_calls_begun;
    char contexts[MODEL_HANDLES]; /* each handle's context is a byte of its own here */
    size_t operations;
} scene;

/* ---- kinds.c ----------------------------------------------------------------------------------------------------- */

extern const sh_kind scene_kind, scene_interruptible_kind;
/* Where everything is made. */
extern const sh_site scene_site;

/* What the kinds' callbacks tell; NULL: nobody. */
void scene_tell_callbacks(scene *to);
/* Which of the model's threads the calling one is. */
extern __thread size_t scene_thread_here;

/* ---- acts.c ------------------------------------------------------------------------------------------------------ */

/* The thread makes itself known to the library: so each run begins with the same. */
void scene_enter(scene *in);
/* One operation, on thread `thread`. */
void scene_act(scene *in, size_t thread, unsigned what, unsigned argument);
/* The thread ends what it has begun, and forgets the library. */
void scene_leave(scene *in, size_t thread);

/* ---- the acts, by subject: each takes what it is to act on from the argument ---------------------------------------
 */

typedef void scene_action(scene *in, size_t thread, unsigned argument);

/* acts_handles.c */
scene_action act_create, act_wrap, act_set, act_duplicate, act_close, act_close_wait, act_invalidate, act_look,
    act_count, act_drop;
/* acts_users.c */
scene_action act_add_reference, act_release, act_over_release, act_lease, act_end_lease, act_detach;
void act_end_leases(scene *in, size_t thread);
/* acts_domains.c */
scene_action act_create_domain, act_enter, act_leave, act_unload, act_destroy, act_enter_region, act_leave_region;
void act_leave_all(scene *in, size_t thread);
/* acts_collections.c */
scene_action act_collect, act_wait, act_register, act_suppress, act_keep_alive, act_unroot;

/* ---- helpers of the acts ----------------------------------------------------------------------------------------- */

/* A call that may wait for the clock. */
typedef struct scene_timed {
    int64_t begun_ms;
    bool was_alone;
    size_t calls_begun;
} scene_timed;

scene_timed scene_begin_timed(scene *in);
/* It has waited until its time was over, and no other call can have moved the clock. */
bool scene_end_timed(scene *in, const scene_timed *call, int64_t timeout_ms);

enum { SCENE_ERRNO = 4242 };
/* Around each call of the library. */
void scene_before(void);
void scene_after(scene *in, const char *what);

model_handle *scene_handle(const scene *in, unsigned argument);
/* That handles of the thread are made in. */
size_t scene_domain_here(const scene *in, size_t thread);

/* ---- rest.c ------------------------------------------------------------------------------------------------------ */

/* Nobody calls any more: the counts agree, then all is given back, closed and collected, and each value was released
 * once. On the main thread. */
void scene_rest(scene *in);

#endif
