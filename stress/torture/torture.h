/* SPDX-License-Identifier: MIT */
/*
 * Torture: each class does one hostile thing to the library as often as it can, and counts how often a promise broke.
 *
 * A class runs in a process of its own (run.h), so that its descriptors, threads and heap reach no other. It may
 * fork and start threads, and ends all of them before it returns: a process that it leaves behind holds the class up
 * until its limit, which is a failure. Its process, and each that it forks, ends by _exit: nothing that was
 * registered for the end, the library's own unload among it, runs beside threads that are still busy. What it prints
 * goes to stderr. classes.h lists all classes.
 */
#ifndef TORTURE_TORTURE_H
#define TORTURE_TORTURE_H

#include <safehandle.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What one class is given. */
typedef struct torture_plan {
    bool quick;    /* as CI runs it: some seconds for each class; else as much as the class's figure asks for */
    uint64_t seed; /* of every random choice */
} torture_plan;

enum { TORTURE_SENTENCE_SIZE_BYTES = 256 };

/* What one class found. It lies in memory that the class shares with all it forks: any thread of any of these
 * processes may count (torture_try, torture_fail). Invariant: failures <= tries, when no try is under way. */
typedef struct torture_tally {
    _Atomic uint64_t tries;
    _Atomic uint64_t failures;
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

/* SH_OK, or the end of the class: for what must succeed before a try can begin. what: "sh_init" */
void torture_must(sh_status status, const char *what);

/* The number of open descriptors of this process. */
int torture_open_descriptors(void);

#endif
