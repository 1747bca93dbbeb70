/* SPDX-License-Identifier: MIT */
/* The call itself, by libffi. */
#include "base/assert.h"
#include "ffi/descriptor.h"
#include "platform/platform.h"
#include <errno.h>
#include <ffi.h>

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

bool invoke_is_possible(void)
{
    return true;
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* Of those that are passed by their address, the address lies in addresses, and libffi is given where. */
static inline void find_arguments(sh_call *call, void **out_arguments, void **addresses)
{
    const sh_call_descriptor *d = call->descriptor;
    for (size_t i = 0; i < d->signature.parameter_count; i++)
        out_arguments[i] = (char *)&call->values[i] + LOW_END_BYTES(d->signature.parameters[i].type);
    for (size_t i = 0; i < d->handle_count; i++) {
        const call_handle *handle = &d->handles[i];
        if (handle->direction == SH_DIRECTION_RETURN)
            break; /* it is the last */
        if (handle->direction == SH_DIRECTION_IN || handle->direction == SH_DIRECTION_CONSUME) {
            out_arguments[handle->parameter] = (char *)&call->places[i].raw + LOW_END_BYTES(handle->type);
            continue;
        }
        addresses[handle->parameter] = &call->places[i].raw;
        out_arguments[handle->parameter] = &addresses[handle->parameter];
    }
    for (size_t i = 0; i < d->plain_out_count; i++) {
        size_t parameter = d->plain_outs[i];
        addresses[parameter] = &call->values[parameter];
        out_arguments[parameter] = &addresses[parameter];
    }
    for (size_t i = 0; i < d->struct_count; i++)
        out_arguments[d->structs[i]] = call->values[d->structs[i]].pointer;
}

void invoke(sh_call *call, void (*function)(void), sh_value *out_returned, int *out_os_error)
{
    const sh_call_descriptor *d = call->descriptor;
    invocation *prepared = d->invocation;
    void *arguments[SH_CALL_PARAMETERS];
    void *addresses[SH_CALL_PARAMETERS];
    out_returned->u = 0; /* a function that gives nothing back does not write it */
    find_arguments(call, arguments, addresses);
    ffi_call(&prepared->interface, function, out_returned, arguments);
    *out_os_error = (d->signature.flags & SH_CALL_SAVE_ERRNO) != 0 ? errno : 0;
}
