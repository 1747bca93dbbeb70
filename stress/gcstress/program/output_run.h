/* SPDX-License-Identifier: MIT */
/* What `run` prints: a row for each scenario and approach, or one JSON object. */
#ifndef GCSTRESS_OUTPUT_RUN_H
#define GCSTRESS_OUTPUT_RUN_H

#include "../run/run.h"
#include <jansson.h>

/* How much of what was dropped must have been found dead, or the run proved nothing. */
enum { OUTPUT_RUN_PERCENT = 95 };

/* A run that was to find nothing, and could not have: too much was never finalized. */
bool output_run_is_false_green(const run_result *result);

void output_run_heading(void);
void output_run(const run_plan *plan, const run_result *result);
json_t *output_run_json(const run_plan *plan, const run_result *result);

/* A line that is written over again and again, where both stdout and stderr are terminals; a run_watcher. plan is data.
 */
void output_run_progress(const run_result *so_far, double seconds, void *plan);
void output_run_progress_end(void);

#endif
