/* SPDX-License-Identifier: MIT */
/* When nobody calls any more, there is but one right answer to everything. */
#include "scene.h"
#include <safehandle/stress.h>

/* Handles whose memory is still theirs: a dead one's may be another's by now. */
static void judge_counts(scene *in)
{
    for (size_t i = 0; i < in->model.handle_count; i++) {
        const model_handle *each = &in->model.handles[i];
        if (each->h == NULL || each->dropped)
            continue;
        size_t leases = 0, references = 0;
        if (sh_holders(each->h, NULL, 0, &leases, &references) != SH_OK || leases > 0 ||
            (int)references != each->references)
            model_violation(&in->model, "handle %zu has %zu leases and %zu references at rest, not 0 and %d", i, leases,
                            references, each->references);
        if (sh_is_closed(each->h) != each->closed.sure && each->closed.maybe == each->closed.sure)
            model_violation(&in->model, "handle %zu is %s at rest", i, each->closed.sure ? "open" : "closed");
    }
}

static void wait(scene *in)
{
    if (sh_wait_for_pending_finalizers(-1) != SH_OK)
        model_violation(&in->model, "the finalizers did not come to their end");
}

/* closed: all are; else those that were closed, or that a collection found dead. */
static void judge_released(scene *in, bool all)
{
    for (size_t i = 0; i < in->model.handle_count && !in->model.broken; i++) {
        const model_handle *each = &in->model.handles[i];
        bool ended = all || each->closed.sure || each->dropped;
        if (each->h == NULL || !ended || each->references > 0)
            continue;
        if (!model_is_over(each) || (!each->dropped && !sh_is_released(each->h)))
            model_violation(&in->model, "handle %zu was ended, nobody uses it, and it is not released", i);
    }
}

/* Whoever was admitted to a domain beside its unload has been unloaded with it. */
static void judge_unloaded(scene *in)
{
    for (size_t i = 0; i < in->registration_count; i++) {
        const scene_registration *each = &in->registrations[i];
        bool due = each->domain != MODEL_ROOT && in->model.domains[each->domain].unloaded.sure;
        if (due && each->registered && each->runs == 0 && !each->taken_back && !each->object->suppressed)
            model_violation(&in->model, "a domain was unloaded, and a finalizer in it never ran");
    }
}

static void give_back(scene *in)
{
    for (size_t i = 0; i < in->model.handle_count; i++) {
        model_handle *each = &in->model.handles[i];
        for (; each->references > 0 && !in->model.broken;) {
            each->references--;
            in->model.failed_here[MODEL_NOBODY] = false;
            sh_status status = sh_dangerous_release(each->h);
            bool failed = in->model.failed_here[MODEL_NOBODY];
            model_judge(&in->model, "the last sh_dangerous_release", each, status,
                        MODEL_ANSWER(failed ? SH_E_RELEASE : SH_OK));
        }
    }
}

static void close_all(scene *in)
{
    for (size_t i = 0; i < in->model.handle_count && !in->model.broken; i++) {
        model_handle *each = &in->model.handles[i];
        if (each->h == NULL || each->dropped)
            continue;
        model_may_end(each);
        in->model.failed_here[MODEL_NOBODY] = false;
        sh_status status = sh_close(each->h);
        bool failed = in->model.failed_here[MODEL_NOBODY];
        model_judge(&in->model, "the last sh_close", each, status, MODEL_ANSWER(failed ? SH_E_RELEASE : SH_OK));
    }
}

static void drop_all(scene *in)
{
    for (size_t i = 0; i < SCENE_PLACES; i++)
        in->places[i] = NULL;
    for (size_t i = 0; i < in->body_count; i++)
        in->bodies[i].unrooted = true;
    act_collect(in, MODEL_NOBODY, 0);
}

static void end_domains(scene *in)
{
    for (size_t i = MODEL_DOMAINS; i-- > 0;) {
        model_domain *each = &in->model.domains[i];
        each->unloaded.maybe = true;
        if (each->d != NULL && sh_domain_unload(each->d, -1, NULL) != SH_OK)
            model_violation(&in->model, "a domain could not be unloaded, and nobody uses it");
        else if (each->d != NULL && sh_domain_destroy(each->d) != SH_OK)
            model_violation(&in->model, "a domain could not be destroyed: something of it is left");
    }
}

/* A value that was set as invalid while its release may have begun: either. */
static void judge_values(scene *in)
{
    for (size_t i = 0; i < in->model.value_count; i++) {
        const model_value *each = &in->model.values[i];
        const model_handle *of = each->handle;
        int due = of->owned && !of->invalidated.sure;
        bool either = of->invalidated.maybe && !of->invalidated.sure;
        if (each->given && each->releases != due && !either)
            model_violation(&in->model, "the value of handle %zu was released %d times", of->number, each->releases);
    }
    for (size_t i = 0; i < in->registration_count; i++) {
        const scene_registration *each = &in->registrations[i];
        if (each->runs == 0 && !each->taken_back && !each->object->suppressed)
            model_violation(&in->model, "an object died, and its finalizer never ran");
    }
}

void scene_rest(scene *in)
{
    void (*const steps[])(scene *) = {judge_counts, give_back, close_all, drop_all, wait, end_domains, judge_values};
    act_collect(in, MODEL_NOBODY, 0);
    wait(in);
    if (!in->model.broken)
        judge_released(in, false);
    if (!in->model.broken)
        judge_unloaded(in);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !in->model.broken; i++) {
        steps[i](in);
        if (steps[i] == close_all && !in->model.broken)
            judge_released(in, true);
    }
}
