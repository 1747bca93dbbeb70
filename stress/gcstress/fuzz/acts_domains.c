/* SPDX-License-Identifier: MIT */
/* Domains and regions. */
#include "scene.h"
#include <safehandle/stress.h>

enum { PLACE_BITS = 1 };

static size_t place_of(unsigned argument)
{
    return argument % MODEL_DOMAINS;
}

/* ---- being inside ------------------------------------------------------------------------------------------------ */

/* Not while a call still names one that may have been destroyed meanwhile: it could mean the new one then. */
void act_create_domain(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    model_domain *place = &in->model.domains[place_of(argument)];
    for (size_t i = 0; i < MODEL_DOMAINS; i++)
        if (in->model.domains[i].destroying || in->model.domains[i].calls > 0)
            return;
    if (place->d != NULL)
        return;
    sh_domain *made = NULL;
    place->calls++;
    scene_before();
    sh_status status = sh_domain_create("input", &made);
    scene_after(in, "sh_domain_create");
    place->calls--;
    model_judge(&in->model, "sh_domain_create", NULL, status, MODEL_ANSWER(SH_OK));
    *place = (model_domain){.d = made};
}

void act_enter(scene *in, size_t thread, unsigned argument)
{
    size_t number = place_of(argument);
    model_domain *into = &in->model.domains[number];
    scene_thread *here = &in->threads[thread];
    if (into->d == NULL || here->entered_count == SCENE_ENTERED)
        return;
    bool was_unloaded = into->unloaded.sure;
    into->calls++;
    scene_before();
    sh_status status = sh_domain_enter(into->d);
    scene_after(in, "sh_domain_enter");
    into->calls--;
    model_judge_making(&in->model, "sh_domain_enter", number, was_unloaded, status);
    if (status != SH_OK)
        return;
    if (into->d == NULL)
        model_violation(&in->model, "a domain was entered that had been destroyed");
    here->entered[here->entered_count++] = number;
    into->inside[thread]++;
}

static void leave(scene *in, size_t thread, size_t number)
{
    model_domain *from = &in->model.domains[number];
    scene_thread *here = &in->threads[thread];
    bool innermost = here->entered_count > 0 && here->entered[here->entered_count - 1] == number;
    if (innermost) {
        here->entered_count--;
        from->inside[thread]--;
    }
    from->calls++;
    scene_before();
    sh_status status = sh_domain_leave(from->d);
    scene_after(in, "sh_domain_leave");
    from->calls--;
    model_judge(&in->model, "sh_domain_leave", NULL, status, MODEL_ANSWER(innermost ? SH_OK : SH_E_ARGUMENT));
}

void act_leave(scene *in, size_t thread, unsigned argument)
{
    if (in->model.domains[place_of(argument)].d != NULL)
        leave(in, thread, place_of(argument));
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static bool is_over_releasing(const scene *in, size_t domain)
{
    for (size_t i = 0; i < in->model.handle_count; i++)
        if (in->model.handles[i].domain == domain && in->model.handles[i].over_releasing)
            return true;
    return false;
}

/* out_were_in: for each handle, whether it was born in the domain by now. */
static void begin_unload(scene *in, size_t domain, bool *out_were_in)
{
    for (size_t i = 0; i < MODEL_HANDLES; i++) {
        model_handle *each = &in->model.handles[i];
        out_were_in[i] = i < in->model.handle_count && each->domain == domain && each->h != NULL;
        if (!out_were_in[i])
            continue;
        model_may_end(each);
        each->unloads++;
        each->calls_begun++;
    }
}

/* Who is inside: what the calling thread leases, all users, and those who just come or go. */
typedef struct users {
    int own, all, calls;
} users;

static users users_of(const scene *in, size_t domain, size_t thread)
{
    users found = {.own = 0};
    for (size_t i = 0; i < in->model.handle_count; i++) {
        const model_handle *each = &in->model.handles[i];
        if (each->domain != domain || each->h == NULL)
            continue;
        found.own += each->leases[thread];
        found.all += model_users(each);
        found.calls += each->calls;
    }
    return found;
}

static void end_unload(scene *in, const bool *were_in, sh_status status)
{
    for (size_t i = 0; i < MODEL_HANDLES; i++) {
        model_handle *each = &in->model.handles[i];
        if (!were_in[i])
            continue;
        each->unloads--;
        each->refusing.sure = each->refusing.sure || status != SH_E_ARGUMENT;
        if (status != SH_OK)
            continue;
        each->closed.sure = true;
        if (!model_is_over(each) && !in->model.broken)
            model_violation(&in->model, "the domain was unloaded, and handle %zu is not released", each->number);
    }
}

static model_answers answers_of_unload(const scene *in, size_t domain, users inside, int64_t timeout_ms)
{
    model_answers set = inside.own > 0 ? MODEL_ANSWER(SH_PENDING) : MODEL_ANSWER(SH_OK);
    const model_domain *of = &in->model.domains[domain];
    /* The clock goes on only where nobody can: somebody then has to be inside, or in a call. */
    if (timeout_ms == 0 || inside.all > inside.own || of->calls > 1 || inside.calls > 0)
        set |= MODEL_ANSWER(SH_E_TIMEOUT);
    if (of->d == NULL || of->destroying)
        set |= MODEL_ANSWER(SH_E_ARGUMENT);
    return set;
}

void act_unload(scene *in, size_t thread, unsigned argument)
{
    static const int64_t timeouts_ms[] = {0, 5, 50, 5};
    size_t number = place_of(argument);
    int64_t timeout_ms = timeouts_ms[(argument >> PLACE_BITS) % 4];
    model_domain *ended = &in->model.domains[number];
    if (ended->d == NULL || is_over_releasing(in, number))
        return;
    bool were_in[MODEL_HANDLES];
    begin_unload(in, number, were_in);
    ended->unloaded.maybe = in->model.hurried = true;
    ended->calls++;
    sh_stress_tell("unloads domain %zu", number);
    scene_timed timed = scene_begin_timed(in);
    sh_unload_report report = {.released = 0};
    scene_before();
    sh_status status = sh_domain_unload(ended->d, timeout_ms, &report);
    sh_unload_report_clear(&report);
    scene_after(in, "sh_domain_unload");
    (void)scene_end_timed(in, &timed, timeout_ms);
    model_judge(&in->model, "sh_domain_unload", NULL, status,
                answers_of_unload(in, number, users_of(in, number, thread), timeout_ms));
    ended->unloaded.sure = ended->unloaded.sure || status != SH_E_ARGUMENT;
    end_unload(in, were_in, status);
    ended->calls--;
}

/* One that has been destroyed has nothing left in it. */
static void judge_destroyed(scene *in, size_t domain)
{
    for (size_t i = 0; i < in->model.handle_count; i++) {
        model_handle *each = &in->model.handles[i];
        if (each->domain != domain || each->h == NULL)
            continue;
        if (!each->closed.maybe || !model_is_over(each))
            model_violation(&in->model, "the domain of handle %zu was destroyed under it", each->number);
        each->domain = MODEL_ROOT;
    }
    for (size_t i = 0; i < in->registration_count; i++) {
        scene_registration *each = &in->registrations[i];
        if (each->domain != domain)
            continue;
        bool waits = each->registered && each->runs == 0 && !each->taken_back && !each->object->suppressed;
        if (waits && each->object->collection == 0 && !in->model.domains[domain].unloaded.maybe)
            model_violation(&in->model, "a domain was destroyed with a finalizer in it");
        each->object->due = each->object->due || in->model.domains[domain].unloaded.maybe;
        each->domain = MODEL_ROOT;
    }
}

void act_destroy(scene *in, size_t thread, unsigned argument)
{
    size_t number = place_of(argument);
    model_domain *ended = &in->model.domains[number];
    if (ended->d == NULL || ended->destroying)
        return;
    ended->destroying = true;
    ended->refused = 0;
    scene_before();
    sh_status status = sh_domain_destroy(ended->d);
    scene_after(in, "sh_domain_destroy");
    ended->destroying = false;
    bool inside = ended->inside[thread] > 0;
    model_judge(&in->model, "sh_domain_destroy", NULL, status,
                MODEL_ANSWER(SH_PENDING) | (inside ? 0 : MODEL_ANSWER(SH_OK)));
    if (status == SH_PENDING && ended->refused > 0)
        model_violation(&in->model, "a destroy came to nothing, and refused somebody meanwhile");
    if (status != SH_OK)
        return;
    for (size_t i = 0; i < MODEL_THREADS; i++)
        if (ended->inside[i] > 0)
            model_violation(&in->model, "a domain was destroyed with a thread in it");
    judge_destroyed(in, number);
    ended->d = NULL;
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

void act_enter_region(scene *in, size_t thread, unsigned argument)
{
    scene_thread *here = &in->threads[thread];
    sh_reserve reserve = {.handle_count = argument % 3, .lease_count = (argument >> 2) % 3};
    size_t domain = scene_domain_here(in, thread);
    if (here->region_count == SCENE_REGIONS)
        return;
    bool was_unloaded = domain != MODEL_ROOT && in->model.domains[domain].unloaded.sure;
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls++;
    scene_before();
    sh_status status = sh_region_enter_at(&here->regions[here->region_count], &reserve, sizeof reserve);
    scene_after(in, "sh_region_enter");
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls--;
    if (reserve.handle_count == 0)
        domain = MODEL_ROOT; /* nothing is made in it */
    model_judge_making(&in->model, "sh_region_enter", domain, was_unloaded, status);
    here->region_count += status == SH_OK;
}

/* Any but the innermost stays. */
void act_leave_region(scene *in, size_t thread, unsigned argument)
{
    scene_thread *here = &in->threads[thread];
    size_t asked = argument % SCENE_REGIONS;
    bool innermost = here->region_count > 0 && asked == here->region_count - 1;
    scene_before();
    sh_status status = sh_region_leave(&here->regions[asked]);
    scene_after(in, "sh_region_leave");
    model_judge(&in->model, "sh_region_leave", NULL, status, MODEL_ANSWER(innermost ? SH_OK : SH_E_ARGUMENT));
    here->region_count -= innermost;
}

void act_leave_all(scene *in, size_t thread)
{
    scene_thread *here = &in->threads[thread];
    while (here->region_count > 0 && !in->model.broken)
        act_leave_region(in, thread, (unsigned)here->region_count - 1);
    while (here->entered_count > 0 && !in->model.broken)
        leave(in, thread, here->entered[here->entered_count - 1]);
}
