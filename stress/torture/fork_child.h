/* SPDX-License-Identifier: MIT */
/* What the child of a fork does: everything that it may (host.h), on what its parent left it. */
#ifndef TORTURE_FORK_CHILD_H
#define TORTURE_FORK_CHILD_H

#include "form.h"

/* What a child is told. */
typedef struct fork_child_plan {
    const form *of;
    const char *when; /* "fork at core.claim" */
    bool shuts_down;  /* and starts anew, in the end */
    bool inherits;    /* fork_load's handles; else only that the runtime may be anywhere between start and stop */
} fork_child_plan;

/* A trial's work (trial.h). */
void fork_child_live(torture_tally *tally, const void *plan);

#endif
