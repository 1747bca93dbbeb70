/* SPDX-License-Identifier: MIT */
/*
 * The bytecode: straight lines of instructions over registers. A register has a reference to an object, or a number.
 *
 * reads and writes say which registers an instruction needs and which it makes anew: that is how the compiler knows
 * where a register was read for the last time.
 */
#ifndef EXAMPLE_INSTRUCTION_H
#define EXAMPLE_INSTRUCTION_H

#include <stdint.h>

typedef enum opcode {
    OPCODE_END,       /* here the program stops */
    OPCODE_OPEN,      /* a: an owner of a file that this opens */
    OPCODE_CLOSE,     /* closes the file of a */
    OPCODE_NEW,       /* a: an object that owns nothing */
    OPCODE_COLLECT,   /* collects */
    OPCODE_NUMBER,    /* a: the number that is in b */
    OPCODE_KEEP,      /* needs a, and does nothing */
    OPCODE_PACK,      /* a: an object with b and its number in it, document 002's HandleRef */
    OPCODE_ENTER,     /* a: the number that is in b, which is counted as in use from now on */
    OPCODE_LEAVE,     /* a is not in use any more */
    OPCODE_LEASE,     /* a: the number that a lease on b's handle shows */
    OPCODE_UNLEASE,   /* ends the lease */
    OPCODE_CALL,      /* the system, with number a and buffer b */
    OPCODE_CALL_PACK, /* the system, with the number in object a, which is kept for as long, and buffer b */
    OPCODES,
} opcode;

typedef struct instruction {
    opcode what;
    uint8_t a, b;
} instruction;

enum { OPERAND_NONE = 0, OPERAND_A = 1, OPERAND_B = 2 };

/* Of each instruction, by opcode. */
typedef struct instruction_form {
    const char *name;
    int reads, writes;
} instruction_form;

extern const instruction_form instruction_forms[OPCODES];

#endif
