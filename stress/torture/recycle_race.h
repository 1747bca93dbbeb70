/* SPDX-License-Identifier: MIT */
/* Eight threads on a set of shared owners of numbers, beside a thread that uses each free number for something else. */
#ifndef TORTURE_RECYCLE_RACE_H
#define TORTURE_RECYCLE_RACE_H

#include "form.h"
#include "recycle_space.h"

enum { RECYCLE_THREADS = 8 };

typedef struct recycle_race {
    const form *of;
    const recycle_space *space;
    uint64_t operations; /* of each thread */
    uint64_t seed;
    bool raw; /* numbers without handles: no library */
    /* What was found; any thread writes it. */
    _Atomic uint64_t mismatches; /* uses of a number that meant something else */
    _Atomic uint64_t refusals;   /* answers that no caller should get */
    _Atomic uint64_t uses;       /* uses that were checked */
} recycle_race;

/* With the runtime running, unless the race is raw. Counts each operation as a try. */
void recycle_race_run(recycle_race *race, torture_tally *tally);

/* After the runtime has stopped, so that everything is released. */
void recycle_race_judge(recycle_race *race, torture_tally *tally);

#endif
