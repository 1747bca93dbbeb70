/* SPDX-License-Identifier: MIT */
/* One call of one case with one fault, in a process of its own. */
#ifndef TORTURE_FAULT_TRIAL_H
#define TORTURE_FAULT_TRIAL_H

#include "fault.h"
#include "fault_case.h"
#include "torture.h"

typedef struct fault_trial {
    const fault_case *of;
    sh_collector collector;
    bool fresh_thread; /* the call is the first that its thread makes */
    fault_plan plan;
    int *out_reached; /* how often each call was reached, FAULT_CALL_COUNT of them; NULL: not asked for */
} fault_trial;

/* For a person; valid until the next call. */
const char *fault_trial_name(const fault_trial *trial);

/* data is a fault_trial. Ends the process where a promise is broken. */
void fault_trial_run(torture_tally *tally, const void *data);

#endif
