/* SPDX-License-Identifier: MIT */
/* Values on their way between Scheme and C: everything but handles. */
#include "value.h"
#include <string.h>

static sh_value integer_value(sh_type type, SCM argument)
{
    switch (type) {
    case SH_TYPE_I8:
        return (sh_value){.i = scm_to_int8(argument)};
    case SH_TYPE_U8:
        return (sh_value){.u = scm_to_uint8(argument)};
    case SH_TYPE_I16:
        return (sh_value){.i = scm_to_int16(argument)};
    case SH_TYPE_U16:
        return (sh_value){.u = scm_to_uint16(argument)};
    case SH_TYPE_I32:
        return (sh_value){.i = scm_to_int32(argument)};
    case SH_TYPE_U32:
        return (sh_value){.u = scm_to_uint32(argument)};
    case SH_TYPE_INT:
        return (sh_value){.i = scm_to_int(argument)};
    case SH_TYPE_UINT:
        return (sh_value){.u = scm_to_uint(argument)};
    case SH_TYPE_LONG:
        return (sh_value){.i = scm_to_long(argument)};
    case SH_TYPE_ULONG:
        return (sh_value){.u = scm_to_ulong(argument)};
    case SH_TYPE_U64:
        return (sh_value){.u = scm_to_uint64(argument)};
    case SH_TYPE_ISIZE:
        return (sh_value){.i = scm_to_ssize_t(argument)};
    case SH_TYPE_USIZE:
        return (sh_value){.u = scm_to_size_t(argument)};
    default:
        return (sh_value){.i = scm_to_int64(argument)};
    }
}

/* A pointer object of (system foreign), the contents of a bytevector, or #f for NULL. */
static sh_value pointer_value(const char *who, SCM argument, int position)
{
    if (scm_is_false(argument))
        return (sh_value){.pointer = NULL};
    if (scm_is_bytevector(argument))
        return (sh_value){.pointer = SCM_BYTEVECTOR_CONTENTS(argument)};
    if (!SCM_POINTER_P(argument))
        scm_wrong_type_arg_msg(who, position, argument, "pointer, bytevector or #f");
    return (sh_value){.pointer = scm_to_pointer(argument)};
}

static sh_value struct_value(const char *who, size_t size_bytes, SCM argument, int position)
{
    sh_value value = pointer_value(who, argument, position);
    if (scm_is_bytevector(argument) && scm_c_bytevector_length(argument) != size_bytes)
        scm_out_of_range_pos(who, argument, scm_from_int(position));
    if (value.pointer == NULL)
        scm_wrong_type_arg_msg(who, position, argument, "pointer or bytevector");
    return value;
}

/* Freed with the scope that the caller has begun. */
static sh_value string_value(const char *who, SCM argument, int position)
{
    if (!scm_is_string(argument))
        scm_wrong_type_arg_msg(who, position, argument, "string");
    char *text = scm_to_locale_string(argument);
    scm_dynwind_free(text);
    return (sh_value){.string = text};
}

sh_value value_of_scheme(const char *who, const sh_parameter *parameter, size_t size_bytes, SCM argument, int position)
{
    switch (parameter->type) {
    case SH_TYPE_BOOL:
        return (sh_value){.u = scm_is_true(argument)};
    case SH_TYPE_F32:
        return (sh_value){.f32 = (float)scm_to_double(argument)};
    case SH_TYPE_F64:
        return (sh_value){.f64 = scm_to_double(argument)};
    case SH_TYPE_POINTER:
        return pointer_value(who, argument, position);
    case SH_TYPE_STRUCT:
        return struct_value(who, size_bytes, argument, position);
    case SH_TYPE_STRING:
        return string_value(who, argument, position);
    default:
        return integer_value(parameter->type, argument);
    }
}

SCM value_bytes(const char *who, const sh_parameter *parameter, SCM argument, int position)
{
    SCM bytes = scm_is_string(argument) ? scm_string_to_utf8(argument) : argument;
    if (!scm_is_bytevector(bytes))
        scm_wrong_type_arg_msg(who, position, argument, "bytevector or string");
    return parameter->direction == SH_DIRECTION_IN ? bytes : scm_bytevector_copy(bytes);
}

SCM value_first_bytes(SCM bytes, size_t count)
{
    if (count >= scm_c_bytevector_length(bytes))
        return bytes;
    SCM fewer = scm_c_make_bytevector(count);
    memcpy(SCM_BYTEVECTOR_CONTENTS(fewer), SCM_BYTEVECTOR_CONTENTS(bytes), count);
    return fewer;
}

SCM value_to_scheme(sh_type type, sh_value value)
{
    switch (type) {
    case SH_TYPE_VOID:
        return SCM_UNSPECIFIED;
    case SH_TYPE_BOOL:
        return scm_from_bool(value.u != 0);
    case SH_TYPE_F32:
        return scm_from_double((double)value.f32);
    case SH_TYPE_F64:
        return scm_from_double(value.f64);
    case SH_TYPE_POINTER:
        return scm_from_pointer(value.pointer, NULL);
    case SH_TYPE_U8:
    case SH_TYPE_U16:
    case SH_TYPE_U32:
    case SH_TYPE_U64:
    case SH_TYPE_UINT:
    case SH_TYPE_ULONG:
    case SH_TYPE_USIZE:
        return scm_from_uint64(value.u);
    default:
        return scm_from_int64(value.i);
    }
}
