/* SPDX-License-Identifier: MIT */
/* What is made beside something that does not want it. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <stdlib.h>

enum { WRAPPERS = 2 };

typedef struct scene {
    world *world;
    held wrappers[WRAPPERS];
    sh_domain *domain;
    world_object *stream;
    bool registered;
    int runs;
} scene;

static scene *make_scene(void)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    return made;
}

static void end_scene(scene *s)
{
    world_end(s->world);
    free(s);
}

/* ---- two owners -------------------------------------------------------------------------------------------------- */

static void *begin_with_number(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    held first = {.world = made->world};
    first.number = world_open(made->world, &first.file);
    for (int i = 0; i < WRAPPERS; i++)
        made->wrappers[i] = first;
    return made;
}

static void wrap(void *data, size_t index)
{
    held *of = &((scene *)data)->wrappers[index];
    sh_create_options options = {.context = of};
    sh_handle *h = NULL;
    sh_status status = sh_wrap(&held_descriptor, of->number, &options, &h);
    if (status == SH_OK)
        of->h = h;
    else if (status != SH_E_OWNED)
        sh_stress_violation("a number that somebody owns was refused for another reason");
}

static void end_owned(void *data)
{
    scene *s = data;
    int owners = 0;
    for (int i = 0; i < WRAPPERS; i++)
        owners += s->wrappers[i].h != NULL;
    if (owners != 1)
        sh_stress_violation("one number has %d owners", owners);
    for (int i = 0; i < WRAPPERS; i++)
        held_end(&s->wrappers[i]);
    end_scene(s);
}

const sh_stress_scenario scenario_two_owners = {
    .size_bytes = sizeof scenario_two_owners,
    .name = "two-owners",
    .retells = "document 000: two objects over one handle, each of which will close it",
    .violation = "both are made, or neither",
    .approaches = approach_safehandle_only,
    .thread_count = WRAPPERS,
    .begin = begin_with_number,
    .thread = wrap,
    .end = end_owned,
};

/* ---- a finalizer of a domain that is being unloaded -------------------------------------------------------------- */

static void count_run(void *object, void *data)
{
    (void)object;
    ((scene *)data)->runs++;
}

static void *begin_with_domain(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    if (sh_domain_create("plug-in", &made->domain) != SH_OK)
        die("a domain could not be made");
    made->stream = world_allocate(made->world, sizeof *made->stream);
    return made;
}

static void register_inside(scene *s)
{
    if (sh_domain_enter(s->domain) != SH_OK)
        return;
    s->registered = sh_finalizer_register(s->stream, count_run, s) == SH_OK;
    (void)sh_domain_leave(s->domain); /* it was entered */
}

static void unload(scene *s)
{
    sh_stress_tell("unloads the domain");
    if (sh_domain_unload(s->domain, UNLOAD_MS, NULL) != SH_OK)
        sh_stress_violation("an empty domain could not be unloaded");
}

static void register_and_unload(void *data, size_t index)
{
    if (index == 0)
        register_inside(data);
    else
        unload(data);
}

static void end_registered(void *data)
{
    scene *s = data;
    if (s->runs != s->registered)
        sh_stress_violation("a finalizer was %s beside the unload, and ran %d times",
                            s->registered ? "registered" : "refused", s->runs);
    sh_finalizer_suppress(s->stream);
    sh_domain *domain = s->domain;
    end_scene(s);
    if (sh_domain_destroy(domain) != SH_OK)
        sh_stress_violation("the domain could not be destroyed: something of it is left");
}

const sh_stress_scenario scenario_late_finalizer = {
    .size_bytes = sizeof scenario_late_finalizer,
    .name = "late-finalizer",
    .retells = "document 002: all finalizers of an application domain run when it is unloaded",
    .violation = "one that was registered just then never runs, or one that was refused does",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_domain,
    .thread = register_and_unload,
    .end = end_registered,
};
