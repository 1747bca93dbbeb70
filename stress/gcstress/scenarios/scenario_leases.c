/* SPDX-License-Identifier: MIT */
/* Leases in every place that a look has to go through, and looks that are late. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <stdlib.h>

enum { MANY_LEASES = 32 }; /* fill the slots that a thread has from the beginning */

typedef struct scene {
    world *world;
    sh_domain *domain;
    held a;
    held b;
} scene;

static scene *make_scene(void)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->a);
    held_end(&s->b);
    world_end(s->world);
    free(s);
}

/* ---- a lease behind others --------------------------------------------------------------------------------------- */

static void *begin_with_two(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    held_make(&made->a, made->world, &held_number, NULL);
    held_make(&made->b, made->world, &held_number, NULL);
    return made;
}

static void use_behind(scene *s, size_t others)
{
    sh_lease leases[MANY_LEASES];
    sh_raw unused;
    for (size_t i = 0; i < others; i++)
        if (sh_lease_begin(&leases[i], s->b.h, &unused) != SH_OK)
            die("a handle that nobody closes could not be leased");
    (void)held_lease(&s->a);
    for (size_t i = 0; i < others; i++)
        sh_lease_end(&leases[i]);
}

static void use_behind_two(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use_behind(s, 2);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_third_lease = {
    .size_bytes = sizeof scenario_third_lease,
    .name = "third-lease",
    .retells = "a call with three handles, of which another thread closes the last",
    .violation = "the closer does not look behind the first two leases of a thread",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_two,
    .thread = use_behind_two,
    .end = end_scene,
};

static void use_behind_many(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use_behind(s, MANY_LEASES);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_lease_behind_many = {
    .size_bytes = sizeof scenario_lease_behind_many,
    .name = "lease-behind-many",
    .retells = "document 002: deeply nested calls, each with a handle of its own",
    .violation = "the closer does not look where the leases are that a thread had no slot for",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_two,
    .thread = use_behind_many,
    .end = end_scene,
};

/* ---- a look that is so late that the memory is another handle's -------------------------------------------------- */

/* A block of memory of the library goes to the end of those that are free. */
static void turn_free_memory(scene *s)
{
    sh_create_options options = {.not_owned = true};
    sh_handle *turned;
    if (sh_wrap(&held_number, s->a.number, &options, &turned) != SH_OK)
        die("a handle could not be made");
    held_end_handle(turned);
}

/* Closed, with one reference, and with a lease in its past: so whoever leaves has to look. There is a second block of
 * memory, now free, so that there are as many in each run, also where somebody pins the first. */
static void *begin_closed(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    made->a.number = WORLD_FIRST_NUMBER;
    sh_create_options options = {.not_owned = true};
    sh_handle *second;
    if (sh_wrap(&held_number, made->a.number, &options, &second) != SH_OK)
        die("a handle could not be made");
    held_make(&made->a, made->world, &held_number, NULL);
    held_end_handle(second);
    bool success = false;
    if (!held_lease(&made->a) || sh_dangerous_add_ref(made->a.h, &success) != SH_OK)
        die("a handle that nobody closes could not be used");
    held_close(&made->a);
    return made;
}

static void close_in_lease(held *of)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, of->h, &raw) != SH_OK)
        die("a handle that nobody closes could not be leased");
    held_close(of);
    world_use(of->world, (int)raw, of->file);
    sh_lease_end(&lease);
}

/* Whoever is refused may be the last there; then the handle is over, and its memory is the next one's. */
static void come_too_late(scene *s)
{
    if (held_lease(&s->a))
        sh_stress_violation("somebody was admitted after the close");
    if (!sh_is_released(s->a.h))
        return;
    held_end(&s->a);
    turn_free_memory(s);
    held_make(&s->b, s->world, &held_number, NULL);
    close_in_lease(&s->b);
}

static void leave_and_come(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)sh_dangerous_release(s->a.h); /* its status is the release's, if that falls to it */
    else
        come_too_late(s);
}

const sh_stress_scenario scenario_memory_again = {
    .size_bytes = sizeof scenario_memory_again,
    .name = "memory-again",
    .retells = "the ABA problem: who looked for the leases of a handle finds another one in its memory",
    .violation = "a late look releases the next handle under its user",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_closed,
    .thread = leave_and_come,
    .end = end_scene,
};

/* ---- a user that leaves while an unload is waking it ------------------------------------------------------------- */

static int interrupt_number(sh_raw raw, void *context)
{
    const held *of = context;
    world_use(of->world, (int)raw, of->file);
    return 0;
}

static sh_kind interrupted_number; /* held_number, whose users can be woken */

static void *begin_in_domain(const char *unused)
{
    (void)unused;
    interrupted_number = held_number;
    interrupted_number.interrupt = interrupt_number;
    scene *made = make_scene();
    if (sh_domain_create("plug-in", &made->domain) != SH_OK)
        die("a domain could not be made");
    held_make(&made->a, made->world, &interrupted_number, made->domain);
    return made;
}

static void unload(scene *s)
{
    sh_stress_tell("unloads the domain");
    if (sh_domain_unload(s->domain, UNLOAD_MS, NULL) != SH_OK)
        sh_stress_violation("nobody uses the handle any more, and the unload did not come to its end");
}

static void unload_and_wake(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)held_lease(&s->a);
    else
        unload(s);
}

static void end_domain(void *data)
{
    sh_domain *domain = ((scene *)data)->domain;
    end_scene(data);
    if (sh_domain_destroy(domain) != SH_OK)
        sh_stress_violation("the domain could not be destroyed: something of it is left");
}

const sh_stress_scenario scenario_unload_wakes = {
    .size_bytes = sizeof scenario_unload_wakes,
    .name = "unload-wakes",
    .retells = "document 002: an application domain is unloaded, and its threads are woken from their calls",
    .violation = "the user leaves while it is being woken, and nobody releases",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_in_domain,
    .thread = unload_and_wake,
    .end = end_domain,
};
