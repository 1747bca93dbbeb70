/* SPDX-License-Identifier: MIT */
/*
 * Tries that need a process each, several at a time: for a class whose tries hang, start the library anew, or end it.
 *
 * A trial is counted as a try when it starts. It fails when it says so, crashes, or takes longer than its limit.
 */
#ifndef TORTURE_TRIAL_H
#define TORTURE_TRIAL_H

#include "torture.h"
#include <sys/types.h>

enum { TRIAL_NAME_SIZE_BYTES = 128, MOST_TRIALS_AT_ONCE = 16 };

typedef struct running_trial {
    pid_t process; /* 0: a free place */
    char name[TRIAL_NAME_SIZE_BYTES];
} running_trial;

/* Zeroed, but for the first three. Invariant: at most at_once places are taken. */
typedef struct trial_pool {
    torture_tally *tally;
    int at_once;
    unsigned limit_s;
    running_trial running[MOST_TRIALS_AT_ONCE];
} trial_pool;

/* Waits for a free place, then runs work(data) in a process that ends when it returns. name: for a person. */
void trial_start(trial_pool *pool, const char *name, void (*work)(torture_tally *tally, const void *data),
                 const void *data);

/* Waits for all of them. */
void trial_wait_all(trial_pool *pool);

/* In a trial: it failed, and is over. */
_Noreturn __attribute__((format(printf, 2, 3))) void trial_fail(torture_tally *tally, const char *format, ...);

#endif
