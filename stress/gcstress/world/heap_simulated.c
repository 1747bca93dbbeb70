/* SPDX-License-Identifier: MIT */
/* Dead is what has no root. The library's manual host is told so. */
#include "../../die.h"
#include "heap.h"
#include <safehandle/stress.h>

static void add(world_object *object)
{
    (void)object;
}

static void set_root(world_object *object, bool rooted)
{
    (void)object;
    (void)rooted;
}

/* Not by way of the object: whoever suppresses it may come too late to stop this one. */
static void run_finalizer(void *object, void *run)
{
    ((sh_finalizer *)(uintptr_t)run)(object, NULL);
    heap_finalized(object);
}

static sh_status finalize_with(world_object *object, sh_finalizer *run)
{
    return sh_finalizer_register(object, run_finalizer, (void *)(uintptr_t)run);
}

static void suppress(world_object *object)
{
    sh_finalizer_suppress(object);
}

static sh_status make_handle(world_object *object, const sh_kind *kind, sh_raw raw, const sh_create_options *options)
{
    return sh_wrap(kind, raw, options, &object->handle);
}

static void report_death(world_object *object)
{
    object->dead = true;
    sh_stress_tell_of(SH_STRESS_DIES, 0, 0, "the collector finds an owner dead");
    if (object->finalizer != NULL && sh_host_drop_object(object) != SH_OK)
        object->finalizer = NULL; /* suppressed: nothing is due */
    if (object->handle != NULL && sh_host_drop(object->handle) != SH_OK)
        object->handle = NULL; /* released: the same */
}

static void *body_of(world_object *object)
{
    return object;
}

static void hold(world *in, sh_handle *h)
{
    (void)in;
    (void)h;
}

static void let_go(world *of)
{
    (void)of;
}

static void collect(world *in)
{
    if (sh_host_collection_begin() != SH_OK)
        die("no memory");
    for (size_t i = 0; i < in->object_count; i++)
        if (in->objects[i]->roots == 0 && !in->objects[i]->dead)
            report_death(in->objects[i]);
    if (sh_host_collection_end() != SH_OK)
        die("a collection that was begun could not be ended");
}

static void empty(world *of)
{
    world_collect(of);
    if (sh_wait_for_pending_finalizers(-1) != SH_OK)
        sh_stress_violation("the finalizers did not come to their end");
}

const heap heap_simulated = {.add = add,
                             .remove = add,
                             .set_root = set_root,
                             .finalize_with = finalize_with,
                             .suppress = suppress,
                             .make_handle = make_handle,
                             .body = body_of,
                             .hold = hold,
                             .let_go = let_go,
                             .collect = collect,
                             .empty = empty};
