/* SPDX-License-Identifier: MIT */
/*
 * Most functions take a few integers and pointers, and give one back. Where each of them is passed in a register of its
 * own, whoever takes fewer of them does not look at the others: so one type of function stands for all of these, and
 * the call needs no libffi, which finds out anew at each call where an argument goes, and takes twice as long for it.
 *
 * x86-64 (System V) and AArch64 pass at least six like that, to functions with "..." too. C itself does not define a
 * call by another type, so it is done only where the calling convention, which every debugger and linker relies on,
 * does. Arguments narrower than int are left to libffi: callees may rely on their upper half. So are floating-point
 * numbers: a function with "..." must be told on x86-64 how many of its registers are used, which C tells only where it
 * knows that it calls such a one.
 */
#ifndef FFI_DIRECT_H
#define FFI_DIRECT_H

#include "ffi/descriptor.h"

enum { DIRECT_REGISTERS = 6 };

#if defined(__LP64__) && defined(__ELF__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&                              \
    (defined(__x86_64__) || defined(__aarch64__))
enum { DIRECT_IS_POSSIBLE = 1 };
#else
enum { DIRECT_IS_POSSIBLE = 0 };
#endif

typedef uint64_t direct_function(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* What is in the register, as far as the type of the result goes: the rest of it means nothing. */
static inline sh_value direct_result(const sh_call_descriptor *d, uint64_t in_register)
{
    uint64_t shifted = in_register << d->result_unused_bits;
    if (d->result_is_signed)
        return (sh_value){.i = (int64_t)shifted >> d->result_unused_bits};
    return (sh_value){.u = d->result_is_void ? 0 : shifted >> d->result_unused_bits};
}

static inline sh_value direct_call(const sh_call_descriptor *d, void (*function)(void), const uint64_t *registers)
{
    direct_function *called = (direct_function *)function;
    return direct_result(d, called(registers[0], registers[1], registers[2], registers[3], registers[4], registers[5]));
}

#endif
