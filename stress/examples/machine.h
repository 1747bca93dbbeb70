/* SPDX-License-Identifier: MIT */
/* One machine runs one program on one thread. */
#ifndef EXAMPLE_MACHINE_H
#define EXAMPLE_MACHINE_H

#include "compiler.h"
#include "heap.h"

typedef struct value {
    object *reference;
    kernel_number number;
} value;

/*
 * Invariant: everything is read and written under the interpreter's lock, the lease apart, which is its thread's own;
 * fresh is an object that is being made, and a root like the live registers.
 */
typedef struct machine {
    struct interpreter *in;
    compiled_program program;
    size_t at;
    value registers[COMPILER_REGISTERS];
    object *fresh;
    sh_lease lease;
} machine;

void machine_load(machine *on, struct interpreter *in, const statement *source);
/* To its end, or to the first instruction that finds its owner closed. Without the lock. */
void machine_run(machine *of);
/* What the machine needs for the rest of its program. With the lock. */
void machine_mark(const machine *of);

#endif
