/* SPDX-License-Identifier: MIT */
/* Counted references beside what ends a handle, and beside its death. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <stdlib.h>

typedef struct scene {
    world *world;
    held a;
    sh_handle *referenced; /* by a counted reference, also when it is dead */
} scene;

static void *begin_with_handle(const char *unused)
{
    (void)unused;
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    held_make(&made->a, made->world, &held_number, NULL);
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->a);
    world_end(s->world);
    free(s);
}

/* ---- the second reference of a caller is refused ----------------------------------------------------------------- */

/* One variable for both, as a caller has it who cleans up in one place. */
static void count_twice(scene *s)
{
    bool success = false;
    int taken = 0;
    for (int i = 0; i < 2; i++) {
        sh_stress_checkpoint("scenario.reference");
        taken += sh_dangerous_add_ref(s->a.h, &success) == SH_OK;
    }
    if (success != (taken > 0))
        sh_stress_violation("a caller with %d references was told that it has %s", taken, success ? "one" : "none");
    for (; taken > 0; taken--) {
        world_use(s->world, s->a.number, s->a.file);
        (void)sh_dangerous_release(s->a.h); /* its status is the release's, if that falls to it */
    }
}

static void count_twice_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        count_twice(s);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_second_reference = {
    .size_bytes = sizeof scenario_second_reference,
    .name = "second-reference",
    .retells = "document 003: DangerousAddRef only ever sets its success to true",
    .violation = "a refused reference makes its caller forget the one it has, and the number is never closed",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_handle,
    .thread = count_twice_and_close,
    .end = end_scene,
};

/* ---- a reference on a dead handle -------------------------------------------------------------------------------- */

static void *begin_referenced(const char *name)
{
    scene *made = begin_with_handle(name);
    bool success = false;
    if (sh_dangerous_add_ref(made->a.h, &success) != SH_OK)
        die("a reference could not be taken");
    made->referenced = made->a.h;
    return made;
}

static void give_back_late(scene *s)
{
    world_use(s->world, s->a.number, s->a.file);
    (void)sh_dangerous_release(s->referenced); /* its status is the release's, if that falls to it */
}

static void drop(scene *s)
{
    if (sh_stress_collector() != SH_COLLECTOR_MANUAL)
        return; /* held_end closes it */
    sh_stress_tell("the collector finds the handle dead");
    if (sh_host_drop(s->a.h) != SH_OK)
        die("a handle could not be reported dead");
    s->a.h = NULL;
}

static void die_under_reference(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        give_back_late(s);
    else if (index == 1)
        drop(s);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_dead_with_reference = {
    .size_bytes = sizeof scenario_dead_with_reference,
    .name = "dead-with-reference",
    .retells = "document 003: a number was handed to the system for an asynchronous call, and its owner dies",
    .violation = "the number is closed under the call, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_referenced,
    .thread = die_under_reference,
    .end = end_scene,
};
