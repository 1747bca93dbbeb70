/* SPDX-License-Identifier: MIT */
/*
 * Whether the runtime takes new work. Set by the runtime; asked, on any thread, by every function that makes something.
 */
#ifndef THREAD_LIFECYCLE_H
#define THREAD_LIFECYCLE_H

#include "base/atomic.h"
#include <safehandle/contract.h>
#include <safehandle/status.h>

typedef enum lifecycle_state {
    LIFECYCLE_STOPPED,
    LIFECYCLE_RUNNING,
    LIFECYCLE_FORKED,  /* running, in the child of a fork: our threads are to be started again */
    LIFECYCLE_STOPPING /* takes no new work, and finishes the old */
} lifecycle_state;

typedef struct lifecycle {
    atomic_word state;
    sh_status (*restart)(void)
        SH_RELIABILITY(will_not_corrupt_state, may_fail); /* for the forked; set before the first LIFECYCLE_RUNNING */
} lifecycle;

extern lifecycle runtime_lifecycle;

static inline void lifecycle_set(lifecycle_state state)
{
    /* Release: whoever sees RUNNING sees what the start wrote. */
    atomic_word_store_release(&runtime_lifecycle.state, state);
}

/* The usual answer of lifecycle_admit, without anything that it may have to do. Acquire: as there. */
static inline bool lifecycle_is_running(void)
{
    return atomic_word_load_acquire(&runtime_lifecycle.state) == LIFECYCLE_RUNNING;
}

/* SH_OK when new work is taken; SH_E_CLOSED before sh_init and from sh_shutdown on. */
static inline sh_status lifecycle_admit(void)
{
    switch (atomic_word_load_acquire(&runtime_lifecycle.state)) {
    case LIFECYCLE_RUNNING:
        return SH_OK;
    case LIFECYCLE_FORKED:
        return runtime_lifecycle.restart();
    default:
        return SH_E_CLOSED;
    }
}

#endif
