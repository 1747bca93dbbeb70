/* SPDX-License-Identifier: MIT */
/* Leases and counted references. */
#include "scene.h"
#include <safehandle/stress.h>
#include <string.h>

enum { PLACE_BITS = 2 };

/* ---- references -------------------------------------------------------------------------------------------------- */

void act_add_reference(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL || on->over_releasing)
        return;
    model_call call = model_begin(&in->model, thread, on);
    bool success = false;
    scene_before();
    sh_status status = sh_dangerous_add_ref(on->h, &success);
    scene_after(in, "sh_dangerous_add_ref");
    model_judge(&in->model, "sh_dangerous_add_ref", on, status, model_answers_of_entry(&call, false));
    if (success != (status == SH_OK) && !in->model.broken)
        model_violation(&in->model, "sh_dangerous_add_ref said success where it answered %s", sh_status_name(status));
    on->references += status == SH_OK;
    model_end(&call);
}

/* One that is counted, and which a dead handle may have, too. NULL: there is none. */
static model_handle *find_referenced(scene *in, unsigned argument)
{
    model_handle *asked = scene_handle(in, argument);
    if (asked != NULL && asked->references > 0)
        return asked;
    size_t skipped = argument >> PLACE_BITS;
    for (size_t i = 0; i < in->model.handle_count; i++) {
        model_handle *each = &in->model.handles[(i + skipped) % in->model.handle_count];
        if (each->references > 0)
            return each;
    }
    return NULL;
}

void act_release(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = find_referenced(in, argument);
    if (on == NULL)
        return;
    model_call call = model_begin(&in->model, thread, on);
    on->references--;
    scene_before();
    sh_status status = sh_dangerous_release(on->h);
    scene_after(in, "sh_dangerous_release");
    model_judge(&in->model, "sh_dangerous_release", on, status, model_answers_of_release(&call));
    model_end(&call);
}

/* Beside somebody who counts, it would take that one's reference: a bug of the program's, of which nothing can be said.
 * So it is done where nobody else calls, and those who count stay out until it is over. */
void act_over_release(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL || on->references > 0 || on->calls > 0 || on->unloads > 0)
        return;
    model_call call = model_begin(&in->model, thread, on);
    on->over_releasing = true;
    scene_before();
    sh_status status = sh_dangerous_release(on->h);
    scene_after(in, "sh_dangerous_release");
    on->over_releasing = false;
    model_judge(&in->model, "sh_dangerous_release without a reference", on, status, MODEL_ANSWER(SH_E_UNBALANCED));
    model_end(&call);
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void judge_leased(const model_call *call, sh_raw raw)
{
    const model_value *value = model_find_value(call->of, raw);
    bool right = value != NULL && value->handle == call->on && !value->refused && value->releases == 0;
    if (!right && !call->of->broken)
        model_violation(call->of, "a lease of handle %zu told %ld, which is not what is open there", call->on->number,
                        (long)raw);
}

void act_lease(scene *in, size_t thread, unsigned argument)
{
    static const sh_lease untouched;
    model_handle *on = scene_handle(in, argument);
    scene_lease *mine = in->threads[thread].leases;
    while (mine < in->threads[thread].leases + SCENE_LEASES && mine->on != NULL)
        mine++;
    if (on == NULL || mine == in->threads[thread].leases + SCENE_LEASES)
        return;
    model_call call = model_begin(&in->model, thread, on);
    sh_raw raw = MODEL_INVALID_RAW;
    mine->lease = untouched;
    scene_before();
    sh_status status = sh_lease_begin_at(&mine->lease, on->h, &scene_site, &raw);
    scene_after(in, "sh_lease_begin");
    model_judge(&in->model, "sh_lease_begin", on, status, model_answers_of_entry(&call, true));
    bool touched = raw != MODEL_INVALID_RAW || memcmp(&mine->lease, &untouched, sizeof untouched) != 0;
    if (status != SH_OK && touched)
        model_violation(&in->model, "sh_lease_begin failed, and wrote its outputs");
    if (status == SH_OK) {
        judge_leased(&call, raw);
        mine->on = on;
        on->leases[thread]++;
    }
    model_end(&call);
}

/* One that is not open ends without effect. */
void act_end_lease(scene *in, size_t thread, unsigned argument)
{
    scene_lease *mine = &in->threads[thread].leases[argument % SCENE_LEASES];
    model_handle *on = mine->on;
    if (on == NULL) {
        scene_before();
        sh_lease_end(&mine->lease);
        scene_after(in, "sh_lease_end");
        return;
    }
    model_call call = model_begin(&in->model, thread, on);
    on->leases[thread]--;
    mine->on = NULL;
    sh_stress_tell("ends a lease of handle %zu", on->number);
    scene_before();
    sh_lease_end(&mine->lease);
    scene_after(in, "sh_lease_end");
    model_end(&call);
}

/* At no moment is the handle without this user. */
void act_detach(scene *in, size_t thread, unsigned argument)
{
    scene_lease *mine = &in->threads[thread].leases[argument % SCENE_LEASES];
    model_handle *on = mine->on;
    if (on == NULL) {
        scene_before();
        sh_status status = sh_lease_detach(&mine->lease);
        scene_after(in, "sh_lease_detach");
        model_judge(&in->model, "sh_lease_detach without a lease", NULL, status, MODEL_ANSWER(SH_E_ARGUMENT));
        return;
    }
    if (on->over_releasing)
        return;
    model_call call = model_begin(&in->model, thread, on);
    scene_before();
    sh_status status = sh_lease_detach(&mine->lease);
    scene_after(in, "sh_lease_detach");
    model_judge(&in->model, "sh_lease_detach", on, status, MODEL_ANSWER(SH_OK));
    on->leases[thread]--;
    on->references++;
    mine->on = NULL;
    model_end(&call);
}

void act_end_leases(scene *in, size_t thread)
{
    for (unsigned i = 0; i < SCENE_LEASES && !in->model.broken; i++)
        if (in->threads[thread].leases[i].on != NULL)
            act_end_lease(in, thread, i);
}
