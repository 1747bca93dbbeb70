/* SPDX-License-Identifier: MIT */
/*
 * What we know of each thread that uses handles: whether the collector knows it through us, and which leases it holds.
 *
 *   thread_here                                        the thread itself
 *   thread_ask_abort                                   any thread
 *   thread_visit_leases                                any thread; sees leases of all threads come and go
 *   thread_start, thread_fork_…, thread_bury_orphans   the runtime, one at a time
 */
#ifndef THREAD_THREAD_H
#define THREAD_THREAD_H

#include "base/atomic.h"
#include "base/list.h"
#include "platform/platform.h"
#include "thread/lease_slots.h"
#include <safehandle/contract.h>
#include <safehandle/site.h>
#include <safehandle/status.h>
#include <stdint.h>

enum {
    THREAD_DOMAINS = 32, /* how deep a thread can enter domains */
    THREAD_BLANKS = 64   /* 24 bytes each, and 8 here */
};

/*
 * The constrained regions that a thread has open, one inside the other. Touched by the thread alone, and by who buries
 * it. Invariant: all of it is zero while depth is; signals_depth <= depth.
 */
typedef struct thread_regions {
    size_t depth;
    platform_cancel_token cancellation_before; /* the outermost region */
    size_t signals_depth;                      /* of the region that blocked the signals; 0: none did */
    platform_signal_mask signals_before;
    size_t lease_count; /* announced by all of them together */
    void *stock;        /* of the innermost that has one: the handle room's, handle/stock.h */
} thread_regions;

/*
 * What a thread has at hand to make handles of: the handle room's (handle/stock.h). Touched by the thread alone, and by
 * who buries it. Invariant: left <= THREAD_BLANKS; blanks[left ..] are NULL, except while it is filled.
 */
typedef struct thread_stock {
    uint32_t group; /* of its blanks */
    uint32_t left;
    bool has_filled; /* some were made for this group before */
    bool is_filling; /* they are being made right now */
    void *blanks[THREAD_BLANKS];
} thread_stock;

/* The class of the handle that the thread made last. Touched by the thread alone. Invariant: kind is NULL, or number is
 * the class of the others. */
typedef struct thread_class {
    const void *kind;
    const sh_site *site;
    uint32_t group;
    uint32_t number;
    bool owned;
} thread_class;

/* In scanned memory, where it stays when its thread has ended, for another. Invariant: on the list of all records from
 * attach to detach, then among those that are free; domain_count is at most THREAD_DOMAINS. */
typedef struct thread_record {
    lease_slots leases; /* at the front, where thread_here finds it */
    list_node link;
    int64_t thread_id;
    bool entered;                     /* the collector knows the thread through us */
    bool ours;                        /* it is a thread of the runtime */
    bool ending;                      /* its destructors run; touched by the thread alone */
    bool outside;                     /* of the collector, by sh_run_blocking; touched by the thread alone */
    uint32_t domains[THREAD_DOMAINS]; /* the numbers of the domains that it is in, innermost last */
    unsigned domain_count;
    atomic_word abort_asked; /* 1 from thread_ask_abort until thread_take_abort */
    thread_regions regions;
    thread_stock stock;
    thread_class made_last;
} thread_record;

/* What is done for a thread that has ended. */
typedef struct thread_client {
    void (*lease_left)(void *handle) SH_RELIABILITY(will_not_corrupt_state, success); /* its slot is cleared */
    void (*left)(uint32_t domain) SH_RELIABILITY(will_not_corrupt_state, success);    /* a domain that it was in */
    void (*give_blanks_back)(thread_record *ended)
        SH_RELIABILITY(will_not_corrupt_state, success); /* what its open regions had in reserve, and it had at hand */
} thread_client;

/* 0 or an errno value; once in a process. client must live as long as it. */
int thread_start(const thread_client *client);

/* The calling thread's record; NULL when it is not attached. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline thread_record *thread_here(void)
{
    return (thread_record *)lease_slots_here(); /* its first field */
}

/* thread_attach for one that is not attached. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status thread_attach_new(bool ours, thread_record **out_record);

/* Attaches the calling thread when it is not yet. SH_E_NOMEM, SH_E_UNSUPPORTED. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static inline sh_status thread_attach(bool ours, thread_record **out_record)
{
    *out_record = thread_here();
    return *out_record != NULL ? SH_OK : thread_attach_new(ours, out_record);
}

/* SH_E_ARGUMENT: not attached, or leases or regions are open. SH_E_UNSUPPORTED: it is ours, and the collector must know
 * it for as long as it runs. */
sh_status thread_detach(void);

/* Forgets a thread of ours, as the last it does. */
void thread_end_ours(void);

/* True on the worker's and the teller's threads, which must not wait for themselves. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool thread_is_ours(void);

/* From now on there are free slots for all leases that the open regions have announced. False: no memory. */
bool thread_leases_prepare(thread_record *record);

/* The calling thread as a lessee, in its place in the state word; 0 when it is not attached. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline word_t thread_lessee(void)
{
    const thread_record *here = thread_here();
    return here == NULL ? 0 : lease_slots_lessee(&here->leases);
}

/* Whether the calling thread leases handle. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool thread_leases(const void *handle);

/* Calls visit for every lease on handle, on every thread. */
SH_RELIABILITY(will_not_corrupt_state, success)
void thread_visit_leases(const void *handle,
                         void (*visit)(int64_t thread_id, const sh_site *since, void *data)
                             SH_RELIABILITY(will_not_corrupt_state, success),
                         void *data);

/* Whether the calling thread is in a constrained region. */
bool thread_is_constrained(void);

/* The host's abort. ask: any thread; SH_E_ARGUMENT: there is no such thread; SH_E_UNSUPPORTED: it is ours. take: the
 * thread itself; true once for all that was asked before it. */
sh_status thread_ask_abort(int64_t thread_id);
bool thread_take_abort(thread_record *record);

/* The child has only the forking thread. What the others leased is given back by thread_bury_orphans, later, since it
 * may run a user's release. */
void thread_fork_before(void);
void thread_fork_in_parent(void);
void thread_fork_in_child(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void thread_bury_orphans(void);

#endif
