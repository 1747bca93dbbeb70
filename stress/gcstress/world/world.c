/* SPDX-License-Identifier: MIT */
#include "world.h"
#include "../../die.h"
#include <safehandle/stress.h>
#include <stdlib.h>

world *world_make(void)
{
    world *made = calloc(1, sizeof *made);
    if (made == NULL)
        die("no memory");
    made->lowest = WORLD_FIRST_NUMBER;
    return made;
}

/* ---- the kernel -------------------------------------------------------------------------------------------------- */

static int first_free(const world *in)
{
    int number = in->lowest;
    while (number < WORLD_NUMBERS && in->files[number] != WORLD_NOTHING)
        number++;
    if (number == WORLD_NUMBERS)
        die("more than %d files are open", WORLD_NUMBERS - in->lowest);
    return number;
}

int world_open(world *in, world_file *out_file)
{
    sh_stress_checkpoint("world.open");
    int number = first_free(in);
    in->files[number] = *out_file = ++in->opened;
    sh_stress_tell_of(SH_STRESS_OPENS, number, *out_file, "opens file %ld, and gets number %d", *out_file, number);
    return number;
}

int world_duplicate(world *in, int number, world_file file)
{
    world_use(in, number, file);
    int copy = first_free(in);
    in->files[copy] = in->files[number];
    sh_stress_tell_of(SH_STRESS_OPENS, copy, file, "duplicates number %d, and gets number %d", number, copy);
    return copy;
}

void world_close(world *in, int number, world_file file)
{
    sh_stress_checkpoint("world.close");
    if (in->files[number] == WORLD_NOTHING)
        sh_stress_violation("number %d was closed twice", number);
    else if (in->files[number] != file)
        sh_stress_violation("the owner of file %ld closed number %d, which is file %ld's by now", file, number,
                            in->files[number]);
    in->files[number] = WORLD_NOTHING;
    sh_stress_tell_of(SH_STRESS_CLOSES, number, file, "closes number %d, for the owner of file %ld", number, file);
}

void world_use(world *in, int number, world_file file)
{
    sh_stress_checkpoint("world.call");
    if (in->files[number] == WORLD_NOTHING)
        sh_stress_violation("a call for file %ld found number %d closed under it", file, number);
    else if (in->files[number] != file)
        sh_stress_violation("a call for file %ld reached file %ld, which has number %d now", file, in->files[number],
                            number);
    sh_stress_tell_of(SH_STRESS_CALLS, number, file, "calls the system with number %d, meaning file %ld", number, file);
}

/* ---- the heap ---------------------------------------------------------------------------------------------------- */

void *world_allocate(world *in, size_t size_bytes)
{
    if (in->object_count == WORLD_OBJECTS)
        die("more than %d objects", WORLD_OBJECTS);
    world_object *made = calloc(1, size_bytes);
    if (made == NULL)
        die("no memory");
    made->world = in;
    made->roots = 1;
    in->objects[in->object_count++] = made;
    return made;
}

void world_root(world_object *object)
{
    object->roots++;
}

void world_unroot(world_object *object)
{
    if (object->roots-- == 0)
        die("a root was taken away twice");
}

static void run_finalizer(void *object, void *run)
{
    ((world_object *)object)->finalized = true;
    ((sh_finalizer *)(uintptr_t)run)(object, NULL);
}

void world_finalize_with(world_object *object, sh_finalizer *run)
{
    object->finalizer = run;
    if (sh_finalizer_register(object, run_finalizer, (void *)(uintptr_t)run) != SH_OK)
        die("a finalizer could not be registered");
}

void world_suppress(world_object *object)
{
    sh_finalizer_suppress(object);
    object->finalizer = NULL;
}

static void report_death(world_object *object)
{
    object->dead = true;
    sh_stress_tell_of(SH_STRESS_DIES, 0, 0, "the collector finds an owner dead");
    if (object->finalizer != NULL && sh_host_drop_object(object) != SH_OK)
        object->finalizer = NULL; /* suppressed: nothing is due */
    if (object->handle != NULL && sh_host_drop(object->handle) == SH_OK)
        object->finalized = true;
}

void world_collect(world *in)
{
    sh_stress_checkpoint("world.collect");
    in->collections++;
    if (sh_host_collection_begin() != SH_OK)
        die("no memory");
    for (size_t i = 0; i < in->object_count; i++)
        if (in->objects[i]->roots == 0 && !in->objects[i]->dead)
            report_death(in->objects[i]);
    if (sh_host_collection_end() != SH_OK)
        die("a collection that was begun could not be ended");
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void judge(const world *of)
{
    for (size_t i = 0; i < of->object_count; i++)
        if (of->objects[i]->finalizer != NULL && !of->objects[i]->finalized)
            sh_stress_violation("an owner died, and its finalizer never ran");
    for (int number = 0; number < WORLD_NUMBERS; number++)
        if (of->files[number] != WORLD_NOTHING)
            sh_stress_violation("file %ld is open under number %d, and nobody is left to close it", of->files[number],
                                number);
}

void world_end(world *of)
{
    for (size_t i = 0; i < of->object_count; i++)
        of->objects[i]->roots = 0;
    world_collect(of);
    if (sh_wait_for_pending_finalizers(-1) != SH_OK)
        sh_stress_violation("the finalizers did not come to their end");
    judge(of);
    for (size_t i = 0; i < of->object_count; i++)
        free(of->objects[i]);
    free(of);
}
