/* SPDX-License-Identifier: MIT */
/* A second thread that runs something again and again while the first one is timed. */
#ifndef BENCH_RIVAL_H
#define BENCH_RIVAL_H

#include "loop.h"
#include <stdbool.h>

/* False on a machine where the process has one processor only: then nothing below may be called. */
bool rival_is_possible(void);

/* Starts the thread, which sleeps until it is asked. One for the process; it lives as long. From now on the calling
 * thread and this one each keep to a processor of their own. */
void rival_start(void);

/* Answers when the thread is running body, pieces of so many turns of it, until rival_rest. */
void rival_run(loop_body *body, long turns, subject *s);

/* Answers when it has stopped. */
void rival_rest(void);

/* What was done while it was timed. */
typedef struct contest {
    double elapsed_ns;
    double pairs; /* of all threads together */
} contest;

/* One copy of the loop on the calling thread for a fifth of a millisecond, and on the rival, which is running it before
 * and after. A try in which one of them was off its processor is made again; after many of them, the one counts that
 * was disturbed least. */
contest contest_of_two(const loop *timed, int copy, subject *s);

/* The same on the calling thread alone. */
contest contest_of_one(const loop *timed, int copy, subject *s);

#endif
