/* SPDX-License-Identifier: MIT */
/* Dice that fall the same for the same seed, thread and round. */
#ifndef GCSTRESS_DICE_H
#define GCSTRESS_DICE_H

#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

/* splitmix64 (Steele and others, OOPSLA 2014). */
static inline uint64_t dice_throw(dice *of)
{
    uint64_t z = of->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline dice dice_make(uint64_t seed, uint64_t thread, uint64_t round)
{
    dice made = {.state = seed};
    made.state = dice_throw(&made) ^ thread;
    made.state = dice_throw(&made) ^ round;
    return made;
}

#endif
