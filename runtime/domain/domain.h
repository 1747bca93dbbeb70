/* SPDX-License-Identifier: MIT */
/*
 * Which domains there are, and which one a thread makes things in. A domain's number is the number of its group
 * (gc_host.h); number 0 is the root domain, which is always there and is admitted by the runtime's own state.
 *
 *   every function   any thread, but start and those for fork: the runtime
 */
#ifndef DOMAIN_DOMAIN_H
#define DOMAIN_DOMAIN_H

#include "thread/thread.h"
#include <safehandle/domain.h>
#include <stdbool.h>
#include <stdint.h>

enum { DOMAIN_ROOT = 0 };

/* Reserves the table. False: there is no memory. */
bool domain_start(void);

/* The number of the one that the thread is in. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline uint32_t domain_here(const thread_record *record)
{
    return record->domain_count == 0 ? DOMAIN_ROOT : record->domains[record->domain_count - 1];
}

/* The number of the domain that is to hold something new: the one given, else the thread's. SH_E_ARGUMENT: it is none.
 * SH_E_CLOSED: it is unloaded. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status domain_admit(const sh_domain *domain_or_null, uint32_t *out_number);

/* domain_admits for one that is not the root. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool domain_admits_made(uint32_t number);

/* Whether it still takes something new; asked again after that was made. Waits for a sh_domain_destroy that is just
 * finding out whether it may. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline bool domain_admits(uint32_t number)
{
    return number == DOMAIN_ROOT || domain_admits_made(number);
}

/* The same, for who must not wait: a domain that a thread is in is not being destroyed. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool domain_admits_now(uint32_t number);

/* Refuses everything new from now on. SH_E_ARGUMENT: it is no domain. */
sh_status domain_begin_unload(sh_domain *domain, uint32_t *out_number);
void domain_begin_unload_all(void);

/* Gives the place back when may_go(number) says so and no thread is in it. SH_PENDING: it does not, or one is.
 * SH_E_ARGUMENT: it is no domain. */
sh_status domain_end(sh_domain *domain, bool (*may_go)(uint32_t number));

/* A thread that had entered it has ended. */
SH_RELIABILITY(will_not_corrupt_state, success)
void domain_left(uint32_t number);

/* Around fork; after serves parent and child. */
void domain_fork_before(void);
void domain_fork_after(void);

#endif
