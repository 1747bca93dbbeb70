/* SPDX-License-Identifier: MIT */
/* The simulated system behind the handles: what it is asked goes to the model. */
#include "scene.h"
#include <errno.h>
#include <safehandle/stress.h>

const sh_site scene_site = {"input", 1};
__thread size_t scene_thread_here = MODEL_NOBODY;

static scene *listener;

void scene_tell_callbacks(scene *to)
{
    listener = to;
}

/* Of a collection, the finalizers come before the handles: handles of threads of ours that nothing else has closed. */
static void judge_order(const scene *in, const model_handle *handle)
{
    if (scene_thread_here != MODEL_NOBODY || !handle->dropped || in->model.hurried)
        return;
    for (size_t i = 0; i < in->registration_count; i++) {
        const scene_registration *each = &in->registrations[i];
        bool late = each->object->collection == handle->collection && each->runs == 0 && !each->taken_back &&
                    !each->object->suppressed;
        if (late && !in->model.broken)
            model_violation(&listener->model,
                            "handle %zu was released before a normal finalizer of the same collection had run",
                            handle->number);
    }
}

static int release(sh_raw raw, void *context)
{
    if (listener == NULL)
        return 0; /* a handle of the warm-up */
    model_value *value = model_find_value(&listener->model, raw);
    if (value == NULL) {
        model_violation(&listener->model, "the release got %ld, which nobody stored", (long)raw);
        return 0;
    }
    if (value->handle->context != context)
        model_violation(&listener->model, "the release of handle %zu got another context", value->handle->number);
    judge_order(listener, value->handle);
    model_release_begins(&listener->model, value, scene_thread_here);
    sh_stress_checkpoint("fuzz.release");
    model_release_ends(value);
    errno = EDOM; /* nobody may see it */
    return value->fails ? EIO : 0;
}

static int duplicate(sh_raw raw, sh_raw *out_copy)
{
    scene_thread *here = &listener->threads[scene_thread_here];
    const model_value *original = model_find_value(&listener->model, raw);
    sh_stress_checkpoint("fuzz.duplicate");
    if (original == NULL || original->handle == NULL || original->releases > 0) {
        model_violation(&listener->model, "a value was duplicated that is not open");
        return EIO;
    }
    if (original->fails)
        return EIO;
    here->making->value = model_new_value(&listener->model, here->making, false, out_copy);
    return 0;
}

static int interrupt(sh_raw raw, void *context)
{
    (void)context;
    const model_value *value = model_find_value(&listener->model, raw);
    sh_stress_checkpoint("fuzz.interrupt");
    if (value == NULL || value->releases > 0)
        model_violation(&listener->model, "a value was interrupted that is not open");
    else if (value->handle->waiters == 0 && !model_is_unloading(&listener->model, value->handle))
        model_violation(&listener->model, "the users of handle %zu were woken, and nobody waits for them",
                        value->handle->number);
    return 0;
}

const sh_kind scene_kind = {.name = "simulated",
                            .invalid_value = MODEL_INVALID_RAW,
                            .is_invalid = sh_invalid_minus_one,
                            .release = release,
                            .duplicate = duplicate};
const sh_kind scene_interruptible_kind = {.name = "interruptible",
                                          .base = &scene_kind,
                                          .invalid_value = MODEL_INVALID_RAW,
                                          .is_invalid = sh_invalid_minus_one,
                                          .release = release,
                                          .duplicate = duplicate,
                                          .interrupt = interrupt};
