/* SPDX-License-Identifier: MIT */
/*
 * The embedder's door, <safehandle/stress.h>, from inside: what the scenarios' threads and the library come through
 * goes to whoever keeps it, the explorer or the runner. Until somebody does, nothing happens.
 *
 *   door_keep   while no thread of a scenario runs
 */
#ifndef GCSTRESS_DOOR_H
#define GCSTRESS_DOOR_H

#include "base/checkpoint.h"
#include <safehandle.h>
#include <safehandle/stress.h>
#include <stdarg.h>

typedef enum door_place {
    DOOR_CHECKPOINT, /* the scenario's, or the library's */
    DOOR_ALLOCATION,
    DOOR_CROSSING, /* between the host and a native call */
} door_place;

/* What a line is about. */
typedef struct door_deed {
    sh_stress_deed sort;
    int64_t number;
    int64_t thing; /* 0: not known */
} door_deed;

/* Each is called on the thread that came, any number at the same time, unless the keeper itself lets only one run. */
typedef struct door_keeper {
    sh_collector collector; /* that the library was started with */
    void (*reach)(door_place place, const char *where);
    void (*tell)(const char *format, va_list arguments);
    void (*violate)(const char *format, va_list arguments);
    void (*tell_of)(const door_deed *deed, const char *format, va_list arguments); /* NULL: as tell */
    void (*dropped)(void);                                                         /* NULL: nobody counts */
    void (*finalized)(void);                                                       /* the same */
    const checkpoint_stores *stores;                                               /* NULL: the processor's own */
} door_keeper;

/* keeper lives as long as the process. */
void door_keep(const door_keeper *keeper);

#endif
