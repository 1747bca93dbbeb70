/* SPDX-License-Identifier: MIT */
/* One input, run once under the baton: the same run each time, in any process. */
#ifndef GCSTRESS_FUZZ_TRIAL_H
#define GCSTRESS_FUZZ_TRIAL_H

#include "../explore/tale.h"
#include "input.h"
#include <safehandle/stress.h>

/* What it is called where scenarios are. */
extern const sh_stress_scenario trial_scenario;

/* Starts the library, and makes all that only a first run would have to make. Once in a process; the calling thread is
 * the main strand from then on. */
void trial_start(void);

/* *out_tale has what happened. A violation leaves the process unfit for another. Answers how many operations there
 * were. */
size_t trial_run(const input *from, tale *out_tale);

#endif
