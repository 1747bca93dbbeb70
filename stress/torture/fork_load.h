/* SPDX-License-Identifier: MIT */
/*
 * What the parent does while it forks: threads that hold and take leases, make, close, drop and finalize, are born and
 * die, make and end domains, wake readers, and collect without end. Its handles and domains are what a child inherits.
 */
#ifndef TORTURE_FORK_LOAD_H
#define TORTURE_FORK_LOAD_H

#include "form.h"

enum { FORK_LOAD_SHARED = 8, FORK_LOAD_LEASERS = 2 };

/* What a child inherits. */
typedef struct fork_load_handles {
    sh_handle *held;                     /* under a lease that another thread of the parent holds all the time */
    sh_handle *shared[FORK_LOAD_SHARED]; /* leased and left without pause, by FORK_LOAD_LEASERS threads at a time */
    sh_domain *domain;                   /* the thread of held has entered it */
    sh_handle *held_in_domain;           /* as held */
    sh_handle *free_in_domain;           /* nobody uses it */
    void *object_in_domain;              /* with a finalizer, which counts */
    atomic_int finalized_in_domain;
    _Atomic(sh_domain *) passing; /* a thread of the parent is making, using or unloading it; NULL: it is at none */
} fork_load_handles;

extern fork_load_handles fork_load;

/* Starts the runtime, too. */
void fork_load_start(const form *of, torture_tally *tally);

/* The same with a load that starts and stops the runtime without end. fork_load stays empty. */
void fork_load_start_restarting(const form *of, torture_tally *tally);

/* Returns when all threads have ended. The handles stay. */
void fork_load_stop(void);

#endif
