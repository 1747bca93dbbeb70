/* SPDX-License-Identifier: MIT */
/* Many runs of one scenario and approach, in a process of their own: what hangs or crashes there is a finding, too. */
#ifndef GCSTRESS_EXPLORE_H
#define GCSTRESS_EXPLORE_H

#include "episode.h"

/* Invariant: found exactly when told has a violation, in the last run; choices.run has its schedule. */
typedef struct explore_result {
    size_t runs;
    size_t states;
    size_t longest; /* choices of one run */
    size_t cut;     /* runs with more choices than a schedule holds */
    double seconds;
    bool complete; /* there is no other schedule within the bound */
    bool found;
    bool diverged;
    strategy choices;
    tale told;
} explore_result;

typedef struct explore_plan {
    const sh_stress_scenario *scenario;
    const char *approach; /* NULL: the scenario has none */
    strategy_sort sort;
    size_t bound;
    uint64_t seed;
    size_t most_runs;                                       /* 0: no limit */
    const schedule *given;                                  /* with STRATEGY_GIVEN */
    void (*look)(const explore_result *so_far, void *data); /* now and then, while it runs; NULL: never */
    void *look_data;
} explore_plan;

/* Stops at the first violation. The result is valid until it is freed. */
explore_result *explore_run(const explore_plan *plan);
void explore_free(explore_result *result);

/* The schedule with the fewest switches to be found that has a violation still: one switch after the other is left out.
 * NULL: the given one has none any more. */
explore_result *explore_shrink(const explore_plan *plan);

#endif
