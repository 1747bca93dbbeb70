/* SPDX-License-Identifier: MIT */
/* From a signature to a descriptor: what is refused, a copy, and the plan of its calls. */
#include "ffi/descriptor.h"
#include "ffi/direct.h"
#include "ffi/explain.h"
#include "handle/kind.h"
#include "platform/platform.h"
#include <string.h>

enum { MOST_MEMBERS = 64 };

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static sh_status check_member(const sh_parameter *member, size_t parameter, sh_call_error *error)
{
    if (member->kind != NULL) {
        explain(
            error, parameter,
            "A handle in a struct that is passed by value cannot be leased for the call. Pass the handle itself, or "
            "a pointer to memory that you fill in.");
        return SH_E_UNSUPPORTED;
    }
    bool plain = layout_is_integer(member->type) || member->type == SH_TYPE_BOOL || member->type == SH_TYPE_F32 ||
                 member->type == SH_TYPE_F64 || member->type == SH_TYPE_POINTER;
    bool bare = member->direction == SH_DIRECTION_IN && member->length == 0 && member->filled == 0;
    if (plain && bare)
        return SH_OK;
    explain(error, parameter, "A member of a struct is a number or a pointer, without a direction and a length.");
    return SH_E_ARGUMENT;
}

static sh_status check_struct(const sh_parameter *checked, size_t parameter, sh_call_error *error)
{
    if (checked->direction != SH_DIRECTION_IN) {
        explain(error, parameter,
                "A struct goes in only. Where the callee writes one, declare a pointer, or bytes of its size.");
        return SH_E_ARGUMENT;
    }
    if (checked->members == NULL || checked->member_count == 0) {
        explain(error, parameter, "A struct needs at least one member.");
        return SH_E_ARGUMENT;
    }
    if (checked->member_count > MOST_MEMBERS) {
        explain(error, parameter, "A struct has at most %d members.", MOST_MEMBERS);
        return SH_E_OVERFLOW;
    }
    for (size_t i = 0; i < checked->member_count; i++) {
        sh_status status = check_member(&checked->members[i], parameter, error);
        if (status != SH_OK)
            return status;
    }
    return SH_OK;
}

static bool comes_out(sh_direction direction)
{
    return direction == SH_DIRECTION_OUT || direction == SH_DIRECTION_INOUT || direction == SH_DIRECTION_RETURN;
}

static sh_status check_handle(const sh_parameter *checked, size_t parameter, sh_call_error *error)
{
    if (checked->type == SH_TYPE_BYTES || checked->type == SH_TYPE_STRUCT || checked->length != 0 ||
        checked->filled != 0) {
        explain(error, parameter,
                "Handles in an array or in a struct cannot be leased for the call: nobody knows how many there are. "
                "Declare each handle as a parameter of its own, or call the function once for each.");
        return SH_E_UNSUPPORTED;
    }
    if (checked->type != SH_TYPE_BY_KIND && !layout_is_integer(checked->type)) {
        explain(error, parameter, "A handle is passed as a number: write an integer type after its kind, or none.");
        return SH_E_ARGUMENT;
    }
    if (checked->kind->name == NULL) {
        explain(error, parameter, "The kind breaks its invariant (safehandle/kind.h): it has no name.");
        return SH_E_KIND;
    }
    if (!comes_out(checked->direction))
        return SH_OK;
    if ((checked->kind->flags & SH_KIND_ABSTRACT) != 0) {
        explain(error, parameter,
                "The kind %.60s is abstract, so no handle can be made of what comes out. Name a kind that is derived "
                "from it.",
                checked->kind->name);
        return SH_E_KIND;
    }
    if (kind_is_valid(checked->kind))
        return SH_OK;
    explain(error, parameter, "The kind %.60s breaks its invariant (safehandle/kind.h), so no handle can be made.",
            checked->kind->name);
    return SH_E_KIND;
}

/* The integer parameter of this number, from 1, that goes in or comes out as asked. */
static bool is_count(const sh_signature *signature, size_t number, bool goes_in)
{
    if (number == 0 || number > signature->parameter_count)
        return false;
    const sh_parameter *counted = &signature->parameters[number - 1];
    bool right_way = counted->direction == SH_DIRECTION_INOUT ||
                     counted->direction == (goes_in ? SH_DIRECTION_IN : SH_DIRECTION_OUT);
    return counted->kind == NULL && layout_is_integer(counted->type) && right_way;
}

static sh_status check_bytes(const sh_signature *signature, const sh_parameter *checked, size_t parameter,
                             sh_call_error *error)
{
    if (checked->length != 0 && !is_count(signature, checked->length, true)) {
        explain(error, parameter, "The length of bytes is an integer parameter that goes in.");
        return SH_E_ARGUMENT;
    }
    if (checked->filled == 0)
        return SH_OK;
    if (checked->direction == SH_DIRECTION_IN || checked->length == 0) {
        explain(error, parameter, "Only bytes that come out, with a length, say how many of them were written.");
        return SH_E_ARGUMENT;
    }
    bool by_result = checked->filled == SH_FILLED_BY_RETURN && signature->result.kind == NULL &&
                     layout_is_integer(signature->result.type);
    if (by_result || is_count(signature, checked->filled, false))
        return SH_OK;
    explain(error, parameter,
            "How many bytes were written is said by an integer parameter that comes out, or by an integer result.");
    return SH_E_ARGUMENT;
}

static sh_status check_plain(const sh_signature *signature, const sh_parameter *checked, size_t parameter,
                             sh_call_error *error)
{
    if (checked->type == SH_TYPE_BYTES)
        return check_bytes(signature, checked, parameter, error);
    if (checked->length != 0 || checked->filled != 0) {
        explain(error, parameter, "Only bytes have a length.");
        return SH_E_ARGUMENT;
    }
    if (checked->type == SH_TYPE_STRUCT)
        return check_struct(checked, parameter, error);
    if (checked->type == SH_TYPE_STRING && checked->direction != SH_DIRECTION_IN) {
        explain(error, parameter,
                "A string goes in only. Where the callee writes one, declare bytes with their length; where it gives "
                "one back, a pointer.");
        return SH_E_ARGUMENT;
    }
    return SH_OK;
}

static sh_status check_parameter(const sh_signature *signature, size_t i, sh_call_error *error)
{
    const sh_parameter *checked = &signature->parameters[i];
    if ((unsigned)checked->direction >= SH_DIRECTION_RETURN || (unsigned)checked->type > SH_TYPE_STRUCT) {
        explain(error, i + 1,
                "The direction of a parameter is in, out, inout or consume, and its type one of sh_type.");
        return SH_E_ARGUMENT;
    }
    if (checked->kind != NULL)
        return check_handle(checked, i + 1, error);
    if (checked->type == SH_TYPE_VOID || checked->type == SH_TYPE_BY_KIND) {
        explain(error, i + 1, "A parameter has a type that is not void, or the kind of a handle.");
        return SH_E_ARGUMENT;
    }
    if (checked->direction == SH_DIRECTION_CONSUME) {
        explain(error, i + 1, "Only a handle can be consumed: name its kind.");
        return SH_E_ARGUMENT;
    }
    return check_plain(signature, checked, i + 1, error);
}

static bool can_fail_so(const sh_signature *signature)
{
    const sh_parameter *result = &signature->result;
    sh_type type = result->kind == NULL ? result->type : layout_handle_type(result);
    switch (signature->failure) {
    case SH_FAILS_NEVER:
        return true;
    case SH_FAILS_NEGATIVE:
        return layout_is_signed(type);
    case SH_FAILS_ERRNO:
        return result->kind == NULL && layout_is_integer(type);
    default:
        return layout_is_integer(type) || type == SH_TYPE_BOOL || type == SH_TYPE_POINTER;
    }
}

static sh_status check_result(const sh_signature *signature, sh_call_error *error)
{
    const sh_parameter *result = &signature->result;
    if (result->direction != SH_DIRECTION_RETURN || (unsigned)result->type > SH_TYPE_STRUCT) {
        explain(error, 0, "The direction of the result is SH_DIRECTION_RETURN, and its type one of sh_type.");
        return SH_E_ARGUMENT;
    }
    if (result->kind != NULL) {
        sh_status status = check_handle(result, 0, error);
        if (status != SH_OK)
            return status;
    } else if (result->type == SH_TYPE_BY_KIND || result->type >= SH_TYPE_STRING || result->length != 0 ||
               result->filled != 0) {
        explain(error, 0,
                "A function gives back nothing (void), a number, a pointer or a handle. A string that it gives back is "
                "a pointer: it does not say whose it is.");
        return SH_E_ARGUMENT;
    }
    if (can_fail_so(signature))
        return SH_OK;
    explain(error, 0,
            "The result cannot tell a failure like that: negative needs a signed number, errno a number, zero and "
            "nonzero a number or a pointer.");
    return SH_E_ARGUMENT;
}

static sh_status check_counts(const sh_signature *signature, sh_call_error *error)
{
    size_t handles = signature->result.kind != NULL;
    size_t consumed = 0;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        const sh_parameter *counted = &signature->parameters[i];
        handles += counted->kind != NULL;
        consumed += counted->direction == SH_DIRECTION_CONSUME;
        if (handles > SH_CALL_HANDLES) {
            explain(error, i + 1, "A call has at most %d handles, with the one that it gives back.", SH_CALL_HANDLES);
            return SH_E_OVERFLOW;
        }
        if (consumed > 1) {
            explain(error, i + 1, "A call consumes at most one handle.");
            return SH_E_ARGUMENT;
        }
    }
    return SH_OK;
}

static sh_status check(const sh_signature *signature, const sh_call_hooks *hooks, sh_call_error *error)
{
    if (signature->name == NULL || (signature->parameters == NULL && signature->parameter_count > 0) ||
        (unsigned)signature->failure > SH_FAILS_ERRNO) {
        explain(error, 0, "A signature has a name, its parameters, and a failure that is one of sh_failure.");
        return SH_E_ARGUMENT;
    }
    if ((signature->flags & ~(SH_CALL_BLOCKING | SH_CALL_SAVE_ERRNO)) != 0) {
        explain(error, 0, "The signature has flags that this library does not know.");
        return SH_E_UNSUPPORTED;
    }
    if (hooks != NULL && (hooks->leave == NULL) != (hooks->enter == NULL)) {
        explain(error, 0, "Of the hooks, both or none are set.");
        return SH_E_ARGUMENT;
    }
    if (signature->parameter_count > SH_CALL_PARAMETERS) {
        explain(error, SH_CALL_PARAMETERS + 1, "A call has at most %d parameters.", SH_CALL_PARAMETERS);
        return SH_E_OVERFLOW;
    }
    sh_status status = SH_OK;
    for (size_t i = 0; i < signature->parameter_count && status == SH_OK; i++)
        status = check_parameter(signature, i, error);
    if (status == SH_OK)
        status = check_result(signature, error);
    return status == SH_OK ? check_counts(signature, error) : status;
}

/* ---- the copy ---------------------------------------------------------------------------------------------------- */

/* Counts the bytes that are wanted while memory is NULL; afterwards gives them out. */
typedef struct room {
    char *memory;
    size_t used_bytes;
} room;

static void *put(room *into, const void *from, size_t size_bytes, size_t alignment)
{
    into->used_bytes = (into->used_bytes + alignment - 1) / alignment * alignment;
    char *place = into->memory == NULL ? NULL : into->memory + into->used_bytes;
    if (place != NULL)
        memcpy(place, from, size_bytes);
    into->used_bytes += size_bytes;
    return place;
}

static const char *put_string(room *into, const char *text)
{
    return text == NULL ? NULL : put(into, text, strlen(text) + 1, 1);
}

static void put_parameters(room *into, const sh_parameter *from, size_t count, const sh_parameter **out_copy)
{
    sh_parameter *copy = count == 0 ? NULL : put(into, from, count * sizeof *from, _Alignof(sh_parameter));
    for (size_t i = 0; i < count; i++) {
        sh_parameter copied = from[i];
        copied.name = put_string(into, from[i].name);
        if (from[i].kind == NULL && from[i].type == SH_TYPE_STRUCT)
            put_parameters(into, from[i].members, from[i].member_count, &copied.members);
        if (copy != NULL)
            copy[i] = copied;
    }
    *out_copy = copy;
}

static void put_signature(room *into, const sh_signature *from, sh_signature *out_copy)
{
    *out_copy = *from;
    out_copy->name = put_string(into, from->name);
    out_copy->result.name = put_string(into, from->result.name);
    put_parameters(into, from->parameters, from->parameter_count, &out_copy->parameters);
}

/* The descriptor with its copy behind it, in one piece. NULL: there is no memory. */
static sh_call_descriptor *copy(const sh_signature *signature)
{
    sh_signature unused;
    room counted = {.used_bytes = sizeof(sh_call_descriptor)};
    put_signature(&counted, signature, &unused);
    sh_call_descriptor *made = platform_memory_allocate(counted.used_bytes);
    if (made == NULL)
        return NULL;
    room filled = {.memory = (char *)made, .used_bytes = sizeof *made};
    put_signature(&filled, signature, &made->signature);
    return made;
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* Written so that whoever reads without knowing it sees it: there is a table where there are parameters. */
static size_t count_parameters(const sh_call_descriptor *made)
{
    return made->signature.parameters == NULL ? 0 : made->signature.parameter_count;
}

static void plan_handles(sh_call_descriptor *made, sh_direction direction)
{
    for (size_t i = 0; i < count_parameters(made); i++) {
        const sh_parameter *planned = &made->signature.parameters[i];
        if (planned->kind != NULL && planned->direction == direction)
            made->handles[made->handle_count++] = (call_handle){
                .kind = planned->kind, .parameter = i, .direction = direction, .type = layout_handle_type(planned)};
    }
}

static void plan_plain(sh_call_descriptor *made)
{
    for (size_t i = 0; i < count_parameters(made); i++) {
        const sh_parameter *planned = &made->signature.parameters[i];
        if (planned->kind != NULL)
            continue;
        if (planned->type == SH_TYPE_STRUCT)
            made->structs[made->struct_count++] = (uint8_t)i;
        else if (planned->type != SH_TYPE_BYTES && planned->direction != SH_DIRECTION_IN)
            made->plain_outs[made->plain_out_count++] = (uint8_t)i;
    }
}

/* Passed in a register whole. */
static bool fits_register(const sh_parameter *parameter)
{
    sh_type type = parameter->kind == NULL ? parameter->type : layout_handle_type(parameter);
    bool by_address = parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT;
    bool is_pointer = type == SH_TYPE_POINTER || type == SH_TYPE_STRING || type == SH_TYPE_BYTES;
    return by_address || is_pointer || (layout_is_integer(type) && layout_type_bytes(type) >= sizeof(int));
}

static void plan_direct(sh_call_descriptor *made)
{
    const sh_parameter *result = &made->signature.result;
    sh_type type = result->kind == NULL ? result->type : layout_handle_type(result);
    size_t size_bytes = layout_type_bytes(type);
    made->result_is_void = size_bytes == 0;
    made->result_is_signed = layout_is_signed(type);
    made->result_unused_bits = size_bytes == 0 ? 0 : (uint8_t)(8 * (sizeof(uint64_t) - size_bytes));
    made->is_direct = DIRECT_IS_POSSIBLE && made->signature.parameter_count <= DIRECT_REGISTERS &&
                      type != SH_TYPE_F32 && type != SH_TYPE_F64;
    for (size_t i = 0; i < count_parameters(made); i++)
        made->is_direct = made->is_direct && fits_register(&made->signature.parameters[i]);
}

static void plan(sh_call_descriptor *made)
{
    plan_handles(made, SH_DIRECTION_IN);
    made->first_made = made->handle_count;
    plan_handles(made, SH_DIRECTION_INOUT);
    made->leased_count = made->handle_count;
    plan_handles(made, SH_DIRECTION_CONSUME);
    plan_handles(made, SH_DIRECTION_OUT);
    const sh_parameter *result = &made->signature.result;
    if (result->kind != NULL)
        made->handles[made->handle_count++] = (call_handle){.kind = result->kind,
                                                            .parameter = CALL_RESULT,
                                                            .direction = SH_DIRECTION_RETURN,
                                                            .type = layout_handle_type(result)};
    plan_plain(made);
    plan_direct(made);
    made->is_quick = made->struct_count == 0 && made->first_made == made->handle_count && made->plain_out_count == 0 &&
                     (made->signature.flags & SH_CALL_BLOCKING) == 0;
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

static sh_status prepare_copy(const sh_signature *signature, const sh_call_hooks *hooks_or_null,
                              sh_call_descriptor **out_descriptor, sh_call_error *error)
{
    sh_call_descriptor *made = copy(signature);
    sh_status status = made == NULL ? SH_E_NOMEM : SH_OK;
    if (status == SH_OK) {
        plan(made);
        if (hooks_or_null != NULL)
            made->hooks = *hooks_or_null;
        status = invoke_prepare(made);
    }
    if (status == SH_OK) {
        *out_descriptor = made;
        return SH_OK;
    }
    platform_memory_free(made);
    explain(error, 0,
            status == SH_E_NOMEM ? "Memory ran out. Nothing was changed."
                                 : "libffi cannot make a call of this signature on this system.");
    return status;
}

sh_status sh_call_prepare(const sh_signature *signature, const sh_call_hooks *hooks_or_null,
                          sh_call_descriptor **out_descriptor, sh_call_error *out_error_or_null)
{
    if (signature == NULL || out_descriptor == NULL) {
        explain(out_error_or_null, 0, "There is no signature, or no place for the descriptor.");
        return SH_E_ARGUMENT;
    }
    sh_status status = check(signature, hooks_or_null, out_error_or_null);
    return status == SH_OK ? prepare_copy(signature, hooks_or_null, out_descriptor, out_error_or_null) : status;
}

void sh_call_descriptor_free(sh_call_descriptor *descriptor)
{
    if (descriptor == NULL)
        return;
    invoke_free(descriptor);
    platform_memory_free(descriptor);
}

const sh_signature *sh_call_signature(const sh_call_descriptor *descriptor)
{
    return descriptor == NULL ? NULL : &descriptor->signature;
}

size_t sh_call_size_bytes(const sh_call_descriptor *descriptor, size_t parameter)
{
    if (descriptor == NULL || parameter > descriptor->signature.parameter_count)
        return 0;
    return layout_parameter_bytes(parameter == 0 ? &descriptor->signature.result
                                                 : &descriptor->signature.parameters[parameter - 1]);
}

bool sh_call_is_implied(const sh_call_descriptor *descriptor, size_t parameter)
{
    if (descriptor == NULL || parameter == 0)
        return false;
    for (size_t i = 0; i < descriptor->signature.parameter_count; i++) {
        const sh_parameter *bytes = &descriptor->signature.parameters[i];
        if (bytes->type == SH_TYPE_BYTES && bytes->length == parameter && bytes->direction != SH_DIRECTION_OUT)
            return true;
    }
    return false;
}
