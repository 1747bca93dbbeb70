/* SPDX-License-Identifier: MIT */
/* The two heaps of a world, from inside: which one it has, the library's collector says. */
#ifndef GCSTRESS_HEAP_H
#define GCSTRESS_HEAP_H

#include "world.h"

typedef struct heap {
    /* Gives the object what the collector sees of it, with one root. */
    void (*add)(world_object *object);
    void (*remove)(world_object *object);
    /* With the world's lock held: whether the object is reachable has changed. */
    void (*set_root)(world_object *object, bool rooted);
    sh_status (*finalize_with)(world_object *object, sh_finalizer *run);
    void (*suppress)(world_object *object);
    sh_status (*make_handle)(world_object *object, const sh_kind *kind, sh_raw raw, const sh_create_options *options);
    void *(*body)(world_object *object);
    void (*hold)(world *in, sh_handle *h);
    void (*let_go)(world *of); /* of all that is held */
    void (*collect)(world *in);
    /* When all roots are gone: finds all dead, and has all finalizers run. */
    void (*empty)(world *of);
} heap;

extern const heap heap_simulated, heap_boehm;

/* The finalizer of the object has run, or its handle was released. May free the world with it. */
void heap_finalized(world_object *object);

#endif
