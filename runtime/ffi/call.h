/* SPDX-License-Identifier: MIT */
/* The phases of a call, for who makes it: the first and the end of the last are inlined, since every call goes through
 * them. */
#ifndef FFI_CALL_H
#define FFI_CALL_H

#include "ffi/descriptor.h"
#include "handle/handle.h"
#include "handle/kind.h"
#include <safehandle/inline.h>

/* What the wrappers are made with. */
typedef struct wrapper_plan {
    const sh_create_options *options;
    size_t options_size_bytes;
    const sh_site *site;
} wrapper_plan;

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/* Explains, and ends the leases before place i, which could not be taken. Answers the status. */
sh_status call_refuse_lease(sh_call *call, size_t i, sh_status status, sh_call_error *error);

static inline sh_status call_lease(struct sh_call_place *place, const call_handle *asked, sh_handle *h,
                                   const sh_site *site)
{
    if (SH_UNLIKELY(h == NULL))
        return SH_E_ARGUMENT;
    const sh_kind *kind = handle_class_of(h)->kind;
    if (SH_UNLIKELY(kind != asked->kind) && !kind_is_a(kind, asked->kind))
        return SH_E_KIND;
    return sh_lease_begin_inline(&place->lease, h, site, &place->raw);
}

static inline sh_status call_lease_all(sh_call *call, const sh_site *site, sh_call_error *error)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = 0; i < d->leased_count; i++) {
        const call_handle *asked = &d->handles[i];
        sh_status status = call_lease(&call->places[i], asked, call->values[asked->parameter].handle, site);
        if (SH_UNLIKELY(status != SH_OK))
            return call_refuse_lease(call, i, status, error);
    }
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static inline void call_end_leases(sh_call *call, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sh_lease_end_inline(&call->places[i].lease);
}

/* ---- call.c ------------------------------------------------------------------------------------------------------ */

SH_RELIABILITY(will_not_corrupt_state, success)
bool call_lacks_arguments(const sh_call_descriptor *descriptor, const sh_value *values, sh_handle *const *out_returned);
sh_status call_refuse_arguments(sh_call_error *error);

/* As sh_call_enter and sh_call_leave, with descriptor and values set. */
sh_status call_enter(sh_call *call, const wrapper_plan *plan, sh_handle **out_returned, sh_call_error *error);
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status call_leave(sh_call *call, sh_value returned, int os_error, sh_handle **out_returned);

/* The callee ended its thread: what it wrote, it told nobody, and the consumed value is where it has left it. */
SH_RELIABILITY(will_not_corrupt_state, success)
void call_tear(sh_call *call, sh_handle **out_returned);

SH_RELIABILITY(will_not_corrupt_state, success)
bool call_has_failed(const sh_call_descriptor *descriptor, sh_value returned);

#endif
