/* SPDX-License-Identifier: MIT */
/*
 * A string of bytes, read as what two threads do and where they are switched: every string has a meaning, and the same
 * one always.
 *
 * Two bytes are a record. The upper two bits of the first say what it is: 0 and 1, the next operation of that thread,
 * which the other six bits name and the second byte says more about; 2 and 3, the next switch: the six bits say how
 * many choices keep their default before it, and the second byte which other thread goes on. A last byte alone has a
 * zero behind it. What is beyond the limits below is left out.
 *
 * So a change in one place leaves the rest of the run alone, and an input can be cut anywhere.
 */
#ifndef GCSTRESS_FUZZ_INPUT_H
#define GCSTRESS_FUZZ_INPUT_H

#include "../baton/baton.h"

enum { INPUT_BYTES = 256, INPUT_THREADS = 2, INPUT_OPERATIONS = 24, INPUT_SWITCHES = 64 };

/* Invariant: what is behind size is of no meaning. */
typedef struct input {
    size_t size;
    uint8_t bytes[INPUT_BYTES];
} input;

typedef struct input_operation {
    uint8_t what; /* below 64 */
    uint8_t argument;
} input_operation;

typedef struct input_switch {
    uint8_t after; /* so many choices keep their default */
    uint8_t taken; /* which of the others, modulo how many there are */
} input_switch;

typedef struct input_program {
    input_operation operations[INPUT_THREADS][INPUT_OPERATIONS];
    size_t operation_counts[INPUT_THREADS];
    input_switch switches[INPUT_SWITCHES];
    size_t switch_count;
    /* how far the run is */
    size_t switched;
    size_t passed; /* choices since the last switch */
} input_program;

void input_decode(const input *from, input_program *out_program);

/* Which alternative is taken: 0 is the default. */
size_t input_choose(input_program *program, const baton_choice *choice);

/* Ends the program where there is no such file. What is too much is left out. */
void input_read(const char *path, input *out_input);
/* Ends the program where it cannot be written. */
void input_write(const char *path, const input *written);

/* Of all bytes: the same on every machine. */
uint32_t input_checksum(const input *of);

#endif
