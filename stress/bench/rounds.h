/* SPDX-License-Identifier: MIT */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "result.h"

/* Measures r->rounds times everything but the peers, each group and each population in a process of its own, and shows
 * how far it is. million: how many objects that is. A quick run on a busy machine ends after fewer rounds, and leaves
 * in r->rounds how many. Ends the process when something cannot be measured. */
void rounds_run(result *r, long million);

#endif
