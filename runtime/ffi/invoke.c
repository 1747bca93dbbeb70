/* SPDX-License-Identifier: MIT */
/* The call itself, by libffi. */
#include "base/assert.h"
#include "ffi/call.h"
#include "ffi/direct.h"
#include "platform/platform.h"
#include <errno.h>
#include <ffi.h>
#include <string.h>

#undef sh_call_make

_Static_assert(sizeof(ffi_arg) == sizeof(sh_value), "libffi widens each integral result to the size of a value");

/* Where a number of the type lies in a value: at its low end. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_END_BYTES(type) (layout_is_integer(type) ? sizeof(sh_value) - layout_type_bytes(type) : 0)
#else
#define LOW_END_BYTES(type) ((size_t)0)
#endif

/* Invariant: struct_types and members stand in for the structs among the parameters, in order; each struct's members
 * end with NULL, as libffi wants it. */
typedef struct invocation {
    ffi_cif interface;
    ffi_type *types[SH_CALL_PARAMETERS];
    ffi_type *struct_types;
    ffi_type **members;
} invocation;

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static ffi_type *integer_type(size_t size_bytes, bool is_signed)
{
    switch (size_bytes) {
    case 1:
        return is_signed ? &ffi_type_sint8 : &ffi_type_uint8;
    case 2:
        return is_signed ? &ffi_type_sint16 : &ffi_type_uint16;
    case 4:
        return is_signed ? &ffi_type_sint32 : &ffi_type_uint32;
    default:
        return is_signed ? &ffi_type_sint64 : &ffi_type_uint64;
    }
}

static ffi_type *plain_type(sh_type type)
{
    switch (type) {
    case SH_TYPE_VOID:
        return &ffi_type_void;
    case SH_TYPE_F32:
        return &ffi_type_float;
    case SH_TYPE_F64:
        return &ffi_type_double;
    case SH_TYPE_POINTER:
    case SH_TYPE_STRING:
    case SH_TYPE_BYTES:
        return &ffi_type_pointer;
    default:
        return integer_type(layout_type_bytes(type), layout_is_signed(type));
    }
}

/* libffi finds out its size. */
static ffi_type *struct_type(invocation *made, const sh_parameter *parameter, size_t *in_out_structs,
                             size_t *in_out_members)
{
    ffi_type *type = &made->struct_types[(*in_out_structs)++];
    *type = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = &made->members[*in_out_members]};
    for (size_t i = 0; i < parameter->member_count; i++)
        made->members[(*in_out_members)++] = plain_type(parameter->members[i].type);
    made->members[(*in_out_members)++] = NULL;
    return type;
}

static ffi_type *parameter_type(const sh_parameter *parameter)
{
    bool by_value = parameter->direction == SH_DIRECTION_IN || parameter->direction == SH_DIRECTION_CONSUME ||
                    parameter->direction == SH_DIRECTION_RETURN;
    if (!by_value)
        return &ffi_type_pointer;
    return plain_type(parameter->kind == NULL ? parameter->type : layout_handle_type(parameter));
}

static invocation *allocate(const sh_call_descriptor *descriptor)
{
    size_t member_count = 0;
    for (size_t i = 0; i < descriptor->struct_count; i++)
        member_count += descriptor->signature.parameters[descriptor->structs[i]].member_count + 1;
    size_t structs_bytes = descriptor->struct_count * sizeof(ffi_type);
    invocation *made = platform_memory_allocate(sizeof *made + structs_bytes + member_count * sizeof(ffi_type *));
    if (made != NULL) {
        made->struct_types = (ffi_type *)(void *)(made + 1);
        made->members = (ffi_type **)(void *)(made->struct_types + descriptor->struct_count);
    }
    return made;
}

sh_status invoke_prepare(sh_call_descriptor *descriptor)
{
    invocation *made = allocate(descriptor);
    if (made == NULL)
        return SH_E_NOMEM;
    const sh_signature *signature = &descriptor->signature;
    size_t structs = 0;
    size_t members = 0;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        const sh_parameter *parameter = &signature->parameters[i];
        made->types[i] = parameter->type == SH_TYPE_STRUCT ? struct_type(made, parameter, &structs, &members)
                                                           : parameter_type(parameter);
    }
    if (ffi_prep_cif(&made->interface, FFI_DEFAULT_ABI, (unsigned)signature->parameter_count,
                     parameter_type(&signature->result), made->types) != FFI_OK) {
        platform_memory_free(made);
        return SH_E_UNSUPPORTED;
    }
    descriptor->invocation = made;
    return SH_OK;
}

void invoke_free(sh_call_descriptor *descriptor)
{
    platform_memory_free(descriptor->invocation);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* One call. Invariant: returned and os_error are written by invoke, handle where a handle is given back. */
typedef struct whole_call {
    sh_call call;
    void (*function)(void);
    sh_value returned;
    int os_error;
    sh_handle *handle;
} whole_call;

/* Those that are neither leased only nor plain values. Of what is passed by its address, the address lies in addresses,
 * and libffi is given where. */
static void find_others(sh_call *call, void **out_arguments, void **addresses)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = d->first_made; i < d->handle_count; i++) {
        const call_handle *handle = &d->handles[i];
        if (handle->direction == SH_DIRECTION_RETURN)
            continue;
        void *raw = &call->places[i].raw;
        addresses[handle->parameter] = raw;
        out_arguments[handle->parameter] = handle->direction == SH_DIRECTION_CONSUME
                                               ? (char *)raw + LOW_END_BYTES(handle->type)
                                               : (void *)&addresses[handle->parameter];
    }
    for (size_t i = 0; i < d->plain_out_count; i++) {
        size_t parameter = d->plain_outs[i];
        addresses[parameter] = &call->values[parameter];
        out_arguments[parameter] = &addresses[parameter];
    }
    for (size_t i = 0; i < d->struct_count; i++)
        out_arguments[d->structs[i]] = call->values[d->structs[i]].pointer;
}

static inline void find_arguments(sh_call *call, void **out_arguments)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = 0; i < d->signature.parameter_count; i++)
        out_arguments[i] = (char *)&call->values[i] + LOW_END_BYTES(d->signature.parameters[i].type);
    for (size_t i = 0; i < d->first_made; i++)
        out_arguments[d->handles[i].parameter] = (char *)&call->places[i].raw + LOW_END_BYTES(d->handles[i].type);
}

static void invoke_direct(whole_call *whole, void *const *arguments)
{
    const sh_call_descriptor *d = whole->call.descriptor;
    uint64_t registers[DIRECT_REGISTERS] = {0};
    for (size_t i = 0; i < d->signature.parameter_count; i++)
        memcpy(&registers[i], arguments[i], sizeof registers[i]);
    whole->returned = direct_call(d, whole->function, registers);
}

static inline sh_value call_libffi(const sh_call_descriptor *d, void (*function)(void), void **arguments)
{
    invocation *prepared = d->invocation;
    sh_value returned = {.u = 0}; /* a function that gives nothing back does not write it */
    ffi_call(&prepared->interface, function, &returned, arguments);
    return returned;
}

/* The call itself, of a whole_call. */
static void invoke(void *data)
{
    whole_call *whole = data;
    const sh_call_descriptor *d = whole->call.descriptor;
    void *arguments[SH_CALL_PARAMETERS];
    void *addresses[SH_CALL_PARAMETERS];
    find_arguments(&whole->call, arguments);
    find_others(&whole->call, arguments, addresses);
    if (d->is_direct)
        invoke_direct(whole, arguments);
    else
        whole->returned = call_libffi(d, whole->function, arguments);
    whole->os_error = (d->signature.flags & SH_CALL_SAVE_ERRNO) != 0 ? errno : 0;
}

/* Outside of the host's lock, and of the collector. */
static void invoke_blocking(void *data)
{
    const whole_call *whole = data;
    const sh_call_hooks *hooks = &whole->call.descriptor->hooks;
    if (hooks->leave != NULL)
        hooks->leave(hooks->data);
    sh_run_blocking(invoke, data);
    if (hooks->enter != NULL)
        hooks->enter(hooks->data);
}

static void callee_ended_thread(void *data)
{
    whole_call *whole = data;
    call_tear(&whole->call, &whole->handle);
}

static __attribute__((noinline)) sh_status make_thoroughly(const sh_call_descriptor *d, void (*function)(void),
                                                           sh_value *values, const wrapper_plan *plan,
                                                           sh_value *out_returned, sh_call_error *error)
{
    whole_call whole = {.call.descriptor = d, .call.values = values, .function = function};
    sh_status status = call_enter(&whole.call, plan, &whole.handle, error);
    if (status != SH_OK)
        return status;
    void (*way)(void *) = (d->signature.flags & SH_CALL_BLOCKING) != 0 ? invoke_blocking : invoke;
    if (d->first_made < d->handle_count)
        platform_call_guarded(way, callee_ended_thread, &whole);
    else
        way(&whole);
    status = call_leave(&whole.call, whole.returned, whole.os_error, &whole.handle);
    *out_returned = d->signature.result.kind != NULL ? (sh_value){.handle = whole.handle} : whole.returned;
    if (status == SH_OK && (d->signature.flags & SH_CALL_SAVE_ERRNO) != 0)
        errno = whole.os_error;
    return status;
}

/* With leases only, and nothing that is passed by its address. */
static inline sh_value invoke_integers(const sh_call *call, void (*function)(void))
{
    const sh_call_descriptor *d = call->descriptor;
    uint64_t registers[DIRECT_REGISTERS] = {0};
    for (size_t i = 0; i < d->signature.parameter_count; i++)
        registers[i] = call->values[i].u;
    for (size_t i = 0; i < d->leased_count; i++)
        registers[d->handles[i].parameter] = (uint64_t)call->places[i].raw;
    return direct_call(d, function, registers);
}

static __attribute__((noinline)) sh_value invoke_others(sh_call *call, void (*function)(void))
{
    void *arguments[SH_CALL_PARAMETERS];
    find_arguments(call, arguments);
    return call_libffi(call->descriptor, function, arguments);
}

/* The usual call: leases, the call, and what it gives back. errno is the callee's: the end of a lease keeps it. */
static inline sh_status make_quickly(const sh_call_descriptor *d, void (*function)(void), sh_value *values,
                                     const sh_site *site, sh_value *out_returned, sh_call_error *error)
{
    sh_call call;
    call.descriptor = d;
    call.values = values;
    sh_status status = call_lease_all(&call, site, error);
    if (SH_UNLIKELY(status != SH_OK))
        return status;
    sh_value returned = SH_LIKELY(d->is_direct) ? invoke_integers(&call, function) : invoke_others(&call, function);
    call_end_leases(&call, d->leased_count);
    *out_returned = returned;
    if (d->signature.failure == SH_FAILS_NEVER || !call_has_failed(d, returned))
        return SH_OK;
    if (d->signature.failure == SH_FAILS_ERRNO)
        errno = (int)returned.i;
    else if ((d->signature.flags & SH_CALL_SAVE_ERRNO) == 0)
        errno = 0;
    return SH_E_SYSTEM;
}

sh_status sh_call_make_at(const sh_call_descriptor *descriptor, void (*function)(void), sh_value *values,
                          const sh_create_options *options_or_null, size_t options_size_bytes,
                          const sh_site *site_or_null, sh_value *out_returned, sh_call_error *out_error_or_null)
{
    if (SH_UNLIKELY(descriptor == NULL || function == NULL || values == NULL || out_returned == NULL) &&
        (descriptor == NULL || function == NULL || out_returned == NULL || descriptor->signature.parameter_count > 0))
        return call_refuse_arguments(out_error_or_null);
    if (SH_LIKELY(descriptor->is_quick))
        return make_quickly(descriptor, function, values, site_or_null, out_returned, out_error_or_null);
    const wrapper_plan plan = {options_or_null, options_size_bytes, site_or_null};
    return make_thoroughly(descriptor, function, values, &plan, out_returned, out_error_or_null);
}
