/* SPDX-License-Identifier: MIT */
/*
 * A schedule: the choices of one run, in their order, where there was more than one strand to choose from. With the
 * scenario and the approach it says all that happens.
 */
#ifndef GCSTRESS_SCHEDULE_H
#define GCSTRESS_SCHEDULE_H

#include "../baton/baton.h"

enum { SCHEDULE_CHOICES = 4096 };

/* One choice. Alternatives are numbered from the default on: whoever runs, or the first that is ready; then the others
 * in the order of their numbers. Invariant: taken < count, and count > 1. */
typedef struct schedule_choice {
    uint8_t count;
    uint8_t taken;
    uint8_t strand;     /* who was chosen */
    bool preempts;      /* any but the default takes the baton from one that could go on */
    uint16_t preempted; /* how often that was done before */
    const char *where;
} schedule_choice;

/* Invariant: what is behind count is left over from an earlier run. */
typedef struct schedule {
    size_t count;
    bool cut; /* the run had more choices; the rest took the default */
    schedule_choice choices[SCHEDULE_CHOICES];
} schedule;

/* The strand that is number `alternative` of the choice. */
size_t schedule_alternative(const baton_choice *choice, size_t alternative);

/* How often another than the default was taken. */
size_t schedule_switches(const schedule *of);

#endif
