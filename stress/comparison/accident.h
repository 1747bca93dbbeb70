/* SPDX-License-Identifier: MIT */
/* An accident: something that happens to descriptors in garbage-collected programs, made to happen on purpose. */
#ifndef COMPARISON_ACCIDENT_H
#define COMPARISON_ACCIDENT_H

#include "approach.h"
#include "effort.h"
#include "tally.h"

typedef struct accident {
    const char *name;
    const char *told; /* what happened, up to "… of … times with intptr" */
    /* Tries each of its forms, in a process that does nothing else. */
    void (*run)(const approach *a, const effort *asked, tally *t);
    /* NULL where it applies; else why it does not. NULL function: it applies to all. */
    const char *(*why_not)(const approach *a);
} accident;

extern const accident accident_finalizer_race, accident_recycling, accident_double_close, accident_leak_on_abort,
    accident_lost_flush;

#endif
