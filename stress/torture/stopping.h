/* SPDX-License-Identifier: MIT */
/*
 * Stopping whoever reaches a checkpoint of the library, while something is done about it: "a fork just then".
 *
 *   stopping_start, stopping_end   while no other thread is in the library, or about to be
 *   stopping_is_wanted             any thread
 *   the others                     one thread at a time: the one that does something about it
 *
 * A thread that is stopped may hold a lock that the other needs, so it waits STOPPING_LIMIT_MS at most.
 */
#ifndef TORTURE_STOPPING_H
#define TORTURE_STOPPING_H

#include <stdbool.h>
#include <stddef.h>

enum { STOPPING_LIMIT_MS = 20 };

void stopping_start(void);
/* In the child of a fork, too: nothing is stopped any longer. */
void stopping_end(void);

/* The names of the checkpoints that were reached so far: 0 .. count - 1. */
size_t stopping_count(void);
const char *stopping_name(size_t index);

/* The next thread that reaches the checkpoint is stopped. True when one was within the limit; then let_go follows. */
bool stopping_await(const char *name);
void stopping_let_go(void);

/* Somebody awaits it, and nobody has reached it: for who comes there only at a price. */
bool stopping_is_wanted(const char *name);

#endif
