/* SPDX-License-Identifier: MIT */
/*
 * Leases as slots: each thread writes the handles that it leases into slots of its own, and whoever closes a handle
 * looks through the slots of all. docs/leases.md has the protocol; here is where the slots are, and how they are found.
 *
 *   lease_slot_…                    the thread itself, also in a signal handler while no block has to be added
 *   lease_slots_name, _visit        any thread; see leases of all threads come and go
 *
 * A look takes no lock, since the last user of a handle looks, and may be a signal handler: hence the slots of a thread
 * that has ended stay where they are, empty, for the next thread.
 */
#ifndef THREAD_LEASE_SLOTS_H
#define THREAD_LEASE_SLOTS_H

#include "base/atomic.h"
#include <safehandle/contract.h>
#include <safehandle/lease.h>
#include <safehandle/site.h>
#include <stdint.h>

typedef struct sh_lease_slot lease_slot;

/* More slots of a thread, for leases that nest deeply. In scanned memory, and there for good. */
typedef struct lease_block {
    atomic_word next; /* a lease_block *, or 0 */
    lease_slot slots[SH_LEASE_SLOTS];
} lease_block;

/*
 * The slots of one thread. In scanned memory, so that a leased handle is reachable; with cache lines of their own, so
 * that the leases of two threads do not meet.
 * Invariant: slots before reach may be in use, and the first INLINE_SLOTS always may; number is the thread's as a
 * lessee, from 1 on, and does not change.
 */
typedef struct lease_slots {
    struct sh_lease_slots first; /* at the front: sh_lease_slots_1 points here */
    atomic_word reach;
    atomic_word more; /* a lease_block *, or 0 */
    uint32_t number;
} lease_slots;

enum { INLINE_SLOTS = 2, LESSEES = 0xFFFE };

/* Gives slots, zeroed, their number, and has them looked through from now on. False: there are LESSEES already. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool lease_slots_add(lease_slots *slots);

/* Those of a thread that is not attached: none is free, so the inlined part needs no test for it. */
extern struct sh_lease_slots lease_slots_of_nobody;

/* The calling thread's; NULL before lease_slots_use, and after lease_slots_use(NULL). */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline lease_slots *lease_slots_here(void)
{
    return sh_lease_slots_1 == &lease_slots_of_nobody ? NULL : (lease_slots *)sh_lease_slots_1;
}
SH_RELIABILITY(will_not_corrupt_state, success)
void lease_slots_use(lease_slots *slots_or_null);

/* As the state word has it, in its place. */
static inline word_t lease_slots_lessee(const lease_slots *slots)
{
    return (word_t)slots->number << 16;
}

/* A free slot; NULL when there is no memory for one. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
lease_slot *lease_slot_find(lease_slots *here);
/* Relaxed but for the compiler: the fence that follows is the caller's. */
SH_RELIABILITY(will_not_corrupt_state, success)
void lease_slot_write(lease_slot *slot, const void *handle, const sh_site *since_or_null);
SH_RELIABILITY(will_not_corrupt_state, success)
void lease_slot_clear(lease_slot *slot);

/* handle NULL: it is free. since belongs to the lease of handle, or to one a signal handler had in between. */
typedef struct lease_slot_content {
    void *handle;
    const sh_site *since;
} lease_slot_content;

SH_RELIABILITY(will_not_corrupt_state, success)
lease_slot_content lease_slot_read(const lease_slot *slot);

/* From now on so many slots are free. False: no memory. */
bool lease_slots_prepare(lease_slots *here, size_t count);

/* Whether one of these slots names handle; handle NULL: any. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool lease_slots_name(const lease_slots *slots, const void *handle_or_null);

/* Whether anybody leases handle, of the lessees that its state word has. Who has cleared a slot before a fence is not
 * seen by whoever looks after one. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool lease_slots_any(const void *handle, word_t lessees);

/* Calls visit for each lease of these slots. visit may clear it. */
SH_RELIABILITY(will_not_corrupt_state, success)
void lease_slots_visit(lease_slots *slots,
                       void (*visit)(lease_slot *slot, void *data) SH_RELIABILITY(will_not_corrupt_state, success),
                       void *data);

#endif
