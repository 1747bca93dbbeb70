/* SPDX-License-Identifier: MIT */
#include "heap.h"
#include "../../die.h"
#include <safehandle/stress.h>
#include <stdlib.h>

static const heap *heap_of(const world *in)
{
    return in->on_boehm ? &heap_boehm : &heap_simulated;
}

world *world_make(void)
{
    world *made = die_or_allocate(1, sizeof *made);
    (void)pthread_mutex_init(&made->lock, NULL);
    made->lowest = WORLD_FIRST_NUMBER;
    made->on_boehm = sh_stress_collector() == SH_COLLECTOR_BOEHM;
    return made;
}

void world_lock(world *in)
{
    (void)pthread_mutex_lock(&in->lock);
}

void world_unlock(world *in)
{
    (void)pthread_mutex_unlock(&in->lock);
}

void *world_allocate(world *in, size_t size_bytes)
{
    sh_stress_allocation("world.allocate");
    world_object *made = die_or_allocate(1, size_bytes);
    made->world = in;
    made->roots = 1;
    heap_of(in)->add(made);
    world_lock(in);
    if (in->object_count == WORLD_OBJECTS)
        die("more than %d objects", WORLD_OBJECTS);
    in->objects[in->object_count++] = made;
    world_unlock(in);
    return made;
}

/* ---- roots ------------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void drop(world_object *object)
{
    object->roots = 0;
    heap_of(object->world)->set_root(object, false);
    if (object->awaited && !object->dropped) {
        object->dropped = true;
        sh_stress_dropped();
    }
}

void world_root(world_object *object)
{
    world_lock(object->world);
    if (object->roots++ == 0)
        heap_of(object->world)->set_root(object, true);
    world_unlock(object->world);
}

void world_unroot(world_object *object)
{
    world_lock(object->world);
    if (object->roots == 0)
        die("a root was taken away twice");
    if (--object->roots == 0)
        drop(object);
    world_unlock(object->world);
}

/* ---- finalizers and handles -------------------------------------------------------------------------------------- */

/* Before anything can die: the world must live as long. */
static void await(world_object *object)
{
    world_lock(object->world);
    object->awaited = true;
    object->world->left++;
    world_unlock(object->world);
}

/* With the lock held. */
static void await_no_more(world_object *object)
{
    object->world->left -= object->awaited;
    object->awaited = false;
}

void world_finalize_with(world_object *object, sh_finalizer *run)
{
    await(object);
    object->finalizer = run;
    if (heap_of(object->world)->finalize_with(object, run) != SH_OK)
        die("a finalizer could not be registered");
}

void world_suppress(world_object *object)
{
    heap_of(object->world)->suppress(object);
    world_lock(object->world);
    await_no_more(object);
    object->finalizer = NULL;
    world_unlock(object->world);
}

void world_make_handle(world_object *object, const sh_kind *kind, sh_raw raw, sh_domain *domain_or_null)
{
    sh_create_options options = {.context = object, .domain = domain_or_null};
    await(object);
    if (heap_of(object->world)->make_handle(object, kind, raw, &options) != SH_OK)
        die("a handle could not be made");
}

static void free_world(world *of)
{
    for (size_t i = 0; i < of->object_count; i++) {
        heap_of(of)->remove(of->objects[i]);
        free(of->objects[i]);
    }
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}

void heap_finalized(world_object *object)
{
    world *in = object->world;
    world_lock(in);
    await_no_more(object);
    if (object->dropped)
        sh_stress_finalized();
    bool last = in->ended && in->left == 0;
    world_unlock(in);
    if (last)
        free_world(in);
}

void world_released(world_object *object)
{
    heap_finalized(object);
}

void *world_body(world_object *object)
{
    return heap_of(object->world)->body(object);
}

void world_hold(world *in, sh_handle *h)
{
    heap_of(in)->hold(in, h);
}

void world_collect(world *in)
{
    sh_stress_checkpoint("world.collect");
    world_lock(in);
    in->collections++;
    world_unlock(in);
    heap_of(in)->collect(in);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* With the lock held. What a conservative collector still keeps is judged by nobody: the runner counts it. */
static void judge(const world *of)
{
    if (of->on_boehm && of->left > 0)
        return;
    for (size_t i = 0; i < of->object_count; i++)
        if (of->objects[i]->finalizer != NULL && of->objects[i]->awaited)
            sh_stress_violation("an owner died, and its finalizer never ran");
    for (int number = 0; number < WORLD_NUMBERS; number++)
        if (of->files[number] != WORLD_NOTHING)
            sh_stress_violation("file %ld is open under number %d, and nobody is left to close it", of->files[number],
                                number);
}

void world_end(world *of)
{
    if (of->strangers_file != WORLD_NOTHING)
        world_close(of, of->strangers_number, of->strangers_file);
    world_lock(of);
    for (size_t i = 0; i < of->object_count; i++)
        if (of->objects[i]->roots > 0)
            drop(of->objects[i]);
    world_unlock(of);
    heap_of(of)->let_go(of);
    heap_of(of)->empty(of);
    world_lock(of);
    judge(of);
    of->ended = true;
    bool last = !of->on_boehm || of->left == 0;
    world_unlock(of);
    if (last)
        free_world(of);
}
