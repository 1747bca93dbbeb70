/* SPDX-License-Identifier: MIT */
/*
 * Contracts at run time, for stress builds: a release that allocates, that takes longer than its budget, or that
 * answers an error is an SH_EVENT_CONTRACT_BROKEN with the stack of that moment. In other builds this room has no code,
 * and a release is called as if it were not there.
 *
 *   contract_call_release       any thread; also inside a release
 *   contract_note_allocation    any thread, any time; what stands for malloc calls it (allocation.c)
 *   contract_start              the runtime, each time it starts
 *
 * What a release calls of ours counts as the release's; what we allocate around it does not.
 *
 * Source: document 003, on ReleaseHandle: "we shouldn't allocate memory (and other such failure points)".
 */
#ifndef CONTRACT_CONTRACT_H
#define CONTRACT_CONTRACT_H

#include <safehandle/kind.h>
#include <safehandle/site.h>

#ifdef SH_CONTRACTS_CHECKED

enum { CONTRACTS_ARE_CHECKED = true };

void contract_start(void);

/* Calls the kind's release and answers what it answers. birth: where the handle was made. */
int contract_call_release(const sh_kind *kind, sh_raw raw, void *context, sh_site birth);

/* The calling thread is about to allocate. */
void contract_note_allocation(void);

/* How long a release may take: this, or what SH_RELEASE_BUDGET_MS says in the environment when the runtime starts. */
enum { CONTRACT_BUDGET_MS = 100 };
void contract_set_budget_ms(int64_t limit_ms);

enum { CONTRACT_ANSWER_MS = 1000 }; /* how long a thread that is asked for its stack may take */

#else

enum { CONTRACTS_ARE_CHECKED = false };

#define contract_start() ((void)0)
#define contract_note_allocation() ((void)0)
#define contract_call_release(kind_of_it, raw, context, birth) ((kind_of_it)->release((raw), (context)))

#endif

#endif
