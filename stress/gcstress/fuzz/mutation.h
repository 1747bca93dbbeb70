/* SPDX-License-Identifier: MIT */
/* New inputs: out of nothing, and out of others. */
#ifndef GCSTRESS_FUZZ_MUTATION_H
#define GCSTRESS_FUZZ_MUTATION_H

#include "input.h"

/* dice is a state of dice_shift. */

/* Below most, which is not 0. */
size_t mutation_draw(uint64_t *dice, size_t most);

void mutation_invent(uint64_t *dice, input *out_input);
/* A few changes: a byte, a record more or less, a piece twice, a piece of the other. */
void mutation_change(uint64_t *dice, input *in_out, const input *other);

#endif
