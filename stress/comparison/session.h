/* SPDX-License-Identifier: MIT */
/* The runtime that the trials of one process run under, and its collections. */
#ifndef COMPARISON_SESSION_H
#define COMPARISON_SESSION_H

void session_start(void);

/* A full collection, and everything that became due by it. */
void collect_and_drain(void);

/*
 * Ends the runtime and starts it anew. What it knows of is released then, also what a stale word on some stack keeps
 * alive: a conservative collector has such words. A number that nobody stored is known to nobody, and stays open.
 */
void session_restart(void);

#endif
