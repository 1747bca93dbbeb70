/* SPDX-License-Identifier: MIT */
/*
 * One run of a scenario under the baton.
 *
 * Its threads stay from run to run: what a thread costs to start is more than a run. The library is started once, with
 * the manual host, and its own threads are strands, too.
 */
#ifndef GCSTRESS_EPISODE_H
#define GCSTRESS_EPISODE_H

#include "strategy.h"
#include "tale.h"
#include <safehandle/stress.h>

enum { EPISODE_THREADS = 8 };

/* The calling thread becomes the main strand, and the library is started. Once in a process. */
void episode_start(void);

/* Runs the scenario once, with the strategy's choices; *out_tale has what happened. */
void episode_run(const sh_stress_scenario *scenario, const char *approach_or_null, strategy *choices, tale *out_tale);

/* How many different states were seen at the choices of all runs: where each strand was, as far as its checkpoints
 * tell. */
size_t episode_states(void);

#endif
