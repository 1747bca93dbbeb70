/* SPDX-License-Identifier: MIT */
/* New inputs: out of nothing, and out of others. */
#ifndef GCSTRESS_FUZZ_MUTATION_H
#define GCSTRESS_FUZZ_MUTATION_H

#include "input.h"

/* Invariant: state is not 0. */
typedef struct dice {
    uint64_t state;
} dice;

dice dice_with(uint64_t seed);
/* Below most, which is not 0. */
size_t dice_throw(dice *of, size_t most);

void mutation_invent(dice *with, input *out_input);
/* A few changes: a byte, a record more or less, a piece twice, a piece of the other. */
void mutation_change(dice *with, input *in_out, const input *other);

#endif
