/* SPDX-License-Identifier: MIT */
/*
 * The world of the built-in scenarios: a kernel that gives out numbers, and a heap.
 *
 * The kernel is simulated, so that a run is over in microseconds and every misdirected call is named. It gives the
 * lowest free number, as POSIX demands. A scenario takes a root away where a just-in-time compiler would see the last
 * use. Under the manual host the heap is simulated, too: its collector finds dead what has no root, and is the same
 * each time. Under Boehm's collector each object has a body there, which nothing but its root leads to.
 *
 *   world_make, world_end   the only thread that uses the world
 *   the rest                any thread
 */
#ifndef GCSTRESS_WORLD_H
#define GCSTRESS_WORLD_H

#include <pthread.h>
#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>

enum { WORLD_NUMBERS = 32, WORLD_FIRST_NUMBER = 3, WORLD_HELD = 64, WORLD_OBJECTS = 16, WORLD_NOTHING = 0 };

/* What is open under a number. Never used again. */
typedef long world_file;

/*
 * An object of the heap, which an approach begins its owners with. Its memory is the world's, and the collector does
 * not look into it. Invariant: roots is not negative; dead is set once, by a collection that found no root; handle is
 * one that only this object reaches, or NULL. The world's lock covers it.
 */
typedef struct world_object {
    struct world *world;
    int roots;
    bool dead;    /* simulated heap only */
    bool awaited; /* its finalizer or its handle's release is still to come */
    bool dropped; /* its last root went while it was awaited */
    sh_finalizer *finalizer;
    sh_handle *handle;
    uintptr_t body; /* Boehm's heap only: hidden from the collector */
    void **root;    /* Boehm's heap only: leads to the body while there are roots */
} world_object;

/* Invariant: files[n] is WORLD_NOTHING where n is free; left counts the objects that are awaited.
 * The lock covers all, and is never held over a checkpoint. */
typedef struct world {
    pthread_mutex_t lock;
    bool on_boehm;
    bool ended; /* who finalizes its last object frees it */
    world_file files[WORLD_NUMBERS];
    world_file opened; /* files are numbered from 1 */
    int lowest;        /* numbers below are never given out */
    world_object *objects[WORLD_OBJECTS];
    size_t object_count;
    size_t left;
    void **held[WORLD_HELD]; /* Boehm's heap only: roots of handles */
    size_t held_count;
    int collections;
    int strangers_number;
    world_file strangers_file; /* WORLD_NOTHING: not opened */
} world;

world *world_make(void);
/* Closes the stranger's file, drops every root, collects, waits for the finalizers, and has every object that died
 * finalized and every file of an owner closed, or says so. Then frees it; where a conservative collector keeps an
 * object, when that has died. */
void world_end(world *of);

/* For what an approach changes in several steps that nobody may see one by one. */
void world_lock(world *in);
void world_unlock(world *in);

/* ---- the kernel: each is a checkpoint ---------------------------------------------------------------------------- */

int world_open(world *in, world_file *out_file);
/* By a stranger, once at most: whoever gets the number, if it is free. It stays open until the world's end. */
void world_open_strange(world *in);
/* A second number for what is open under the first, which somebody means who calls it file. */
int world_duplicate(world *in, int number, world_file file);
/* By whoever owns file. A violation: the number is free, or another file's by now. */
void world_close(world *in, int number, world_file file);
/* What a system call does with the number, on behalf of somebody who means file. */
void world_use(world *in, int number, world_file file);
/* The same by somebody who has the number for as long, and tells so. how: "leases" */
void world_use_held(world *in, int number, world_file file, const char *how);

/* ---- the heap ---------------------------------------------------------------------------------------------------- */

/* Zeroed, with one root. The world frees it. */
void *world_allocate(world *in, size_t size_bytes);
void world_root(world_object *object);
void world_unroot(world_object *object);
/* Has run(object, NULL) called when the object has died. Of one that an object has already, or of a handle: not both.
 */
void world_finalize_with(world_object *object, sh_finalizer *run);
/* Takes that back. */
void world_suppress(world_object *object);
/* Makes a handle of kind for the object, which is its context and alone reaches it. Its release ends with
 * world_released. */
void world_make_handle(world_object *object, const sh_kind *kind, sh_raw raw, sh_domain *domain_or_null);
void world_released(world_object *object);
/* What the collector, and with it sh_finalizer_register, knows the object by. */
void *world_body(world_object *object);
/* A handle that no object of the world leads to, but the scenario, whose memory a collector does not see: reachable
 * until the world's end. */
void world_hold(world *in, sh_handle *h);
/* Finds dead what has no root. Its finalizers run on the library's own worker; does not wait for them. */
void world_collect(world *in);

#endif
