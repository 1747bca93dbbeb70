/* SPDX-License-Identifier: MIT */
/* What the rounds came to. */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include "measure.h"

enum { MOST_ROUNDS = 25 };

/* Invariant: lowest <= median <= highest. */
typedef struct spread {
    double median;
    double lowest;
    double highest;
} spread;

typedef struct summary {
    long count;
    int rounds;
    spread spreads[VARIANTS][FIGURES];
    long least_ended[VARIANTS]; /* of all rounds */
} summary;

/* A name for programs, and one for people. */
extern const char *const figure_names[FIGURES];
extern const char *const figure_titles[FIGURES];

/* False for the release of a variant that has none. */
bool summary_has(int who, int figure);

/* measurements[who][round] */
summary summary_make(long count, int rounds, measurement measurements[VARIANTS][MOST_ROUNDS]);

/* True: every object that has an end was ended, in every round. Else says on stderr where not. */
bool summary_check(const summary *s);

void summary_print_table(const summary *s);
void summary_print_json(const summary *s);

#endif
