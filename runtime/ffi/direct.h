/* SPDX-License-Identifier: MIT */
/*
 * Most functions take a few numbers and pointers, and give one back. Where each of them is passed in a register of its
 * own, whoever takes fewer of them does not look at the others: so few types of functions stand for all of these, and
 * the call needs no libffi, which finds out anew at each call where an argument goes, and takes twice as long for it.
 *
 * x86-64 (System V) and AArch64 pass six integers and eight floating-point numbers like that at least, and count the
 * two sorts apart. C itself does not define a call by another type, so it is done only where the calling convention,
 * which every debugger and linker relies on, does. A value is in range of its type (ffi.h), so that its register holds
 * what a callee may rely on, also above a narrow one.
 */
#ifndef FFI_DIRECT_H
#define FFI_DIRECT_H

#include "ffi/descriptor.h"
#include <string.h>

enum { DIRECT_INTEGERS = 6, DIRECT_FLOATS = 8 };

#if defined(__LP64__) && defined(__ELF__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&                              \
    (defined(__x86_64__) || defined(__aarch64__))
enum { DIRECT_IS_POSSIBLE = 1 };
#else
enum { DIRECT_IS_POSSIBLE = 0 };
#endif

/* Invariant: what no argument is in is zero. */
typedef struct direct_registers {
    uint64_t integers[DIRECT_INTEGERS];
    double floats[DIRECT_FLOATS]; /* a float is in the lower half of one */
} direct_registers;

#define DIRECT_INTEGER_TYPES uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t
#define DIRECT_FLOAT_TYPES double, double, double, double, double, double, double, double

typedef uint64_t direct_function(DIRECT_INTEGER_TYPES);
typedef uint64_t direct_function_of_floats(DIRECT_INTEGER_TYPES, DIRECT_FLOAT_TYPES);
typedef double direct_f64_function(DIRECT_INTEGER_TYPES, DIRECT_FLOAT_TYPES);
typedef float direct_f32_function(DIRECT_INTEGER_TYPES, DIRECT_FLOAT_TYPES);

#define DIRECT_INTEGERS_OF(i) (i)[0], (i)[1], (i)[2], (i)[3], (i)[4], (i)[5]
#define DIRECT_FLOATS_OF(f) (f)[0], (f)[1], (f)[2], (f)[3], (f)[4], (f)[5], (f)[6], (f)[7]

/* What is in the register, as far as the type of the result goes: the rest of it means nothing. */
static inline sh_value direct_result(const sh_call_descriptor *d, uint64_t in_register)
{
    uint64_t shifted = in_register << d->result_unused_bits;
    if (d->result_is_signed)
        return (sh_value){.i = (int64_t)shifted >> d->result_unused_bits};
    return (sh_value){.u = d->result_is_void ? 0 : shifted >> d->result_unused_bits};
}

/* Neither an argument nor the result is a floating-point number. */
static inline sh_value direct_call(const sh_call_descriptor *d, void (*function)(void), const uint64_t *integers)
{
    return direct_result(d, ((direct_function *)function)(DIRECT_INTEGERS_OF(integers)));
}

static inline sh_value direct_call_of_floats(const sh_call_descriptor *d, void (*function)(void),
                                             const direct_registers *in)
{
    sh_value returned = {.u = 0};
    switch (d->signature.result.type) {
    case SH_TYPE_F32:
        returned.f32 =
            ((direct_f32_function *)function)(DIRECT_INTEGERS_OF(in->integers), DIRECT_FLOATS_OF(in->floats));
        return returned;
    case SH_TYPE_F64:
        returned.f64 =
            ((direct_f64_function *)function)(DIRECT_INTEGERS_OF(in->integers), DIRECT_FLOATS_OF(in->floats));
        return returned;
    default:
        return direct_result(
            d, ((direct_function_of_floats *)function)(DIRECT_INTEGERS_OF(in->integers), DIRECT_FLOATS_OF(in->floats)));
    }
}

/* arguments are where libffi would find them. */
static inline void direct_load(const sh_call_descriptor *d, void *const *arguments, direct_registers *out_registers)
{
    *out_registers = (direct_registers){.integers = {0}};
    size_t integers = 0;
    size_t floats = 0;
    for (size_t i = 0; i < d->signature.parameter_count; i++) {
        sh_type type = d->signature.parameters[i].type;
        bool by_value = d->signature.parameters[i].direction == SH_DIRECTION_IN;
        if (by_value && type == SH_TYPE_F32)
            memcpy(&out_registers->floats[floats++], arguments[i], sizeof(float));
        else if (by_value && type == SH_TYPE_F64)
            memcpy(&out_registers->floats[floats++], arguments[i], sizeof(double));
        else
            memcpy(&out_registers->integers[integers++], arguments[i], sizeof(uint64_t));
    }
}

#endif
