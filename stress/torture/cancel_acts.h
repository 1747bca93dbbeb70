/* SPDX-License-Identifier: MIT */
/* What a thread is doing while it is torn away: every public call that a thread makes, on things of its own. */
#ifndef TORTURE_CANCEL_ACTS_H
#define TORTURE_CANCEL_ACTS_H

#include "form.h"

/* An act leaves nothing behind that neither a collection nor cancel_act_give_back finds, also when it is cut off by
 * pthread_exit in a callback, or asynchronously while something is being opened. */
typedef struct cancel_act {
    const char *name;
    void (*run)(const form *of);
    bool deferred_only;  /* wakes others, under a reference that an asynchronous cancellation would take along */
    const char *only_at; /* the checkpoint that it is about, for one that comes to thousands; else NULL */
} cancel_act;

/* Each ends with an act without a name. */
extern const cancel_act cancel_acts[];
extern const cancel_act cancel_domain_acts[];
extern const cancel_act cancel_race_acts[];
extern const cancel_act cancel_region_acts[];
extern const cancel_act cancel_waking_acts[];

/* Before the first act. Each answer that no act should get is a failure, and so is a changed errno. */
void cancel_acts_start(torture_tally *tally);

/* One act, named in the sentences of what fails in it. */
void cancel_act_run(const cancel_act *act, const form *of);

/* When the act's thread has ended: gives back the counted reference that the act was cut off with, starts the runtime
 * again where it was cut off after stopping it, and unloads and destroys its domain. */
void cancel_act_give_back(const cancel_act *act, const form *of);

#endif
