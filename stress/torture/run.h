/* SPDX-License-Identifier: MIT */
/* Running one class in a process of its own, within a limit. */
#ifndef TORTURE_RUN_H
#define TORTURE_RUN_H

#include "../progress.h"
#include "torture.h"

/* Invariant: failures <= tries; first_failure is "" exactly when failures is 0. */
typedef struct torture_outcome {
    const torture_class *of;
    uint64_t tries;
    uint64_t failures;
    char first_failure[TORTURE_SENTENCE_SIZE_BYTES];
    int64_t duration_ms;
} torture_outcome;

/* A class that crashes, or is not over within limit_ms, has failed once more; what it counted until then counts. When
 * it is over, nothing that it started in its process group runs any longer. */
torture_outcome torture_run(const torture_class *of, const torture_plan *plan, int64_t limit_ms, const progress *shown);

#endif
