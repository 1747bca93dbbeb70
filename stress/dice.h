/* SPDX-License-Identifier: MIT */
/* Dice that fall the same on every machine. There are two makes, since what was found with a seed of either has to be
 * found with it again. */
#ifndef STRESS_DICE_H
#define STRESS_DICE_H

#include <stdint.h>

/* The next of a row of random numbers that the state began; any will do. splitmix64 (Steele and others, OOPSLA 2014).
 */
static inline uint64_t dice_split(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

/* A state for dice_shift. */
static inline uint64_t dice_shift_from(uint64_t seed)
{
    return seed * 2 + 1;
}

/* The same, for a state that is not 0. xorshift64* (Vigna, ACM TOMS 2016). */
static inline uint64_t dice_shift(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
