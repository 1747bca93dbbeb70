/* SPDX-License-Identifier: MIT */
/* The simulated collector, and normal finalizers. */
#include "scene.h"
#include <safehandle/stress.h>

/* ---- what a collection finds ------------------------------------------------------------------------------------- */

static bool is_reachable(const scene *in, const model_handle *handle)
{
    for (size_t i = 0; i < SCENE_PLACES; i++)
        if (in->places[i] == handle)
            return true;
    return handle->calls > 0 || model_users(handle) > handle->references;
}

/* All at once: whoever collects at the same time finds them no more. */
static void mark(scene *in, int collection)
{
    for (size_t i = 0; i < in->model.handle_count; i++) {
        model_handle *each = &in->model.handles[i];
        if (each->h == NULL || each->dropped || is_reachable(in, each))
            continue;
        model_may_end(each);
        each->dropped = true;
        each->collection = collection;
    }
    for (size_t i = 0; i < in->body_count; i++)
        if (in->bodies[i].unrooted && !in->bodies[i].busy && in->bodies[i].collection == 0)
            in->bodies[i].collection = collection;
}

static bool has_finalizers(const scene *in, const scene_object *object)
{
    for (size_t i = 0; i < in->registration_count; i++)
        if (in->registrations[i].object == object)
            return true;
    return false;
}

static void report(scene *in, int collection)
{
    for (size_t i = 0; i < in->model.handle_count; i++) {
        model_handle *each = &in->model.handles[i];
        if (!each->dropped || each->collection != collection)
            continue;
        sh_stress_tell("the collector finds handle %zu dead", each->number);
        if (sh_host_drop(each->h) != SH_OK)
            model_violation(&in->model, "the death of handle %zu was refused", each->number);
    }
    for (size_t i = 0; i < in->body_count; i++) {
        scene_object *each = &in->bodies[i];
        if (each->collection != collection)
            continue;
        sh_status status = sh_host_drop_object(each); /* SH_E_ARGUMENT: it has no finalizer, or none any more */
        if (status != SH_OK && status != SH_E_ARGUMENT)
            model_violation(&in->model, "the death of an object was refused");
        if (status == SH_OK && !has_finalizers(in, each))
            model_violation(&in->model, "an object had a finalizer that nobody registered");
    }
}

void act_collect(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    (void)argument;
    sh_stress_tell("collects");
    scene_before();
    sh_status begun = sh_host_collection_begin();
    int collection = ++in->collections;
    mark(in, collection);
    sh_stress_checkpoint("fuzz.marked");
    report(in, collection);
    sh_status ended = sh_host_collection_end();
    scene_after(in, "a collection");
    in->collections_ended++;
    if (begun != SH_OK || ended != SH_OK)
        model_violation(&in->model, "a collection answered %s and %s", sh_status_name(begun), sh_status_name(ended));
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

void act_wait(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    int64_t timeout_ms = argument % 4 == 0 ? 0 : 20;
    bool were_dead[MODEL_HANDLES];
    for (size_t i = 0; i < MODEL_HANDLES; i++)
        were_dead[i] = in->model.handles[i].dropped && in->model.handles[i].calls == 0 &&
                       in->model.handles[i].references == 0 && in->collections == in->collections_ended;
    scene_timed timed = scene_begin_timed(in);
    scene_before();
    sh_status status = sh_wait_for_pending_finalizers(timeout_ms);
    scene_after(in, "sh_wait_for_pending_finalizers");
    if (scene_end_timed(in, &timed, timeout_ms))
        model_violation(&in->model, "sh_wait_for_pending_finalizers slept, and nobody had anything to do");
    model_judge(&in->model, "sh_wait_for_pending_finalizers", NULL, status,
                MODEL_ANSWER(SH_OK) | (timeout_ms == 0 ? MODEL_ANSWER(SH_E_TIMEOUT) : 0));
    for (size_t i = 0; i < MODEL_HANDLES && status == SH_OK; i++)
        if (were_dead[i] && !model_is_over(&in->model.handles[i]) && !in->model.broken)
            model_violation(&in->model, "handle %zu was dead, nobody used it, and a wait ended before its release", i);
}

/* ---- normal finalizers ------------------------------------------------------------------------------------------- */

static bool may_run(const scene_registration *registered)
{
    const scene *in = registered->in;
    if (registered->object->collection != 0 || registered->object->due)
        return true;
    /* The unload of a domain runs all finalizers of an object that has one in it. */
    for (size_t i = 0; i < in->registration_count; i++) {
        const scene_registration *each = &in->registrations[i];
        if (each->object == registered->object && each->domain != MODEL_ROOT &&
            in->model.domains[each->domain].unloaded.maybe)
            return true;
    }
    return false;
}

/* An unload refuses users before it runs a finalizer. */
static void note_refusal(scene *in, const scene_registration *running)
{
    for (size_t i = 0; i < in->registration_count; i++)
        if (in->registrations[i].object == running->object && in->registrations[i].domain != running->domain)
            return; /* it may run because of the other domain */
    for (size_t i = 0; i < in->model.handle_count; i++)
        if (in->model.handles[i].domain == running->domain && in->model.handles[i].unloads > 0)
            in->model.handles[i].refusing.sure = true;
}

static void finalize(void *object, void *data)
{
    scene_registration *registered = data;
    model *of = &registered->in->model;
    sh_stress_checkpoint("fuzz.finalizer");
    sh_stress_tell("a finalizer runs");
    if (registered->object != object && !of->broken)
        model_violation(of, "a finalizer got another object");
    if (registered->runs++ > 0 && !of->broken)
        model_violation(of, "a finalizer ran twice");
    if (registered->taken_back && !of->broken)
        model_violation(of, "a finalizer ran that had been suppressed");
    if (!may_run(registered) && !of->broken)
        model_violation(of, "a finalizer ran for an object that lives");
    if (registered->object->collection == 0)
        note_refusal(registered->in, registered);
}

/* NULL: a call names it, and two calls about one object are the caller's to order. */
static scene_object *take_object(scene *in, unsigned argument)
{
    scene_object **place = &in->objects[argument % SCENE_OBJECTS];
    if (*place == NULL)
        *place = &in->bodies[in->body_count++];
    return (*place)->busy ? NULL : *place;
}

void act_register(scene *in, size_t thread, unsigned argument)
{
    scene_object *object = take_object(in, argument);
    size_t domain = scene_domain_here(in, thread);
    if (object == NULL)
        return;
    scene_registration *made = &in->registrations[in->registration_count++];
    *made = (scene_registration){.in = in, .object = object, .domain = domain};
    bool was_unloaded = domain != MODEL_ROOT && in->model.domains[domain].unloaded.sure;
    object->busy = true;
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls++;
    scene_before();
    sh_status status = sh_finalizer_register_at(object, finalize, made, &scene_site);
    scene_after(in, "sh_finalizer_register");
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls--;
    object->busy = false;
    model_judge_making(&in->model, "sh_finalizer_register", domain, was_unloaded, status);
    made->registered = status == SH_OK;
    made->taken_back = status != SH_OK;
}

void act_suppress(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    scene_object *object = take_object(in, argument);
    if (object == NULL)
        return;
    object->busy = true;
    scene_before();
    sh_finalizer_suppress(object);
    scene_after(in, "sh_finalizer_suppress");
    object->busy = false;
    sh_stress_tell("suppresses the finalizers of an object");
    for (size_t i = 0; i < in->registration_count; i++) {
        scene_registration *each = &in->registrations[i];
        if (each->object != object)
            continue;
        if (may_run(each))
            object->suppressed = true; /* those that had begun run on */
        else
            each->taken_back = true;
    }
}

void act_keep_alive(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    scene_before();
    sh_keep_alive(scene_handle(in, argument));
    scene_after(in, "sh_keep_alive");
}

/* The next collection finds it dead, and the place gets another. */
void act_unroot(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    scene_object *object = take_object(in, argument);
    if (object == NULL)
        return;
    object->unrooted = true;
    in->objects[argument % SCENE_OBJECTS] = NULL;
    sh_stress_tell("forgets an object");
}
