/* SPDX-License-Identifier: MIT */
/* Making handles, storing, duplicating, ending and looking. */
#include "scene.h"
#include <errno.h>
#include <safehandle/stress.h>

enum { PLACE_BITS = 2, FAILS_OF_EIGHT = 7 };

/* How a handle is made: the bits above its place. */
typedef struct making {
    bool owned, interruptible, fails;
    bool plain;    /* with the defaults, and so without a context */
    size_t domain; /* that is asked for; MODEL_ROOT: none, the thread's is taken */
} making;

static making making_of(const scene *in, unsigned argument)
{
    unsigned rest = argument >> PLACE_BITS;
    size_t domain = (rest >> 3) % 4;
    bool named = domain < MODEL_DOMAINS && in->model.domains[domain].d != NULL;
    bool owned = rest % 4 != 3;
    return (making){.owned = owned,
                    .plain = owned && !named && rest >> 5 == 1,
                    .interruptible = (rest >> 2) % 2 == 1,
                    .fails = (rest & FAILS_OF_EIGHT) == 6,
                    .domain = named ? domain : MODEL_ROOT};
}

static size_t domain_of(const scene *in, size_t thread, const making *how)
{
    return how->domain != MODEL_ROOT ? how->domain : scene_domain_here(in, thread);
}

static model_handle *prepare(scene *in, const making *how, size_t domain)
{
    model_handle *made = model_new_handle(&in->model);
    made->owned = how->owned;
    made->interruptible = how->interruptible;
    made->domain = domain;
    made->context = how->plain ? NULL : &in->contexts[made->number];
    return made;
}

/* It is born, and the place reaches it. */
static void put(scene *in, unsigned argument, model_handle *made, sh_handle *h)
{
    made->h = h;
    if (made->domain != MODEL_ROOT && in->model.domains[made->domain].unloaded.maybe)
        model_may_end(made);
    if (made->domain != MODEL_ROOT && in->model.domains[made->domain].d == NULL && !model_is_over(made))
        model_violation(&in->model, "handle %zu was made in a domain that had been destroyed", made->number);
    in->places[argument % SCENE_PLACES] = made;
}

/* raw_or_invalid: MODEL_INVALID_RAW makes an unset one. */
static sh_status call_make(scene *in, const making *how, const model_handle *made, sh_raw raw_or_invalid,
                           sh_handle **out_h)
{
    const sh_kind *kind = how->interruptible ? &scene_interruptible_kind : &scene_kind;
    sh_create_options options = {.not_owned = !how->owned,
                                 .context = (void *)(uintptr_t)made->context,
                                 .domain = how->domain == MODEL_ROOT ? NULL : in->model.domains[how->domain].d};
    const sh_create_options *asked = how->plain ? NULL : &options;
    scene_before();
    sh_status status = raw_or_invalid == MODEL_INVALID_RAW
                           ? sh_create_at(kind, asked, sizeof options, &scene_site, out_h)
                           : sh_wrap_at(kind, raw_or_invalid, asked, sizeof options, &scene_site, out_h);
    scene_after(in, "making a handle");
    return status;
}

/* While it is under way nobody ends the domain's place. */
static void make(scene *in, size_t thread, unsigned argument, bool holding)
{
    making how = making_of(in, argument);
    size_t domain = domain_of(in, thread, &how);
    model_handle *made = prepare(in, &how, domain);
    sh_raw raw = MODEL_INVALID_RAW;
    model_value *value = holding ? model_new_value(&in->model, made, how.fails, &raw) : NULL;
    bool was_unloaded = domain != MODEL_ROOT && in->model.domains[domain].unloaded.sure;
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls++;
    made->value = value;
    sh_handle *h = NULL;
    sh_status status = call_make(in, &how, made, raw, &h);
    if (domain != MODEL_ROOT)
        in->model.domains[domain].calls--;
    model_judge_making(&in->model, holding ? "sh_wrap" : "sh_create", domain, was_unloaded, status);
    if (status != SH_OK) {
        if (value != NULL)
            value->refused = true;
        if (h != NULL || (value != NULL && value->releases > 0))
            model_violation(&in->model, "a handle was refused, and its value or the output touched");
        return;
    }
    if (value != NULL)
        value->given = made->stored.maybe = made->stored.sure = true;
    put(in, argument, made, h);
}

void act_create(scene *in, size_t thread, unsigned argument)
{
    make(in, thread, argument, false);
}

void act_wrap(scene *in, size_t thread, unsigned argument)
{
    make(in, thread, argument, true);
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

static void settle_stored(scene *in, const model_call *call, model_value *value, sh_status status)
{
    model_handle *on = call->on;
    value->given = status == SH_OK;
    value->refused = status == SH_E_ARGUMENT;
    if (status == SH_OK) {
        on->stored.sure = true;
        on->value = value;
    } else if (on->value == value) {
        on->value = NULL;
    }
    bool released = value->releases > 0 && !value->running;
    if (status == SH_E_CLOSED && on->owned != released)
        model_violation(&in->model, "a value that came too late for handle %zu was %sreleased", on->number,
                        released ? "" : "not ");
    value->refused = value->refused || status == SH_E_CLOSED;
}

void act_set(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    sh_raw raw = MODEL_INVALID_RAW;
    bool valid = (argument >> PLACE_BITS) % 8 != 7;
    if (on == NULL)
        return;
    model_value *value = valid ? model_new_value(&in->model, on, false, &raw) : NULL;
    model_call call = model_begin(&in->model, thread, on);
    if (valid && !on->stored.sure && on->value == NULL)
        on->value = value;
    on->stored.maybe = on->stored.maybe || valid;
    on->setters++;
    scene_before();
    sh_status status = sh_set_handle(on->h, raw);
    scene_after(in, "sh_set_handle");
    on->setters--;
    model_judge(&in->model, "sh_set_handle", on, status, model_answers_of_set(&call, raw));
    if (valid)
        settle_stored(in, &call, value, status);
    model_end(&call);
}

/* ---- duplicating ------------------------------------------------------------------------------------------------- */

static model_answers answers_of_duplicate(const model_call *call, bool was_unloaded)
{
    const model_handle *on = call->on;
    model_answers entry = model_answers_of_entry(call, true);
    bool fails = on->value != NULL && on->value->fails;
    model_answers made =
        on->domain == MODEL_ROOT ? MODEL_ANSWER(SH_OK) : model_answers_of_making(call->of, on->domain, was_unloaded);
    if ((entry & MODEL_ANSWER(SH_OK)) == 0)
        return entry;
    if (fails)
        return (entry & ~MODEL_ANSWER(SH_OK)) | MODEL_ANSWER(SH_E_SYSTEM) | (made & ~MODEL_ANSWER(SH_OK));
    return entry | (made & ~MODEL_ANSWER(SH_OK));
}

static void settle_copy(scene *in, model_handle *copy, sh_handle *h, sh_status status)
{
    model_value *value = copy->value;
    if (status != SH_OK && h != NULL)
        model_violation(&in->model, "sh_duplicate failed, and wrote its output");
    if (value == NULL) {
        if (status == SH_OK)
            model_violation(&in->model, "sh_duplicate made a copy without its value");
        return;
    }
    value->given = copy->stored.maybe = copy->stored.sure = status == SH_OK;
    value->refused = status != SH_OK;
    if (status != SH_OK && value->releases != 1)
        model_violation(&in->model, "the value of a copy that nobody got was released %d times", value->releases);
}

void act_duplicate(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL)
        return;
    making like = {.owned = true, .interruptible = on->interruptible};
    model_handle *copy = prepare(in, &like, on->domain);
    copy->context = on->context;
    copy->copy_of = on;
    bool was_unloaded = on->domain != MODEL_ROOT && in->model.domains[on->domain].unloaded.sure;
    in->threads[thread].making = copy;
    model_call call = model_begin(&in->model, thread, on);
    sh_handle *h = NULL;
    scene_before();
    sh_status status = sh_duplicate_at(on->h, &scene_site, &h);
    if (status == SH_E_SYSTEM && errno == EIO)
        scene_before(); /* that is what it has to say */
    scene_after(in, "sh_duplicate");
    model_judge(&in->model, "sh_duplicate", on, status, answers_of_duplicate(&call, was_unloaded));
    settle_copy(in, copy, h, status);
    if (status == SH_OK)
        put(in, argument >> PLACE_BITS, copy, h);
    model_end(&call);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

static void note_closed(model_handle *on)
{
    on->refusing.sure = true;
    on->closed.sure = true;
}

void act_close(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL)
        return;
    model_call call = model_begin(&in->model, thread, on);
    model_may_end(on);
    scene_before();
    sh_status status = sh_close(on->h);
    scene_after(in, "sh_close");
    model_judge(&in->model, "sh_close", on, status, model_answers_of_close(&call, false));
    note_closed(on);
    model_end(&call);
}

/* It may count itself in for a moment. */
void act_close_wait(scene *in, size_t thread, unsigned argument)
{
    static const int64_t timeouts_ms[] = {0, 3, 0, 30};
    int64_t timeout_ms = timeouts_ms[(argument >> PLACE_BITS) % 4];
    model_handle *on = scene_handle(in, argument);
    if (on == NULL || on->over_releasing)
        return;
    model_call call = model_begin(&in->model, thread, on);
    model_may_end(on);
    scene_timed timed = scene_begin_timed(in);
    on->waiters += timeout_ms > 0;
    scene_before();
    sh_status status = sh_close_wait(on->h, timeout_ms);
    scene_after(in, "sh_close_wait");
    on->waiters -= timeout_ms > 0;
    bool over = scene_end_timed(in, &timed, timeout_ms);
    model_judge(&in->model, "sh_close_wait", on, status, model_answers_of_close(&call, true));
    if (over && status != SH_E_TIMEOUT)
        model_violation(&in->model, "sh_close_wait of handle %zu slept through its release", on->number);
    note_closed(on);
    model_end(&call);
}

void act_invalidate(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL)
        return;
    model_call call = model_begin(&in->model, thread, on);
    on->refusing.maybe = on->closed.maybe = on->invalidated.maybe = true;
    scene_before();
    sh_set_handle_as_invalid(on->h);
    scene_after(in, "sh_set_handle_as_invalid");
    sh_stress_tell("handle %zu is set as invalid", on->number);
    /* A release that had begun before goes on, and under a lease none begins. */
    if (!on->ended_otherwise || on->leases[thread] > 0)
        on->invalidated.sure = true;
    note_closed(on);
    model_end(&call);
}

void act_drop(scene *in, size_t thread, unsigned argument)
{
    (void)thread;
    if (scene_handle(in, argument) != NULL)
        sh_stress_tell("forgets handle %zu", scene_handle(in, argument)->number);
    in->places[argument % SCENE_PLACES] = NULL;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void judge_look(const model_call *call, const char *what, bool answer, bool may_be_true, bool may_be_false)
{
    if ((answer ? may_be_true : may_be_false) || call->of->broken)
        return;
    model_violation(call->of, "%s of handle %zu answered %s", what, call->on->number, answer ? "true" : "false");
}

static void judge_raw(const model_call *call, sh_raw raw)
{
    const model_value *value = model_find_value(call->of, raw);
    bool holds = value != NULL && value->handle == call->on && (call->on->value == value || !call->was_stored);
    if (raw == MODEL_INVALID_RAW ? call->was_stored : !holds)
        model_violation(call->of, "sh_dangerous_get_handle of handle %zu answered %ld", call->on->number, (long)raw);
}

void act_look(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL)
        return;
    model_call call = model_begin(&in->model, thread, on);
    scene_before();
    bool closed = sh_is_closed(on->h);
    bool released = sh_is_released(on->h);
    bool invalid = sh_is_invalid(on->h);
    sh_raw raw = sh_dangerous_get_handle(on->h);
    judge_look(&call, "sh_owns_handle", sh_owns_handle(on->h), on->owned, !on->owned);
    judge_look(&call, "sh_is_kind", sh_is_kind(on->h, &scene_kind), true, false);
    scene_after(in, "looking");
    judge_look(&call, "sh_is_closed", closed, on->closed.maybe, !call.was_closed);
    judge_look(&call, "sh_is_released", released, on->closed.maybe && model_is_over(on), true);
    judge_look(&call, "sh_is_invalid", invalid, !call.was_stored, on->stored.maybe);
    judge_raw(&call, raw);
    if (closed && !in->model.broken)
        note_closed(on);
    model_end(&call);
}

void act_count(scene *in, size_t thread, unsigned argument)
{
    model_handle *on = scene_handle(in, argument);
    if (on == NULL)
        return;
    model_call call = model_begin(&in->model, thread, on);
    size_t leases = 0, references = 0;
    scene_before();
    sh_status status = sh_holders(on->h, NULL, 0, &leases, &references);
    scene_after(in, "sh_holders");
    model_judge(&in->model, "sh_holders", on, status, MODEL_ANSWER(SH_OK));
    int sure = model_users(on) - on->references;
    bool right = (int)leases == sure && (int)references == on->references;
    if (model_was_alone(&call) ? !right : (int)leases < on->leases[thread])
        model_violation(&in->model, "sh_holders of handle %zu answered %zu leases and %zu references, not %d and %d",
                        on->number, leases, references, sure, on->references);
    model_end(&call);
}
