/* SPDX-License-Identifier: MIT */
/*
 * Torture: each class does one hostile thing to the library as often as it can, and counts how often a promise broke.
 *
 * A class runs in a process of its own (child.h), so that its descriptors, threads and heap reach no other. It may fork
 * and start threads, and ends all of them before it returns.
 */
#ifndef STRESS_TORTURE_H
#define STRESS_TORTURE_H

#include <stdbool.h>
#include <stdint.h>

/* What one class is given. */
typedef struct torture_plan {
    bool quick;    /* as CI runs it: some seconds for each class; else as much as the class's figure asks for */
    uint64_t seed; /* of every random choice */
} torture_plan;

enum { TORTURE_SENTENCE_SIZE_BYTES = 256 };

/* What one class found. Any thread may count (torture_try, torture_fail). Invariant: failures <= tries. */
typedef struct torture_tally {
    volatile uint64_t tries;
    volatile uint64_t failures;
    char first_failure[TORTURE_SENTENCE_SIZE_BYTES]; /* one sentence; "" while there is none */
} torture_tally;

typedef struct torture_class {
    const char *name; /* "fork"; as --only and --json tell it */
    const char *what; /* one line for --list */
    void (*run)(const torture_plan *plan, torture_tally *tally);
} torture_class;

/* One try more. */
void torture_try(torture_tally *tally);

/* The try failed; the first sentence is kept. */
__attribute__((format(printf, 2, 3))) void torture_fail(torture_tally *tally, const char *format, ...);

#endif
