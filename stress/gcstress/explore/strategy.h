/* SPDX-License-Identifier: MIT */
/*
 * Which choice is taken where: what makes one run different from the next.
 *
 *   complete   every schedule with so many preemptions at most, depth first
 *   pct        strands have random priorities, and the one that runs loses its own at so many random places: finds a
 * bug of depth d with probability 1 / (n k^(d-1)) for n strands and k choices random     each choice by a throw of dice
 *   given      the choices of one schedule, and the default behind its end
 *   asked      each choice as somebody else says
 *
 * Source: CHESS (PLDI 2007) for the bound; Burckhardt and others, "A randomized scheduler with probabilistic guarantees
 * of finding bugs" (ASPLOS 2010) for pct.
 */
#ifndef GCSTRESS_STRATEGY_H
#define GCSTRESS_STRATEGY_H

#include "schedule.h"

typedef enum strategy_sort {
    STRATEGY_COMPLETE,
    STRATEGY_PCT,
    STRATEGY_RANDOM,
    STRATEGY_GIVEN,
    STRATEGY_ASKED
} strategy_sort;

enum { STRATEGY_DEPTH = 16 };

/*
 * Invariant: `run` has what the run has taken so far; with complete and given, its first `given` choices are
 * prescribed.
 */
typedef struct strategy {
    strategy_sort sort;
    size_t bound; /* complete: preemptions; pct: depth */
    uint64_t random;
    size_t given;
    size_t preempted;
    bool diverged; /* a prescribed choice had another number of alternatives */
    size_t priorities[BATON_STRANDS];
    size_t changes[STRATEGY_DEPTH];                        /* pct: at which choices */
    size_t choices_seen;                                   /* in this run */
    size_t most_choices;                                   /* in any run so far */
    size_t (*ask)(const baton_choice *choice, void *data); /* asked: answers an alternative */
    void *data;
    schedule run;
} strategy;

void strategy_init(strategy *of, strategy_sort sort, size_t bound, uint64_t seed);

/* Before each run. */
void strategy_begin(strategy *of);

/* After a run. False: there is no other schedule within the bound. */
bool strategy_advance(strategy *of);

/* A baton_chooser; data is the strategy. */
size_t strategy_choose(const baton_choice *choice, void *of);

#endif
