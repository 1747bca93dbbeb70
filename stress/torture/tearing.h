/* SPDX-License-Identifier: MIT */
/*
 * Tearing a thread away at a chosen moment inside a call of the library. Moments are the library's checkpoints and the
 * callbacks of ledger_kind and of the acts (tearing_callback), counted from 1 on the thread that is to be torn away.
 *
 *   tearing_start       before other threads are in the library
 *   everything else     any thread, for itself
 */
#ifndef TORTURE_TEARING_H
#define TORTURE_TEARING_H

#include <stdbool.h>

typedef enum tearing_how {
    TEAR_BY_CANCEL,      /* at any moment, deferred: acts at the program's next cancellation point, and never in ours */
    TEAR_ASYNCHRONOUSLY, /* while an opener's or a duplicate's value is on its way into its handle */
    TEAR_BY_EXIT         /* a callback calls pthread_exit */
} tearing_how;

void tearing_start(void);

/* The calling thread is torn away at its nth moment from now, of those that how is about; 0 is before the first, for
 * TEAR_BY_CANCEL. */
void tearing_arm(tearing_how how, int nth);
/* By TEAR_BY_CANCEL, when it comes to this checkpoint, and at no other moment. */
void tearing_arm_at(const char *checkpoint);
/* The moment has come; the thread that was cancelled is on its way to its next cancellation point. */
bool tearing_has_come(void);
/* No longer. Answers how many moments there were. */
int tearing_disarm(void);

/* A thread of the library's own, the next one that comes into a callback, calls pthread_exit there. */
void tearing_arm_library_thread(void);
/* True when none came. */
bool tearing_disarm_library_thread(void);

typedef enum tearing_place { TEAR_IN_OPENING, TEAR_IN_OTHER } tearing_place;

/* Called by every callback of the class, once it has done what it does. */
void tearing_callback(tearing_place place);

#endif
