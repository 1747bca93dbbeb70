/* SPDX-License-Identifier: MIT */
/* From statements to bytecode. What a READ becomes is the approach's: all else is the same with each. */
#ifndef EXAMPLE_COMPILER_H
#define EXAMPLE_COMPILER_H

#include "instruction.h"
#include <stddef.h>

enum { COMPILER_LENGTH = 16, COMPILER_REGISTERS = 8 };

typedef enum statement_sort {
    STATEMENT_STOP, /* behind the last one */
    STATEMENT_OPEN,
    STATEMENT_READ,
    STATEMENT_CLOSE,
    STATEMENT_COLLECT,
} statement_sort;

/* variable: a register from 0, which has the owner of a file. */
typedef struct statement {
    statement_sort sort;
    uint8_t variable;
} statement;

/*
 * Invariant: code ends with OPCODE_END; bit r of live[i] is set when instruction i, or one behind it, reads register r
 * before any writes it. So what is not in live[i] is no root while instruction i runs.
 */
typedef struct compiled_program {
    instruction code[COMPILER_LENGTH];
    uint8_t live[COMPILER_LENGTH];
    size_t length;
} compiled_program;

/* reading: what a READ becomes, ending with OPCODE_END, in which these stand for registers. */
enum { COMPILER_VARIABLE = COMPILER_REGISTERS, COMPILER_NUMBER = 5, COMPILER_BUFFER = 6, COMPILER_PACKED = 7 };
void compiler_run(const statement *source, const instruction *reading, compiled_program *out_program);

#endif
