/* SPDX-License-Identifier: MIT */
/* What only a handle of this library can do: counts and leases together, domains, waiting, releases that close. */
#include "../../die.h"
#include "../world/approach.h"
#include "scenarios.h"
#include <stdlib.h>

typedef struct scene {
    world *world;
    sh_domain *domain; /* NULL: none of its own */
    sh_handle *h;
    world_file file;
    sh_handle *neighbour;
    world_file neighbours_file;
    bool handed_over; /* a counted reference waits for whoever gives it back */
} scene;

static scene *make_empty(void)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    return made;
}

static void *begin_with_handle(const char *unused)
{
    (void)unused;
    scene *made = make_empty();
    int number = world_open(made->world, &made->file);
    made->h = approach_wrap(made->world, number, made->file, NULL);
    return made;
}

/* By the closer or the last user: the collector, which would do it too, comes later. */
static void judge(const sh_handle *h)
{
    if (sh_is_closed(h) && !sh_is_released(h))
        sh_stress_violation("nobody uses the closed handle any more, and nobody has released it");
}

static void end_scene(void *data)
{
    scene *s = data;
    judge(s->h);
    judge(s->neighbour);
    world_end(s->world);
    free(s);
}

/* ---- what threads do --------------------------------------------------------------------------------------------- */

static void use_by_lease(scene *s, sh_handle *h, world_file file)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, h, &raw) != SH_OK)
        return;
    world_use_held(s->world, (int)raw, file, "leases");
    sh_lease_end(&lease);
}

static void use_by_count(scene *s)
{
    bool success = false;
    if (sh_dangerous_add_ref(s->h, &success) != SH_OK)
        return;
    world_use_held(s->world, (int)sh_dangerous_get_handle(s->h), s->file, "counts itself in on");
    (void)sh_dangerous_release(s->h); /* its status is the release's, if that falls to it */
}

static void close_handle(scene *s)
{
    sh_stress_tell("closes the handle");
    (void)sh_close(s->h); /* may be pending: the last user releases it */
}

/* ---- counts and leases ------------------------------------------------------------------------------------------- */

static void count_and_lease(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use_by_count(s);
    else if (index == 1)
        use_by_lease(s, s->h, s->file);
    else
        close_handle(s);
}

const sh_stress_scenario scenario_counted_users = {
    .size_bytes = sizeof scenario_counted_users,
    .name = "counted-users",
    .retells = "document 003, DangerousAddRef beside an ordinary call and a close",
    .violation = "the number is closed under a user, twice, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = count_and_lease,
    .end = end_scene,
};

/* ---- the second lease of a thread, which needs no fence ---------------------------------------------------------- */

static void lease_again(void *data, size_t index)
{
    scene *s = data;
    if (index == 0) {
        use_by_lease(s, s->h, s->file);
        use_by_lease(s, s->h, s->file);
    } else {
        close_handle(s);
    }
}

const sh_stress_scenario scenario_lease_again = {
    .size_bytes = sizeof scenario_lease_again,
    .name = "lease-again",
    .retells = "the asymmetric fence: a lease by a plain store, which the closer's barrier has to make visible",
    .violation = "the closer misses a lease that is in a store buffer, or its end, and closes under it or never",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_handle,
    .thread = lease_again,
    .end = end_scene,
};

/* ---- a lease that becomes a reference of somebody else's --------------------------------------------------------- */

static void hand_over(scene *s)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, s->h, &raw) != SH_OK)
        return;
    if (sh_lease_detach(&lease) != SH_OK) {
        sh_stress_violation("a lease that holds its handle could not be detached");
        return;
    }
    sh_stress_checkpoint("scenario.handed-over");
    world_use(s->world, (int)raw, s->file);
    (void)sh_dangerous_release(s->h); /* its status is the release's, if that falls to it */
}

static void detach(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        hand_over(s);
    else if (index == 1)
        close_handle(s);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_detached_lease = {
    .size_bytes = sizeof scenario_detached_lease,
    .name = "detached-lease",
    .retells = "a callback or coroutine that finishes a call which another thread began",
    .violation = "between lease and reference the number is nobody's for a moment",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = detach,
    .end = end_scene,
};

/* ---- an unload while somebody calls ------------------------------------------------------------------------------ */

static void *begin_in_domain(const char *unused)
{
    (void)unused;
    scene *made = make_empty();
    if (sh_domain_create("plug-in", &made->domain) != SH_OK)
        die("a domain could not be made");
    int number = world_open(made->world, &made->file);
    made->h = approach_wrap(made->world, number, made->file, made->domain);
    return made;
}

static void unload(scene *s)
{
    sh_stress_tell("unloads the domain");
    if (sh_domain_unload(s->domain, UNLOAD_MS, NULL) != SH_OK)
        sh_stress_violation("the unload ended without the handle");
    else if (!sh_is_released(s->h))
        sh_stress_violation("the unload was over before the handle was released");
}

static void unload_while_calling(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use_by_lease(s, s->h, s->file);
    else if (index == 1)
        unload(s);
    else
        world_open_strange(s->world);
}

static void end_domain(void *data)
{
    scene *s = data;
    sh_domain *domain = s->domain;
    end_scene(s);
    if (sh_domain_destroy(domain) != SH_OK)
        sh_stress_violation("the domain could not be destroyed: something of it is left");
}

const sh_stress_scenario scenario_unload_while_calling = {
    .size_bytes = sizeof scenario_unload_while_calling,
    .name = "unload-while-calling",
    .retells = "document 002: an application domain is unloaded while a thread is in a call",
    .violation = "the number is closed under the call, or is still open when the unload is over",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_in_domain,
    .thread = unload_while_calling,
    .end = end_domain,
};

/* ---- a close that waits ------------------------------------------------------------------------------------------ */

static void close_and_wait(void *data, size_t index)
{
    scene *s = data;
    if (index < 2) {
        use_by_lease(s, s->h, s->file);
        return;
    }
    sh_stress_tell("closes the handle, and waits");
    if (sh_close_wait(s->h, -1) != SH_OK || !sh_is_released(s->h))
        sh_stress_violation("the close came back before the release");
}

const sh_stress_scenario scenario_close_and_wait = {
    .size_bytes = sizeof scenario_close_and_wait,
    .name = "close-and-wait",
    .retells = "golang/go#41505's rule: when a close comes back, nobody is inside",
    .violation = "the close comes back while the number is open, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = close_and_wait,
    .end = end_scene,
};

/* ---- a release that closes another handle ------------------------------------------------------------------------ */

static void close_neighbour(void *data)
{
    const scene *s = data;
    (void)sh_close(s->neighbour); /* may be pending: the last user releases it */
}

static void *begin_with_neighbour(const char *unused)
{
    (void)unused;
    scene *made = make_empty();
    int neighbours_number = world_open(made->world, &made->neighbours_file);
    made->neighbour = approach_wrap(made->world, neighbours_number, made->neighbours_file, NULL);
    int number = world_open(made->world, &made->file);
    made->h = approach_wrap_with(made->world, number, made->file, close_neighbour, made);
    return made;
}

static void close_with_neighbour(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use_by_lease(s, s->h, s->file);
    else if (index == 1)
        use_by_lease(s, s->neighbour, s->neighbours_file);
    else
        close_handle(s);
}

const sh_stress_scenario scenario_close_inside_release = {
    .size_bytes = sizeof scenario_close_inside_release,
    .name = "close-inside-release",
    .retells = "a parent whose release closes its child",
    .violation = "either number is closed under a user, twice, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_neighbour,
    .thread = close_with_neighbour,
    .end = end_scene,
};
