/* SPDX-License-Identifier: MIT */
/* The phases of a call. docs/ffi.md */
#include "ffi/call.h"
#include "ffi/explain.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include <errno.h>

#undef sh_call_enter

/* ---- going back -------------------------------------------------------------------------------------------------- */

static void dispose_wrappers(sh_call *call, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        close_unborn(call->places[i].wrapper);
}

/* ---- phase 1: leases --------------------------------------------------------------------------------------------- */

sh_status call_refuse_lease(sh_call *call, size_t i, sh_status status, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    size_t parameter = d->handles[i].parameter;
    explain_refusal(error, &d->signature, parameter, call->values[parameter].handle, status);
    call_end_leases(call, i);
    return status;
}

/* ---- phases 2 and 3: wrappers, and what is consumed -------------------------------------------------------------- */

/* The handle in which the value comes back when the callee does not take it. */
static sh_status make_replacement(sh_handle *consumed, const call_handle *asked, const sh_site *site,
                                  sh_handle **out_wrapper)
{
    struct sh_call_place leased;
    sh_status status = call_lease(&leased, asked, consumed, site);
    if (status != SH_OK)
        return status;
    status = create_like(consumed, site, out_wrapper);
    sh_lease_end_inline(&leased.lease);
    return status;
}

static sh_status make_wrapper(sh_call *call, size_t i, const wrapper_plan *plan, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    const call_handle *asked = &d->handles[i];
    sh_handle **wrapper = &call->places[i].wrapper;
    sh_status status;
    if (asked->direction == SH_DIRECTION_CONSUME) {
        sh_handle *consumed = call->values[asked->parameter].handle;
        status = make_replacement(consumed, asked, plan->site, wrapper);
        if (status != SH_OK)
            explain_refusal(error, &d->signature, asked->parameter, consumed, status);
        return status;
    }
    status = create_checked(asked->kind, plan->options, plan->options_size_bytes, plan->site, wrapper);
    if (status != SH_OK)
        explain_unmade(error, &d->signature, asked->parameter, status);
    return status;
}

static sh_status make_wrappers(sh_call *call, const wrapper_plan *plan, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = d->first_made; i < d->handle_count; i++) {
        sh_status status = make_wrapper(call, i, plan, error);
        if (status != SH_OK) {
            dispose_wrappers(call, d->first_made, i);
            return status;
        }
    }
    return SH_OK;
}

static sh_status consume(sh_call *call, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    size_t i = d->leased_count; /* where it stands, if there is one */
    if (i == d->handle_count || d->handles[i].direction != SH_DIRECTION_CONSUME)
        return SH_OK;
    sh_handle *h = call->values[d->handles[i].parameter].handle;
    sh_status status = close_surrender(h, &call->places[i].raw);
    if (status == SH_E_SYSTEM) /* which a caller would take for the callee's */
        status = SH_E_UNSUPPORTED;
    if (status != SH_OK)
        explain_refusal(error, &d->signature, d->handles[i].parameter, h, status);
    return status;
}

/* Where the callee finds a value, or writes one. */
static void fill_place(sh_call *call, size_t i)
{
    const call_handle *asked = &call->descriptor->handles[i];
    struct sh_call_place *place = &call->places[i];
    if (asked->direction == SH_DIRECTION_INOUT)
        layout_write(&place->raw, asked->type, place->raw);
    else if (asked->direction == SH_DIRECTION_OUT)
        layout_write(&place->raw, asked->type, asked->kind->invalid_value);
}

static void hand_out(sh_call *call, sh_handle **out_returned)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = d->first_made; i < d->handle_count; i++) {
        const call_handle *asked = &d->handles[i];
        fill_place(call, i);
        if (asked->direction == SH_DIRECTION_OUT)
            call->values[asked->parameter].handle = call->places[i].wrapper;
        else if (asked->direction == SH_DIRECTION_RETURN)
            *out_returned = call->places[i].wrapper;
    }
}

static sh_status enter_making(sh_call *call, const wrapper_plan *plan, sh_handle **out_returned, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    sh_status status = make_wrappers(call, plan, error);
    if (status != SH_OK)
        return status;
    call->cancel_token = platform_cancel_hold();
    status = consume(call, error);
    if (status != SH_OK) {
        dispose_wrappers(call, d->first_made, d->handle_count);
        platform_cancel_restore(call->cancel_token);
        return status;
    }
    hand_out(call, out_returned);
    return SH_OK;
}

/* Numbers that the callee reads and writes by their address lie in values as the callee's type has them. */
static void narrow_plain(sh_call *call)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = 0; i < d->plain_out_count; i++) {
        size_t parameter = d->plain_outs[i];
        const sh_parameter *plain = &d->signature.parameters[parameter];
        sh_value *value = &call->values[parameter];
        if (plain->direction == SH_DIRECTION_OUT)
            *value = (sh_value){.u = 0};
        else
            layout_write(value, plain->type, value->i);
    }
}

static void widen_plain(sh_call *call)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = 0; i < d->plain_out_count; i++) {
        size_t parameter = d->plain_outs[i];
        sh_type type = d->signature.parameters[parameter].type;
        sh_value *value = &call->values[parameter];
        if (layout_is_integer(type) || type == SH_TYPE_BOOL)
            value->i = layout_read(value, type);
    }
}

sh_status call_enter(sh_call *call, const wrapper_plan *plan, sh_handle **out_returned, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    sh_status status = call_lease_all(call, plan->site, error);
    if (status == SH_OK && d->first_made < d->handle_count) {
        status = enter_making(call, plan, out_returned, error);
        if (status != SH_OK)
            call_end_leases(call, d->leased_count);
    }
    if (status == SH_OK && d->plain_out_count > 0)
        narrow_plain(call);
    return status;
}

/* ---- phase 5: what came out -------------------------------------------------------------------------------------- */

bool call_has_failed(const sh_call_descriptor *d, sh_value returned)
{
    switch (d->signature.failure) {
    case SH_FAILS_NEGATIVE:
        return returned.i < 0;
    case SH_FAILS_ZERO:
        return returned.u == 0;
    case SH_FAILS_NONZERO:
    case SH_FAILS_ERRNO:
        return returned.u != 0;
    default:
        return false;
    }
}

/* A narrow type does not hold every kind's word for none: -1 comes back from an u32 as 4294967295. */
static bool is_none(const call_handle *asked, sh_raw raw)
{
    sh_raw none;
    layout_write(&none, asked->type, asked->kind->invalid_value);
    return raw == (sh_raw)layout_read(&none, asked->type);
}

/* The handle that the value is in now; NULL: it is none, and the wrapper is gone. */
static sh_handle *keep(const call_handle *asked, sh_handle *wrapper, sh_raw raw)
{
    /* Closed by an unload meanwhile, it has released the value. */
    if (!is_none(asked, raw) && sh_set_handle(wrapper, raw) != SH_E_INVALID)
        return wrapper;
    close_unborn(wrapper);
    return NULL;
}

static void store_inout(sh_call *call, size_t i, sh_raw raw)
{
    struct sh_call_place *place = &call->places[i];
    const call_handle *asked = &call->descriptor->handles[i];
    sh_raw before;
    layout_write(&before, asked->type, handle_raw(place->lease.handle));
    if (raw == (sh_raw)layout_read(&before, asked->type))
        close_unborn(place->wrapper);
    else
        call->values[asked->parameter].handle = keep(asked, place->wrapper, raw);
}

/* One that was consumed is the callee's, unless it has failed. */
static void store_consumed(sh_call *call, size_t i, bool failed)
{
    const call_handle *asked = &call->descriptor->handles[i];
    struct sh_call_place *place = &call->places[i];
    if (failed)
        call->values[asked->parameter].handle = keep(asked, place->wrapper, place->raw);
    else
        close_unborn(place->wrapper);
}

static void store(sh_call *call, size_t i, bool failed)
{
    const call_handle *asked = &call->descriptor->handles[i];
    struct sh_call_place *place = &call->places[i];
    if (asked->direction == SH_DIRECTION_CONSUME) {
        store_consumed(call, i, failed);
        return;
    }
    sh_raw raw = (sh_raw)layout_read(&place->raw, asked->type);
    if (asked->direction == SH_DIRECTION_INOUT)
        store_inout(call, i, raw);
    else
        call->values[asked->parameter].handle = keep(asked, place->wrapper, raw);
}

/* Answers whether the call has failed. */
static bool store_all(sh_call *call, sh_value returned, bool failed, sh_handle **out_returned)
{
    const sh_call_descriptor *d = call->descriptor;
    size_t end = d->handle_count;
    if (d->signature.result.kind != NULL) {
        end--;
        const call_handle *asked = &d->handles[end];
        *out_returned = keep(asked, call->places[end].wrapper, failed ? asked->kind->invalid_value : returned.i);
        failed = *out_returned == NULL;
    }
    for (size_t i = d->first_made; i < end; i++)
        store(call, i, failed);
    return failed;
}

/* The callee was not called, or ended its thread: what it wrote, if anything, it told nobody. */
static void give_up(sh_call *call, bool consumed, sh_handle **out_returned)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = d->first_made; i < d->handle_count; i++) {
        const call_handle *asked = &d->handles[i];
        if (asked->direction == SH_DIRECTION_CONSUME) {
            store_consumed(call, i, !consumed);
            continue;
        }
        close_unborn(call->places[i].wrapper);
        if (asked->direction == SH_DIRECTION_OUT)
            call->values[asked->parameter].handle = NULL;
        else if (asked->direction == SH_DIRECTION_RETURN)
            *out_returned = NULL;
    }
}

/* Last, since a cancellation may act there. */
static void end(sh_call *call)
{
    const sh_call_descriptor *d = call->descriptor;
    call->descriptor = NULL;
    call_end_leases(call, d->leased_count);
    if (d->first_made < d->handle_count)
        platform_cancel_restore(call->cancel_token);
}

sh_status call_leave(sh_call *call, sh_value returned, int os_error, sh_handle **out_returned)
{
    const sh_call_descriptor *d = call->descriptor;
    bool failed = call_has_failed(d, returned);
    if (d->plain_out_count > 0)
        widen_plain(call);
    if (d->first_made < d->handle_count)
        failed = store_all(call, returned, failed, out_returned);
    if (d->signature.failure == SH_FAILS_ERRNO)
        os_error = (int)returned.i;
    end(call);
    if (!failed)
        return SH_OK;
    errno = os_error;
    return SH_E_SYSTEM;
}

void call_tear(sh_call *call, sh_handle **out_returned)
{
    give_up(call, true, out_returned);
    end(call);
}

/* ---- the bracket ------------------------------------------------------------------------------------------------- */

bool call_lacks_arguments(const sh_call_descriptor *descriptor, const sh_value *values, sh_handle *const *out_returned)
{
    return descriptor == NULL || (values == NULL && descriptor->signature.parameter_count > 0) ||
           (out_returned == NULL && descriptor->signature.result.kind != NULL);
}

sh_status call_refuse_arguments(sh_call_error *error)
{
    explain(error, 0, "There is no descriptor, no function, no values, or no place for what is given back.");
    return SH_E_ARGUMENT;
}

sh_status sh_call_enter_at(sh_call *call, const sh_call_descriptor *descriptor, sh_value *values,
                           const sh_create_options *options_or_null, size_t options_size_bytes,
                           const sh_site *site_or_null, sh_handle **out_returned, sh_call_error *out_error_or_null)
{
    if (call == NULL || call_lacks_arguments(descriptor, values, out_returned))
        return call_refuse_arguments(out_error_or_null);
    call->descriptor = descriptor;
    call->values = values;
    const wrapper_plan plan = {options_or_null, options_size_bytes, site_or_null};
    sh_status status = call_enter(call, &plan, out_returned, out_error_or_null);
    if (status != SH_OK)
        call->descriptor = NULL;
    return status;
}

static const call_handle *find_handle(const sh_call_descriptor *d, size_t parameter, size_t *out_place)
{
    for (size_t i = 0; i < d->handle_count; i++)
        if (d->handles[i].parameter == parameter) {
            *out_place = i;
            return &d->handles[i];
        }
    return NULL;
}

sh_value sh_call_argument(const sh_call *call, size_t parameter)
{
    const sh_call_descriptor *d = call == NULL ? NULL : call->descriptor;
    if (d == NULL || parameter == 0 || parameter > d->signature.parameter_count)
        return (sh_value){.u = 0};
    size_t place;
    const call_handle *handle = find_handle(d, parameter - 1, &place);
    if (handle != NULL && (handle->direction == SH_DIRECTION_IN || handle->direction == SH_DIRECTION_CONSUME))
        return (sh_value){.i = call->places[place].raw};
    if (handle != NULL)
        return (sh_value){.pointer = (void *)(uintptr_t)&call->places[place].raw};
    const sh_parameter *plain = &d->signature.parameters[parameter - 1];
    bool by_address = plain->direction != SH_DIRECTION_IN && plain->type != SH_TYPE_BYTES;
    return by_address ? (sh_value){.pointer = &call->values[parameter - 1]} : call->values[parameter - 1];
}

sh_status sh_call_leave(sh_call *call, sh_value returned, int os_error, sh_handle **out_returned)
{
    if (call == NULL || call->descriptor == NULL || call_lacks_arguments(call->descriptor, call->values, out_returned))
        return SH_E_ARGUMENT;
    return call_leave(call, returned, os_error, out_returned);
}

void sh_call_abandon(sh_call *call, sh_handle **out_returned)
{
    if (call == NULL || call->descriptor == NULL || call_lacks_arguments(call->descriptor, call->values, out_returned))
        return;
    if (call->descriptor->plain_out_count > 0)
        widen_plain(call);
    give_up(call, false, out_returned);
    end(call);
}
