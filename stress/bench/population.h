/* SPDX-License-Identifier: MIT */
/* A million objects of one variant, in a process of their own: made, collected while all live, dropped, ended. */
#ifndef BENCH_POPULATION_H
#define BENCH_POPULATION_H

#include "variant.h"

/* Invariant: the costs of an end are NAN where the variant has none; complete is set in a record that was measured. */
typedef struct census {
    double allocate_ns;     /* wall-clock time of each: allocate and register */
    double pause_ms;        /* one full collection with all of them live, for the thread that asks for it */
    double finalize_ns;     /* wall-clock time of each from dropped to ended, the queue included */
    double finalize_cpu_ns; /* processor time of the same */
    double bytes;           /* resident at the highest, each, with all that belongs to them */
    long ended;
    bool complete;
} census;

/* Ends the process when memory runs out. */
census population_measure(const variant *measured, long count);

#endif
