/* SPDX-License-Identifier: MIT */
/* A scenario with one approach, searched in the order in which bugs are cheapest to find: every schedule without a
 * preemption, with one, and so on; then probabilistically; then at random. */
#ifndef GCSTRESS_SEARCH_H
#define GCSTRESS_SEARCH_H

#include "explore.h"

typedef struct search_plan {
    const sh_stress_scenario *scenario;
    const char *approach; /* NULL: the scenario has none */
    size_t preemptions;   /* complete up to so many */
    size_t pct_depth;
    size_t random_runs; /* of pct, and as many at random; 0: none */
    uint64_t seed;
    void (*look)(size_t schedules, void *data); /* now and then, while it runs; NULL: never */
    void *look_data;
} search_plan;

/* Invariant: last is the newest exploration, and has the violation when found. */
typedef struct search_result {
    size_t schedules;
    size_t states; /* of the largest exploration */
    double seconds;
    size_t complete_to; /* every schedule with so many preemptions was run */
    bool is_complete;   /* to the bound that was asked for */
    bool found;
    const char *found_by;
    explore_result *last;
} search_result;

/* The result's last is the caller's to free. */
search_result search_run(const search_plan *plan);

#endif
