/* SPDX-License-Identifier: MIT */
/*
 * One scenario and approach with real threads, and collections where nobody expects them, in a process of its own: what
 * crashes or hangs there is a finding, too.
 *
 * Source: document 002's GCStress, and the levels of the CLR's.
 */
#ifndef GCSTRESS_RUN_H
#define GCSTRESS_RUN_H

#include "../explore/tale.h"
#include <safehandle/stress.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * LEVEL(name, number, where it collects), for each; they are added together. A place to allocate or to cross is a
 * checkpoint, too. New sites are those of the other levels that nobody came by before; alone: all such places.
 */
#define RUN_EACH_LEVEL(LEVEL)                                                                                          \
    LEVEL(RUN_AT_ALLOCATIONS, 1, "at every allocation")                                                                \
    LEVEL(RUN_AT_CROSSINGS, 2, "at every crossing between host and native call")                                       \
    LEVEL(RUN_AT_CHECKPOINTS, 4, "at every checkpoint")                                                                \
    LEVEL(RUN_LITTLE_AT_CHECKPOINTS, 8, "a little, at every checkpoint")                                               \
    LEVEL(RUN_AT_NEW_SITES, 16, "only at call sites not seen before")

#define RUN_LEVEL_NAME(name, number, where) name = (number),
#define RUN_LEVEL_BIT(name, number, where) | (number)
enum { RUN_EACH_LEVEL(RUN_LEVEL_NAME) RUN_LEVELS = 0 RUN_EACH_LEVEL(RUN_LEVEL_BIT) };

enum { RUN_POINTS = 96, RUN_THREADS = 256 };

typedef struct run_plan {
    const sh_stress_scenario *scenario;
    const char *approach; /* NULL: the scenario has none */
    unsigned level;
    bool mix;       /* 90 % small, 8 % full, 2 % full and unmap; else full ones */
    size_t threads; /* in groups, each of as many as the scenario has; 0: one group */
    double seconds;
    uint64_t seed;
} run_plan;

typedef struct run_point {
    double seconds;
    uint64_t live_handles;
    uint64_t collections;
} run_point;

/* Written by the process that runs, read by the one that waits for it. Invariant: found exactly when told has a
 * violation; points below point_count are whole. */
typedef struct run_result {
    double seconds; /* until the violation, or to the end */
    uint64_t rounds;
    uint64_t small, full, unmap; /* collections that were forced, and ran */
    uint64_t dropped, finalized;
    size_t threads;
    bool found;
    bool interrupted;
    run_point points[RUN_POINTS];
    size_t point_count;
    tale told;
} run_result;

/* Called by run_run, some times a second. */
typedef void run_watcher(const run_result *so_far, double seconds, void *data);

/* Stops at the first violation, or when run_interrupt is called. */
void run_run(const run_plan *plan, run_result *out_result, run_watcher *watch, void *data);

/* Ends what runs, and every later run at once. Any thread, or a signal handler. */
void run_interrupt(void);
bool run_is_interrupted(void);

uint64_t run_collections(const run_result *of);

#endif
