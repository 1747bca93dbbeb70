/* SPDX-License-Identifier: MIT */
/* Which operation a number is; those that make something more than once, so that there is something to use. */
#include "../baton/baton.h"
#include "../baton/store_buffer.h"
#include "scene.h"
#include <errno.h>
#include <safehandle/stress.h>

static scene_action *const actions[] = {
    act_wrap,          act_wrap,       act_wrap,         act_create,       act_set,           act_close,     act_close,
    act_close_wait,    act_invalidate, act_duplicate,    act_look,         act_count,         act_drop,      act_drop,
    act_lease,         act_lease,      act_lease,        act_end_lease,    act_end_lease,     act_end_lease, act_detach,
    act_add_reference, act_release,    act_release,      act_over_release, act_create_domain, act_enter,     act_leave,
    act_unload,        act_destroy,    act_enter_region, act_leave_region, act_collect,       act_collect,   act_wait,
    act_register,      act_suppress,   act_keep_alive,   act_unroot,       act_add_reference,
};

enum { ACTIONS = sizeof actions / sizeof *actions };

void scene_act(scene *in, size_t thread, unsigned what, unsigned argument)
{
    if (in->model.broken)
        return;
    in->threads[thread].doing = 1 + what % ACTIONS;
    in->threads[thread].on = scene_handle(in, argument);
    in->operations++;
    sh_stress_checkpoint("fuzz.next");
    actions[what % ACTIONS](in, thread, argument);
    in->threads[thread].doing = 0;
}

void scene_enter(scene *in)
{
    scene_before();
    sh_status status = sh_thread_attach();
    scene_after(in, "sh_thread_attach");
    model_judge(&in->model, "sh_thread_attach", NULL, status, MODEL_ANSWER(SH_OK));
}

void scene_leave(scene *in, size_t thread)
{
    if (in->model.broken)
        return;
    act_end_leases(in, thread);
    act_leave_all(in, thread);
    if (in->model.broken)
        return;
    scene_before();
    sh_status status = sh_thread_detach();
    scene_after(in, "sh_thread_detach");
    model_judge(&in->model, "sh_thread_detach", NULL, status, MODEL_ANSWER(SH_OK));
}

/* ---- helpers of the acts ----------------------------------------------------------------------------------------- */

scene_timed scene_begin_timed(scene *in)
{
    return (scene_timed){baton_now_ms(), in->timed_calls++ == 0, ++in->timed_calls_begun};
}

bool scene_end_timed(scene *in, const scene_timed *call, int64_t timeout_ms)
{
    in->timed_calls--;
    bool alone = call->was_alone && in->timed_calls_begun == call->calls_begun;
    return alone && timeout_ms > 0 && baton_now_ms() >= call->begun_ms + timeout_ms;
}

void scene_before(void)
{
    errno = SCENE_ERRNO;
}

/* In the model everybody sees what a call did that has returned. */
void scene_after(scene *in, const char *what)
{
    store_buffer_drain();
    if (errno != SCENE_ERRNO && !in->model.broken)
        model_violation(&in->model, "%s changed errno to %d", what, errno);
}

model_handle *scene_handle(const scene *in, unsigned argument)
{
    return in->places[argument % SCENE_PLACES];
}

size_t scene_domain_here(const scene *in, size_t thread)
{
    const scene_thread *here = &in->threads[thread];
    return here->entered_count == 0 ? MODEL_ROOT : here->entered[here->entered_count - 1];
}
