/* SPDX-License-Identifier: MIT */
/* The middle of several numbers, and how far they lie apart. */
#ifndef BENCH_SPREAD_H
#define BENCH_SPREAD_H

#include <stddef.h>

/* Invariant: low <= median <= high; all NAN when there were no numbers. */
typedef struct spread {
    double median;
    double low;
    double high;
} spread;

/* Sorts them. Those that are NAN do not count. */
spread spread_of(double *numbers, size_t count);

/* Sorts them. */
double median_of(double *numbers, size_t count);

#endif
