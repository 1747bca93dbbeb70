/* SPDX-License-Identifier: MIT */
/*
 * The handle itself, and what the files of this room ask of each other.
 *
 * create.c     making one, storing the value, duplicating
 * reference.c  taking and dropping references; looking at a handle
 * settle.c     what is left to do when a user has left or a close has begun: the barrier, the look for leases
 * release.c    the one release path: for close, for the finalizer, and for unload
 * close.c      closing, waiting, invalidating
 * wake.c       making users leave who are blocked in a call
 * lease.c      leases and who holds them
 * open.c       the open helpers
 */
#ifndef HANDLE_HANDLE_H
#define HANDLE_HANDLE_H

#include "base/assert.h"
#include "core/state_word.h"
#include "event/event.h"
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include "handle/class.h"
#include <safehandle/contract.h>
#include <safehandle/handle.h>

/*
 * 24 bytes in the collector's heap, without a pointer into it: context, kind, birth site and domain are kept aside.
 * Invariant: raw holds the kind's invalid value until one caller has stored another; state has HOLDS once that value
 * may be used and must be released; class_number and context_number do not change between creation and release;
 * while state is blank (state_word.h), class_number is that of one and then of the other, both of one group.
 */
struct sh_handle {
    state_word state;
    atomic_word raw;
    atomic_half class_number;
    uint32_t context_number; /* 0 once the context is no longer needed; written by the claimer only */
};

_Static_assert(sizeof(sh_handle) <= 24, "a handle takes at most 24 bytes");

static inline const handle_class *handle_class_of(const sh_handle *h)
{
    /* Acquire: the class is complete, also where a region is making a handle of a blank right now. */
    return class_of(atomic_half_load_acquire(&h->class_number));
}

/* Acquire: under a reference, whoever reads the value sees what its maker did before storing it. */
static inline sh_raw handle_raw(const sh_handle *h)
{
    return (sh_raw)atomic_word_load_acquire(&h->raw);
}

/* The invariant above, as far as it can be read while others work on the handle. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool handle_is_valid(const sh_handle *h);

/* Kind, raw and birth; the rest is the caller's to set. */
SH_RELIABILITY(will_not_corrupt_state, success)
void handle_describe(const void *handle, event_record *out_record);

/* The event about h; other: the second handle concerned, or NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
event_record handle_event(const sh_handle *h, sh_event_type type, event_detail detail, const sh_handle *other_or_null);
SH_RELIABILITY(will_not_corrupt_state, success)
void handle_raise(const sh_handle *h, sh_event_type type, event_detail detail, const sh_handle *other_or_null);

/* ---- reference.c ------------------------------------------------------------------------------------------------- */

/* SH_OK, SH_E_UNBALANCED (an event), or SH_E_RELEASE when this was the last one and the OS refused. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status reference_drop(sh_handle *h);

/* ---- settle.c ---------------------------------------------------------------------------------------------------- */

/* Does what a step on the state word has left to do, up to the claim. SH_OK: the caller has it, and calls
 * release_claimed or release_surrendered; SH_PENDING: users are left, or somebody else releases; SH_E_SYSTEM: the
 * barrier is missing, and the handle stays open for ever. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status settle_claim(sh_handle *h, state_duty duty);

/* The same, and releases where that falls to it: SH_OK, or SH_E_RELEASE when the OS refused. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status settle(sh_handle *h, state_duty duty);

/* Whether anybody leases h, as far as a look can tell that comes after a fence. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool settle_sees_lease(const sh_handle *h);

/* ---- lease.c ----------------------------------------------------------------------------------------------------- */

/* thread_client's side: h was leased by a slot that is cleared now. */
SH_RELIABILITY(will_not_corrupt_state, success)
void lease_left(void *handle);

/* ---- release.c --------------------------------------------------------------------------------------------------- */

/* For whoever holds the claim: releases what is to be released, and finishes. SH_OK, or SH_E_RELEASE (an event). */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status release_claimed(sh_handle *h);

/* For whoever holds the claim: finishes without releasing. SH_OK: *out_raw is the caller's. SH_E_CLOSED: it is not ours
 * to give; the handle was set as invalid, or another owner of the number is known (an event). */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status release_surrendered(sh_handle *h, sh_raw *out_raw);

/* Releases a value that never made it into its handle. As release_claimed. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status release_stray(sh_handle *h, sh_raw raw);

/* Waits until h is released. False: the deadline. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool release_wait(const sh_handle *h, int64_t deadline);

/* Returns when some handle was released, at the deadline, or for no reason. */
void release_wait_for_any(int64_t deadline);

/* finalization_client's and gc_client's side. */
SH_RELIABILITY(will_not_corrupt_state, success)
gc_verdict release_judge(const void *handle);
SH_RELIABILITY(will_not_corrupt_state, success)
void release_judge_dead(void *const *handles, size_t count, gc_verdict *out_verdicts);
SH_RELIABILITY(will_not_corrupt_state, success)
gc_verdict release_dead(void *handle, gc_reason reason, word_t *out_leak);
SH_RELIABILITY(will_not_corrupt_state, success)
size_t release_handful(handful *of);
SH_RELIABILITY(will_not_corrupt_state, success)
void release_torn(void *handle);

/* ---- close.c ----------------------------------------------------------------------------------------------------- */

/*
 * Closes h, which holds a value, and hands it to the caller instead of releasing it.
 *
 * SH_E_ARGUMENT  it does not own its value
 * SH_E_CLOSED    it is closed, or set as invalid meanwhile
 * SH_E_TIMEOUT   it is in use, by the caller itself, too: it was not closed. Or somebody came in this very moment: it
 *                is closed, and released by the last user or by us
 * SH_E_SYSTEM    the barrier is missing (an event): it is closed, and stays open for ever
 */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_status close_surrender(sh_handle *h, sh_raw *out_raw);

/* Sets h as invalid; false when a release had begun. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool close_as_invalid(sh_handle *h);

/* Ends a handle that was made and not given to anybody; and what is left of one that was ended otherwise. */
SH_RELIABILITY(will_not_corrupt_state, success)
void close_unborn(sh_handle *h);
SH_RELIABILITY(will_not_corrupt_state, success)
void drop_unborn(sh_handle *h);

/* ---- wake.c ------------------------------------------------------------------------------------------------------ */

/* How far one waiter is with waking the users of one handle. Zeroed before the first round. */
typedef struct wake_progress {
    int64_t began;    /* when the first round was */
    int64_t due;      /* when the next one is */
    bool buried;      /* its number is a tombstone; so it stays until h is released */
    bool hands_over;  /* in: this waiter releases nothing, since that may take longer than it has */
    bool left_behind; /* out: so nobody has released h, and the lanes have to */
} wake_progress;

/* One round, when it is due: calls the kind's interrupt, or buries the number of an owned descriptor that other threads
 * lease, and signals those. h is closed, and reachable. Answers when the next round is due; PLATFORM_FOREVER when
 * nothing can be done. Any number of waiters on any threads, on one handle or many; never waits for a user. */
SH_RELIABILITY(will_not_corrupt_state, success)
int64_t wake_users(sh_handle *h, wake_progress *progress);

/* Whether the number of h is a tombstone. With the claim: nobody buries it any more. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool wake_has_buried(const sh_handle *h);

/* Nobody buries the number of h, which was set as invalid, after this. */
SH_RELIABILITY(will_not_corrupt_state, success)
void wake_spare(void);

/* Before our threads are started, and after they have stopped. 0, or what platform_wake_install answers. */
int wake_start(int signal);
void wake_stop(void);
/* Lets the signal through to the calling thread of ours: a finalizer may lease a handle, too. */
void wake_thread_begin(void);

void wake_fork_before(void);
void wake_fork_after(void);

/* ---- create.c ---------------------------------------------------------------------------------------------------- */

/* sh_create_at with its arguments checked and the thread attached. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status create_checked(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                         const sh_site *site_or_null, sh_handle **out_handle);

/* An unset handle of the kind, the context and the domain of h, which the caller leases. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status create_like(const sh_handle *h, const sh_site *site, sh_handle **out_handle);

/* ---- open.c ------------------------------------------------------------------------------------------------------ */

/* Makes count values with one call, and stores them; when descriptors run out, once more after a collection. Status as
 * in safehandle/open.h; on failure the handles are ended. */
typedef int open_call(void *data, sh_raw *out_raws);
sh_status open_into(sh_handle **handles, size_t count, open_call *call, void *data);

/* ---- the room ---------------------------------------------------------------------------------------------------- */

void handle_fork_before(void);
void handle_fork_in_parent(void);
void handle_fork_in_child(void);

#endif
