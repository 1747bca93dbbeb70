/* SPDX-License-Identifier: MIT */
/* Unloads beside what else happens in a domain, and the finalizers of one. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <stdlib.h>

typedef struct scene {
    world *world;
    sh_domain *domain;
    held inside;
    held outside; /* in no domain but the root; or made while the other is unloaded */
    bool made;
    int released_by_unload; /* of outside, when the unload was over */
    bool draining;          /* the finalizer of the domain has begun */
    bool destroyed;
    int runs;
    world_object *stream;
} scene;

static scene *make_scene(void)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    if (sh_domain_create("plug-in", &made->domain) != SH_OK)
        die("a domain could not be made");
    return made;
}

static void *begin_with_handle(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    held_make(&made->inside, made->world, &held_number, made->domain);
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->inside);
    held_end(&s->outside);
    world_end(s->world);
    if (!s->destroyed && sh_domain_destroy(s->domain) != SH_OK)
        sh_stress_violation("the domain could not be destroyed: something of it is left");
    free(s);
}

static void unload(scene *s)
{
    sh_stress_tell("unloads the domain");
    if (sh_domain_unload(s->domain, UNLOAD_MS, NULL) != SH_OK)
        sh_stress_violation("the unload ended with something left");
    s->released_by_unload = s->outside.releases;
    if (s->inside.h != NULL && !sh_is_released(s->inside.h))
        sh_stress_violation("the unload was over before the handle was released");
}

/* ---- a close ----------------------------------------------------------------------------------------------------- */
static void unload_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        unload(s);
    else if (index == 1)
        held_close(&s->inside);
    else
        (void)held_count(&s->inside);
}

const sh_stress_scenario scenario_unload_beside_close = {
    .size_bytes = sizeof scenario_unload_beside_close,
    .name = "unload-beside-close",
    .retells = "document 002: a handle is closed while its application domain is unloaded",
    .violation = "two releases, one under a user, or none by the end of the unload",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = unload_and_close,
    .end = end_scene,
    .serial = true,
};

/* ---- a birth ----------------------------------------------------------------------------------------------------- */
static void *begin_empty(const char *unused)
{
    (void)unused;
    return make_scene();
}

/* What is refused is still the caller's. */
static void make_one(scene *s)
{
    held *of = &s->outside;
    *of = (held){.world = s->world};
    of->number = world_open(s->world, &of->file);
    sh_create_options options = {.context = of, .domain = s->domain};
    sh_handle *h = NULL;
    sh_status status = sh_wrap(&held_number, of->number, &options, &h);
    if (status == SH_OK) {
        world_hold(s->world, h);
        of->h = h;
        s->made = true;
    } else {
        sh_stress_tell("is refused a handle, and closes the number itself");
        world_close(s->world, of->number, of->file);
    }
}

static void unload_and_make(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        unload(s);
    else
        make_one(s);
}

static void end_with_birth(void *data)
{
    scene *s = data;
    if (s->made && !sh_is_released(s->outside.h))
        sh_stress_violation("a handle was made beside the unload, which did not notice it");
    else if (s->made && s->outside.releases != s->released_by_unload)
        sh_stress_violation("the unload was over, and whoever was making a handle released it after all");
    end_scene(s);
}

const sh_stress_scenario scenario_unload_beside_birth = {
    .size_bytes = sizeof scenario_unload_beside_birth,
    .name = "unload-beside-birth",
    .retells = "document 002: an application domain is unloaded while it opens another file",
    .violation = "the unload misses the new handle, or closes the number and says that it is the caller's",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_empty,
    .thread = unload_and_make,
    .end = end_with_birth,
    .serial = true,
};

/* ---- other domains ----------------------------------------------------------------------------------------------- */
static void finalize_counted(void *object, void *data)
{
    (void)object;
    ((scene *)data)->runs++;
}

static void *begin_with_both(const char *name)
{
    scene *made = begin_with_handle(name);
    held_make(&made->outside, made->world, &held_number, NULL);
    made->stream = world_allocate(made->world, sizeof *made->stream);
    if (sh_finalizer_register(world_body(made->stream), finalize_counted, made) != SH_OK)
        die("a finalizer could not be registered");
    return made;
}

static void unload_and_use(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        unload(s);
    else if (index == 1)
        (void)held_lease(&s->inside);
    else if (!held_lease(&s->outside))
        sh_stress_violation("the unload of a domain refused a user of another one's handle");
}

static void end_other(void *data)
{
    scene *s = data;
    if (s->runs != 0 || sh_is_closed(s->outside.h))
        sh_stress_violation("the unload of a domain ended what is in another one");
    sh_finalizer_suppress(world_body(s->stream));
    end_scene(s);
}

const sh_stress_scenario scenario_unload_of_one = {
    .size_bytes = sizeof scenario_unload_of_one,
    .name = "unload-of-one",
    .retells = "document 002: one application domain of several is unloaded",
    .violation = "a handle or a finalizer of another domain is ended with it",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_both,
    .thread = unload_and_use,
    .end = end_other,
    .serial = true,
};

/* ---- a stream that flushes while its domain is unloaded ---------------------------------------------------------- */
static void flush(void *object, void *data)
{
    (void)object;
    scene *s = data;
    s->runs++;
    s->draining = true;
    if (!held_lease(&s->inside))
        sh_stress_violation("the finalizer of a stream found its handle closed by the unload");
    if (!held_count(&s->inside))
        sh_stress_violation("the finalizer of a stream was refused by its handle");
    s->draining = false;
}

static void *begin_with_stream(const char *name)
{
    scene *made = begin_with_handle(name);
    made->stream = world_allocate(made->world, sizeof *made->stream);
    if (sh_domain_enter(made->domain) != SH_OK ||
        sh_finalizer_register(world_body(made->stream), flush, made) != SH_OK || sh_domain_leave(made->domain) != SH_OK)
        die("a finalizer could not be registered in the domain");
    return made;
}

static void come_late(scene *s, bool (*use)(held *of))
{
    bool late = s->draining;
    if (use(&s->inside) && late)
        sh_stress_violation("somebody was admitted like a finalizer, while the domain was being unloaded");
}

static void unload_and_flush(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        unload(s);
    else if (index == 1)
        come_late(s, held_count);
    else
        come_late(s, held_lease);
}

static void end_flushed(void *data)
{
    scene *s = data;
    if (s->runs != 1)
        sh_stress_violation("the finalizer of the domain's stream ran %d times", s->runs);
    end_scene(s);
}

const sh_stress_scenario scenario_unload_and_flush = {
    .size_bytes = sizeof scenario_unload_and_flush,
    .name = "unload-and-flush",
    .retells = "document 002: FileStream's finalizer writes its buffer also when the domain is unloaded",
    .violation = "the stream finds its handle closed, or others are admitted with it",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_stream,
    .thread = unload_and_flush,
    .end = end_flushed,
    .serial = true,
};

/* ---- the end of a domain ----------------------------------------------------------------------------------------- */
static void live_in(scene *s)
{
    if (sh_domain_enter(s->domain) != SH_OK)
        return;
    sh_stress_checkpoint("scenario.inside");
    make_one(s);
    if (s->destroyed)
        sh_stress_violation("a domain was destroyed under a thread that was in it");
    else if (!s->made)
        sh_stress_violation("a thread that was in a domain was refused a handle, though the domain was not destroyed");
    (void)sh_domain_leave(s->domain);
}

static void destroy(scene *s)
{
    s->destroyed = sh_domain_destroy(s->domain) == SH_OK;
}

static void live_and_destroy(void *data, size_t index)
{
    if (index == 0)
        live_in(data);
    else
        destroy(data);
}

static void end_destroyed(void *data)
{
    scene *s = data;
    if (s->made && s->destroyed)
        sh_stress_violation("a domain was destroyed with a handle in it");
    end_scene(s);
}

const sh_stress_scenario scenario_destroy_beside_birth = {
    .size_bytes = sizeof scenario_destroy_beside_birth,
    .name = "destroy-beside-birth",
    .retells = "document 002: an application domain that ends while somebody is in it",
    .violation = "the domain is destroyed under a thread or a handle",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_empty,
    .thread = live_and_destroy,
    .end = end_destroyed,
    .serial = true,
};
