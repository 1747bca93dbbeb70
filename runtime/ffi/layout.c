/* SPDX-License-Identifier: MIT */
/* How large C types are, and how numbers lie in them. */
#include "ffi/descriptor.h"
#include <string.h>

/* ROW(type, C type): every integer type, and bool. */
#define INTEGER_TYPES(ROW)                                                                                             \
    ROW(SH_TYPE_BOOL, bool)                                                                                            \
    ROW(SH_TYPE_I8, int8_t)                                                                                            \
    ROW(SH_TYPE_U8, uint8_t)                                                                                           \
    ROW(SH_TYPE_I16, int16_t)                                                                                          \
    ROW(SH_TYPE_U16, uint16_t)                                                                                         \
    ROW(SH_TYPE_I32, int32_t)                                                                                          \
    ROW(SH_TYPE_U32, uint32_t)                                                                                         \
    ROW(SH_TYPE_I64, int64_t)                                                                                          \
    ROW(SH_TYPE_U64, uint64_t)                                                                                         \
    ROW(SH_TYPE_INT, int)                                                                                              \
    ROW(SH_TYPE_UINT, unsigned)                                                                                        \
    ROW(SH_TYPE_LONG, long)                                                                                            \
    ROW(SH_TYPE_ULONG, unsigned long)                                                                                  \
    ROW(SH_TYPE_ISIZE, intptr_t)                                                                                       \
    ROW(SH_TYPE_USIZE, uintptr_t)

#define SIZE_ROW(type, c_type) [type] = sizeof(c_type),

static const uint8_t sizes_bytes[] = {INTEGER_TYPES(SIZE_ROW)[SH_TYPE_F32] = sizeof(float),
                                      [SH_TYPE_F64] = sizeof(double),
                                      [SH_TYPE_POINTER] = sizeof(void *),
                                      [SH_TYPE_STRING] = sizeof(void *),
                                      [SH_TYPE_BYTES] = sizeof(void *),
                                      [SH_TYPE_STRUCT] = 0};

size_t layout_type_bytes(sh_type type)
{
    return sizes_bytes[type];
}

/* Each member at a multiple of its size, as all C compilers for these systems do. */
static size_t struct_bytes(const sh_parameter *parameter)
{
    size_t end = 0;
    size_t alignment = 1;
    for (size_t i = 0; i < parameter->member_count; i++) {
        size_t size_bytes = sizes_bytes[parameter->members[i].type];
        end = (end + size_bytes - 1) / size_bytes * size_bytes + size_bytes;
        if (alignment < size_bytes)
            alignment = size_bytes;
    }
    return (end + alignment - 1) / alignment * alignment;
}

size_t layout_parameter_bytes(const sh_parameter *parameter)
{
    if (parameter->type == SH_TYPE_STRUCT)
        return struct_bytes(parameter);
    return sizes_bytes[parameter->kind == NULL ? parameter->type : layout_handle_type(parameter)];
}

bool layout_is_integer(sh_type type)
{
    return type >= SH_TYPE_I8 && type <= SH_TYPE_USIZE;
}

bool layout_is_signed(sh_type type)
{
    switch (type) {
    case SH_TYPE_I8:
    case SH_TYPE_I16:
    case SH_TYPE_I32:
    case SH_TYPE_I64:
    case SH_TYPE_INT:
    case SH_TYPE_LONG:
    case SH_TYPE_ISIZE:
        return true;
    default:
        return false;
    }
}

sh_type layout_handle_type(const sh_parameter *parameter)
{
    if (parameter->type != SH_TYPE_BY_KIND)
        return parameter->type;
    return (parameter->kind->flags & SH_KIND_FD) != 0 ? SH_TYPE_INT : SH_TYPE_ISIZE;
}

#define READ_ROW(type, c_type)                                                                                         \
    case type: {                                                                                                       \
        c_type number;                                                                                                 \
        memcpy(&number, place, sizeof number);                                                                         \
        return (int64_t)number;                                                                                        \
    }

#define WRITE_ROW(type, c_type)                                                                                        \
    case type: {                                                                                                       \
        c_type number_there = (c_type)number;                                                                          \
        memcpy(place, &number_there, sizeof number_there);                                                             \
        break;                                                                                                         \
    }

int64_t layout_read(const void *place, sh_type type)
{
    switch (type) {
        INTEGER_TYPES(READ_ROW)
    default:
        return 0;
    }
}

void layout_write(void *place, sh_type type, int64_t number)
{
    switch (type) {
        INTEGER_TYPES(WRITE_ROW)
    default:
        break;
    }
}
