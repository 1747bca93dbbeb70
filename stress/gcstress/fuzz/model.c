/* SPDX-License-Identifier: MIT */
#include "model.h"
#include <safehandle/stress.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES = 200, FIRST_RAW = 100 };

void model_violation(model *of, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    of->broken = true;
    sh_stress_violation("%s", text);
}

/* ---- calls on a handle ------------------------------------------------------------------------------------------- */

model_call model_begin(model *of, size_t thread, model_handle *on)
{
    model_call begun = {.of = of,
                        .thread = thread,
                        .on = on,
                        .was_refusing = on->refusing.sure,
                        .was_closed = on->closed.sure,
                        .was_stored = on->stored.sure,
                        .was_alone = on->calls == 0 && on->unloads == 0,
                        .setters_before = on->setters,
                        .calls_begun = ++on->calls_begun};
    on->calls++;
    of->failed_here[thread] = false;
    return begun;
}

void model_end(const model_call *call)
{
    call->on->calls--;
}

bool model_is_unloading(const model *of, const model_handle *handle)
{
    return handle->domain != MODEL_ROOT && of->domains[handle->domain].unloaded.maybe;
}

bool model_was_alone(const model_call *call)
{
    const model_handle *on = call->on;
    return call->was_alone && on->calls_begun == call->calls_begun && !on->dropped && !model_is_unloading(call->of, on);
}

/* ---- what calls may answer --------------------------------------------------------------------------------------- */

static void list_answers(model_answers set, char *text, size_t size_bytes)
{
    size_t length = 0;
    text[0] = '\0';
    for (unsigned status = SH_OK; status <= SH_E_UNSUPPORTED; status++)
        if ((set & MODEL_ANSWER(status)) != 0 && length < size_bytes)
            length += (size_t)snprintf(text + length, size_bytes - length, "%s%s", length > 0 ? ", " : "",
                                       sh_status_name((sh_status)status));
}

void model_judge(model *of, const char *what, const model_handle *on_or_null, sh_status status, model_answers allowed)
{
    char expected[TEXT_BYTES], subject[TEXT_BYTES] = "";
    if (on_or_null != NULL)
        (void)snprintf(subject, sizeof subject, " of handle %zu", on_or_null->number);
    sh_stress_tell("%s%s: %s", what, subject, sh_status_name(status));
    if ((allowed & MODEL_ANSWER(status)) != 0 || of->broken)
        return;
    list_answers(allowed, expected, sizeof expected);
    model_violation(of, "%s%s answered %s; only this was possible: %.80s", what, subject, sh_status_name(status),
                    expected);
}

model_answers model_answers_of_entry(const model_call *call, bool needs_value)
{
    const model_handle *on = call->on;
    model_answers set = 0;
    if (!call->was_refusing && (!needs_value || on->stored.maybe))
        set |= MODEL_ANSWER(SH_OK);
    if (on->refusing.maybe)
        set |= MODEL_ANSWER(SH_E_CLOSED);
    if (needs_value && !call->was_stored)
        set |= MODEL_ANSWER(SH_E_INVALID);
    return set;
}

model_answers model_answers_of_close(const model_call *call, bool waits)
{
    const model_handle *on = call->on;
    bool leased_here = on->leases[call->thread] > 0;
    model_answers used = waits && !leased_here ? MODEL_ANSWER(SH_E_TIMEOUT) : MODEL_ANSWER(SH_PENDING);
    bool failed = call->of->failed_here[call->thread];
    bool failed_before = waits && on->value != NULL && on->value->fails && on->value->releases > 0;
    model_answers done = failed || failed_before ? MODEL_ANSWER(SH_E_RELEASE) : MODEL_ANSWER(SH_OK);
    if (leased_here)
        return used;
    if (model_was_alone(call))
        return model_users(on) > 0 ? used : done;
    if (on->value != NULL && on->value->fails)
        done |= MODEL_ANSWER(SH_E_RELEASE); /* somebody else's release may have come in between */
    return used | (model_is_over(on) ? done : 0);
}

model_answers model_answers_of_set(const model_call *call, sh_raw raw)
{
    const model_handle *on = call->on;
    if (raw == MODEL_INVALID_RAW)
        return MODEL_ANSWER(SH_E_INVALID);
    if (call->was_stored)
        return MODEL_ANSWER(SH_E_ARGUMENT);
    model_answers set = call->was_closed ? 0 : MODEL_ANSWER(SH_OK);
    if (on->closed.maybe)
        set |= MODEL_ANSWER(SH_E_CLOSED);
    if (on->stored.sure || call->setters_before > 0 || !model_was_alone(call))
        set |= MODEL_ANSWER(SH_E_ARGUMENT);
    return set;
}

model_answers model_answers_of_release(const model_call *call)
{
    return call->of->failed_here[call->thread] ? MODEL_ANSWER(SH_E_RELEASE) : MODEL_ANSWER(SH_OK);
}

model_answers model_answers_of_making(const model *of, size_t domain, bool was_unloaded)
{
    if (domain == MODEL_ROOT)
        return MODEL_ANSWER(SH_OK);
    const model_domain *in = &of->domains[domain];
    model_answers set = was_unloaded ? 0 : MODEL_ANSWER(SH_OK);
    if (in->unloaded.maybe)
        set |= MODEL_ANSWER(SH_E_CLOSED);
    if (in->d == NULL || in->destroying)
        set |= MODEL_ANSWER(SH_E_CLOSED) | MODEL_ANSWER(SH_E_ARGUMENT);
    return set;
}

void model_judge_making(model *of, const char *what, size_t domain, bool was_unloaded, sh_status status)
{
    model_judge(of, what, NULL, status, model_answers_of_making(of, domain, was_unloaded));
    if (domain == MODEL_ROOT || status == SH_OK)
        return;
    model_domain *in = &of->domains[domain];
    in->refused += in->destroying && !in->unloaded.maybe;
}

/* ---- facts ------------------------------------------------------------------------------------------------------- */

model_handle *model_new_handle(model *of)
{
    model_handle *made = &of->handles[of->handle_count];
    *made = (model_handle){.number = of->handle_count++, .domain = MODEL_ROOT};
    return made;
}

model_value *model_new_value(model *of, model_handle *handle, bool fails, sh_raw *out_raw)
{
    *out_raw = FIRST_RAW + (sh_raw)of->value_count;
    model_value *made = &of->values[of->value_count++];
    *made = (model_value){.handle = handle, .fails = fails};
    return made;
}

model_value *model_find_value(model *of, sh_raw raw)
{
    return raw >= FIRST_RAW && raw < FIRST_RAW + (sh_raw)of->value_count ? &of->values[raw - FIRST_RAW] : NULL;
}

void model_may_end(model_handle *handle)
{
    handle->refusing.maybe = true;
    handle->closed.maybe = true;
    handle->ended_otherwise = true;
}

int model_users(const model_handle *handle)
{
    int users = handle->references;
    for (size_t i = 0; i < MODEL_THREADS; i++)
        users += handle->leases[i];
    return users;
}

bool model_is_over(const model_handle *handle)
{
    if (model_users(handle) > 0)
        return false;
    bool releases = handle->value != NULL && handle->value->given && handle->owned && !handle->invalidated.maybe;
    return !releases || (handle->value->releases > 0 && !handle->value->running);
}

/* ---- releases ---------------------------------------------------------------------------------------------------- */

/* A copy that nobody has got yet goes back when the handle that it was made of is closed meanwhile. */
static bool is_given_up(const model_handle *handle)
{
    return handle->h == NULL && handle->copy_of != NULL && handle->copy_of->refusing.maybe;
}

/* A value that is just being stored may have been refused: then it is released at once, whoever uses the handle. */
static const char *find_wrong(const model *of, const model_value *value)
{
    const model_handle *handle = value->handle;
    if (value->releases > 0)
        return "a second time";
    if (!handle->owned)
        return "though it is not owned";
    if (value->refused)
        return "though it had not been taken";
    if (!handle->closed.maybe && !model_is_unloading(of, handle) && !is_given_up(handle))
        return "though nothing has closed it";
    if (value->given && handle->invalidated.sure)
        return "though it was set as invalid before";
    if (value->given && handle->references > 0)
        return "under a counted reference";
    if (handle->value == value && model_users(handle) > handle->references)
        return "under a lease";
    return NULL;
}

void model_release_begins(model *of, model_value *value, size_t thread)
{
    const char *wrong = find_wrong(of, value);
    sh_stress_tell("the release of handle %zu begins", value->handle->number);
    if (wrong != NULL && !of->broken)
        model_violation(of, "handle %zu was released %s", value->handle->number, wrong);
    value->releases++;
    value->running = true;
    of->failed_here[thread] = of->failed_here[thread] || value->fails;
}

void model_release_ends(model_value *value)
{
    value->running = false;
    sh_stress_tell("the release of handle %zu has returned", value->handle->number);
}
