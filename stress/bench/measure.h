/* SPDX-License-Identifier: MIT */
/* One round of one variant, in a process of its own. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "variant.h"

enum {
    ALLOCATE_NS,    /* wall-clock time of each: allocate and register */
    PAUSE_MS,       /* one full collection with all of them live, for the thread that asks for it */
    RELEASE_MS,     /* wall-clock time from dropped to ended, all of them, the queue included */
    RELEASE_CPU_NS, /* processor time of the same, each */
    HEAP_BYTES,     /* of the collector's heap, in use, each */
    RESIDENT_BYTES, /* of memory, each, with all live */
    PEAK_BYTES,     /* the most there ever was, each */
    FIGURES
};

/* Invariant: figures of a release are 0 where the variant has no end of its own; complete is set in the last record. */
typedef struct measurement {
    double figures[FIGURES];
    long ended;
    bool complete;
} measurement;

/* Ends the process when memory runs out. */
measurement measure_variant(const variant *measured, long count);

#endif
