/* SPDX-License-Identifier: MIT */
/*
 * The world of the built-in scenarios: a kernel that gives out numbers, and a heap whose collector the scenario runs.
 *
 * Both are simulated, so that a run is over in microseconds and is the same each time; what is explored between them,
 * the library, is the real code. The kernel gives the lowest free number, as POSIX demands. The heap's collector finds
 * dead what has no root: a scenario takes a root away where a just-in-time compiler would see the last use.
 */
#ifndef GCSTRESS_WORLD_H
#define GCSTRESS_WORLD_H

#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>

enum { WORLD_NUMBERS = 32, WORLD_FIRST_NUMBER = 3, WORLD_OBJECTS = 16, WORLD_NOTHING = 0 };

/* What is open under a number. Never used again. */
typedef long world_file;

/*
 * An object of the heap, which an approach begins its owners with.
 * Invariant: roots is not negative; dead is set once, by a collection that found no root; handle is one that only this
 * object reaches, or NULL.
 */
typedef struct world_object {
    struct world *world;
    int roots;
    bool dead;
    bool finalized; /* has its finalizer run, or its handle been dropped */
    sh_finalizer *finalizer;
    sh_handle *handle;
} world_object;

/* Invariant: files[n] is WORLD_NOTHING where n is free. */
typedef struct world {
    world_file files[WORLD_NUMBERS];
    world_file opened; /* files are numbered from 1 */
    int lowest;        /* numbers below are never given out */
    world_object *objects[WORLD_OBJECTS];
    size_t object_count;
    int collections;
} world;

world *world_make(void);
/* Drops every root, collects, waits for the finalizers, and has every object that died finalized and every file of an
 * owner closed, or says so. Then frees it. */
void world_end(world *of);

/* ---- the kernel: each is a checkpoint ---------------------------------------------------------------------------- */

int world_open(world *in, world_file *out_file);
/* A second number for what is open under the first, which somebody means who calls it file. */
int world_duplicate(world *in, int number, world_file file);
/* By whoever owns file. A violation: the number is free, or another file's by now. */
void world_close(world *in, int number, world_file file);
/* What a system call does with the number, on behalf of somebody who means file. */
void world_use(world *in, int number, world_file file);

/* ---- the heap ---------------------------------------------------------------------------------------------------- */

/* Zeroed, with one root. The world frees it. */
void *world_allocate(world *in, size_t size_bytes);
void world_root(world_object *object);
void world_unroot(world_object *object);
/* Has run(object, NULL) called when the object has died; and takes that back. */
void world_finalize_with(world_object *object, sh_finalizer *run);
void world_suppress(world_object *object);
/* Runs the finalizers of what has no root, on the library's own worker; does not wait for them. */
void world_collect(world *in);

#endif
