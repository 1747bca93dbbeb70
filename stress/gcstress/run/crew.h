/* SPDX-License-Identifier: MIT */
/*
 * The threads of a run: groups, each of which repeats a scenario round by round, begin, threads, end. They stay from
 * round to round, and start each together. What they come through goes to force.h and to the tale.
 *
 *   all   the main thread of the process that runs
 */
#ifndef GCSTRESS_CREW_H
#define GCSTRESS_CREW_H

#include "run.h"

/* When the library runs. plan and into live as long as the process. */
void crew_start(const run_plan *plan, run_result *into);

/* Lets each group end its round, and returns when its threads have ended. */
void crew_stop(void);

/* Waits for so long, or until a signal comes; meanwhile the collector need not stop the calling thread. */
void crew_nap(long duration_ns);

#endif
