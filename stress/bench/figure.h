/* SPDX-License-Identifier: MIT */
/* The figures that are promised: quotients of two measures of the same round. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "measure.h"
#include <stdbool.h>

enum { NOTHING = -1 };

typedef struct figure {
    const char *name;
    const char *what; /* for a person; at most 70 characters */
    int of;
    int per; /* NOTHING: the measure alone */
    double target;
    bool at_least; /* else at most */
} figure;

enum { FIGURES = 17, RATIOS = 16 };

/* The first RATIOS of them are the "ratios" of the JSON output, the rest is told beside them. */
extern const figure figures[FIGURES];

/* NAN when one of its measures is missing. */
double figure_value(const figure *f, const measurement *m);

/* False for NAN. */
bool figure_is_met(const figure *f, double value);

#endif
