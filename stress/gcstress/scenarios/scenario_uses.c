/* SPDX-License-Identifier: MIT */
/* One owner of one file, somebody who uses it, and others who end it: the accidents of document 002. */
#include "../../die.h"
#include "../world/approach.h"
#include "scenarios.h"
#include <stdlib.h>

typedef struct scene {
    world *world;
    const approach *how;
    world_object *owner;
    world_file file;
} scene;

/* roots: how many threads know the owner at the beginning. */
static scene *make_scene(const char *name, int roots)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->how = approach_find(name);
    made->world = world_make();
    int number = world_open(made->world, &made->file);
    made->owner = made->how->make(made->world, number, made->file);
    for (int i = 1; i < roots; i++)
        world_root(made->owner);
    return made;
}

static void *begin_with_one(const char *name)
{
    return make_scene(name, 1);
}

static void *begin_with_two(const char *name)
{
    return make_scene(name, 2);
}

static void *begin_with_three(const char *name)
{
    return make_scene(name, 3);
}

/* ---- what threads do --------------------------------------------------------------------------------------------- */

static void use(scene *s)
{
    approach_use mine;
    if (!s->how->begin(s->owner, &mine))
        return;
    world_use_held(s->world, mine.number, s->file, "holds");
    s->how->end(&mine);
}

static void close_owner(scene *s)
{
    sh_stress_tell("closes its owner");
    s->how->close(s->owner);
    world_unroot(s->owner);
}

static void end_scene(void *data)
{
    scene *s = data;
    world_end(s->world);
    free(s);
}

/* ---- the finalizer race: document 002's Foo.Problem -------------------------------------------------------------- */

static void race_a_finalizer(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use(s);
    else if (index == 1)
        world_collect(s->world);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_finalizer_race = {
    .size_bytes = sizeof scenario_finalizer_race,
    .name = "finalizer-race",
    .retells = "document 002, Foo.Problem: the object dies while its number is in a call",
    .violation = "a call meets a number that the finalizer closed under it, or another file that has it now",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_one,
    .thread = race_a_finalizer,
    .end = end_scene,
};

/* ---- recycling: document 002's handle recycling attack ----------------------------------------------------------- */

static void recycle(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use(s);
    else if (index == 1)
        close_owner(s);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_recycling = {
    .size_bytes = sizeof scenario_recycling,
    .name = "recycling",
    .retells = "document 002, the recycling attack: a close while a call is on its way",
    .violation = "a call meets a number that was closed under it, or another file that has it now",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_two,
    .thread = recycle,
    .end = end_scene,
};

/* ---- closing twice: curl#15725, an eventfd that two owners closed -------------------------------------------------
 */

static void close_twice(void *data, size_t index)
{
    scene *s = data;
    if (index < 2)
        close_owner(s);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_double_close = {
    .size_bytes = sizeof scenario_double_close,
    .name = "double-close",
    .retells = "curl#15725: a descriptor that two threads close",
    .violation = "a number is closed twice, the second time under a stranger",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_two,
    .thread = close_twice,
    .end = end_scene,
};

/* ---- all of it at once, by four threads -------------------------------------------------------------------------- */

static void *begin_with_four(const char *name)
{
    return make_scene(name, 4);
}

static void crowd(void *data, size_t index)
{
    scene *s = data;
    if (index < 2) {
        use(s);
    } else if (index == 2) {
        close_owner(s);
    } else {
        world_unroot(s->owner);
        world_collect(s->world);
        world_open_strange(s->world);
    }
}

const sh_stress_scenario scenario_crowd = {
    .size_bytes = sizeof scenario_crowd,
    .name = "crowd",
    .retells = "document 002: two calls, a close and a collection on four threads, and a number that is wanted",
    .violation = "a call meets a number that was closed under it, or it is closed twice, or never",
    .approaches = approach_names,
    .thread_count = 4,
    .begin = begin_with_four,
    .thread = crowd,
    .end = end_scene,
};

/* ---- a close, a user and a collection at once -------------------------------------------------------------------- */

static void close_and_collect(void *data, size_t index)
{
    scene *s = data;
    if (index == 0) {
        use(s);
    } else if (index == 1) {
        close_owner(s);
    } else {
        world_unroot(s->owner);
        world_collect(s->world);
        world_open_strange(s->world);
    }
}

const sh_stress_scenario scenario_close_and_collect = {
    .size_bytes = sizeof scenario_close_and_collect,
    .name = "close-and-collect",
    .retells = "document 003: critical finalization beside an explicit close",
    .violation = "the number is closed twice, or under its user, or never",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_three,
    .thread = close_and_collect,
    .end = end_scene,
};
