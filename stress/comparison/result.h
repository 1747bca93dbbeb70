/* SPDX-License-Identifier: MIT */
/* What the comparison is about and what came of it: five approaches, five accidents, twenty-five pairs. */
#ifndef COMPARISON_RESULT_H
#define COMPARISON_RESULT_H

#include "accident.h"
#include "approach.h"

/* In the order in which they came about. */
enum { INTPTR, KEEPALIVE, HANDLEREF, HANDLEPROTECTOR, SAFEHANDLE, APPROACHES };
enum { FINALIZER_RACE, RECYCLING, DOUBLE_CLOSE, LEAK_ON_ABORT, LOST_FLUSH, ACCIDENTS };

extern const approach *const result_approaches[APPROACHES];
extern const accident *const result_accidents[ACCIDENTS];

/* Invariant: why is NULL where the accident applies; else trials and violations are 0. */
typedef struct pair_result {
    const char *why;
    long trials;
    long violations;
} pair_result;

typedef struct result {
    pair_result pairs[APPROACHES][ACCIDENTS];
} result;

static inline bool pair_violated(const pair_result *pair)
{
    return pair->violations > 0;
}

static inline bool pair_clean(const pair_result *pair)
{
    return pair->why == NULL && pair->violations == 0;
}

#endif
