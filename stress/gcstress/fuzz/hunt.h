/* SPDX-License-Identifier: MIT */
/* Many inputs, one after the other, in a process of their own, until one has a violation. */
#ifndef GCSTRESS_FUZZ_HUNT_H
#define GCSTRESS_FUZZ_HUNT_H

#include "trial.h"

typedef struct hunt_plan {
    const input *given; /* this one, once; NULL: inputs of our own */
    size_t most_runs;   /* 0: no limit */
    double seconds;     /* 0: no limit */
    uint64_t seed;
} hunt_plan;

/* Invariant: found exactly when told has a violation; input and told are those of the last run. */
typedef struct hunt_result {
    size_t runs;
    size_t operations;
    size_t states;
    size_t kept; /* inputs that reached a new state */
    double seconds;
    bool found;
    input input;
    tale told;
} hunt_result;

/* The result is valid until it is freed. */
hunt_result *hunt_run(const hunt_plan *plan);
void hunt_free(hunt_result *result);

/* An input that has a violation still, and fewer bytes: pieces are left out as long as that helps. NULL: the given one
 * has none. */
hunt_result *hunt_shrink(const input *from);

#endif
