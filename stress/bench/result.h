/* SPDX-License-Identifier: MIT */
/* What all rounds came to. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "figure.h"
#include "population.h"
#include "spread.h"
#include <jansson.h>

enum { MOST_ROUNDS = 25, SIZES = 5, THE_MILLION = 2, FOUR_MILLION = 4 };

/* What a population came to, over all rounds. */
typedef struct growth_point {
    spread pause_ms;
    spread bytes;
    long least_ended;
} growth_point;

/* Invariant: a spread is that of the rounds' own values; NAN in it: not measured on this machine. */
typedef struct result {
    bool quick;
    int rounds;
    double seconds;
    long counts[SIZES]; /* a quarter, a half, one, two and four times the million */
    measurement measured[MOST_ROUNDS];
    census populations[SIZES][VARIANTS][MOST_ROUNDS];
    spread measures[MEASURE_COUNT];
    spread figures[FIGURES];
    growth_point growth[SIZES][VARIANTS];
    json_t *others; /* what helper_measure_peers answered */
} result;

/* From measured and populations to the spreads. */
void result_sum_up(result *r);

/* True: 99.9 % or more of the objects that have an end came to it. Else says on stderr where not. */
bool result_check_ends(const result *r);

/* True: every figure that could be measured meets its target. Else says on stderr which does not. */
bool result_check_targets(const result *r);

/* All of it, as output_json.c writes it. The caller gives it back with json_decref. */
json_t *result_describe(const result *r);

void result_print_json(const result *r);
void result_print_table(const result *r);

#endif
