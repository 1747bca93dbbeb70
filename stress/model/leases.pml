/* SPDX-License-Identifier: MIT */
/*
 * Leases as runtime/handle/lease.c, settle.c and include/safehandle/inline.h do them: slots that are written without a
 * fence, on a machine with x86's order of memory (TSO). Each lessee has a store buffer: a slot that it writes reaches
 * memory some time later, in order. The state word is written by locked instructions only (operations.pml), which wait
 * until the buffer is empty, as a full fence does; so it needs no buffer.
 *
 * A model has LESSEES threads with slots, one slot each. Who has none, such as a thread that only closes, is NOBODY.
 * MAY_FAIL: the system may forbid its barrier at any time. FALLBACK: there never was one.
 *
 * Left out: ARM's weaker order; how slots are found and added; several slots, and handles that share a slot one after
 * the other; threads that end (they leave as a user does); signal handlers that lease.
 */
#define STORES_ARRIVED empty(buffer[me])
#include "operations.pml"

#ifndef FALLBACK
#define FALLBACK false
#endif
#ifndef MAY_FAIL
#define MAY_FAIL false
#endif

#define NOBODY LESSEES
#define OWN LESSEE(me + 1)

bool slot[LESSEES];                         /* memory */
chan buffer[LESSEES + 1] = [2] of { bool }; /* stores on their way there, in order; that of NOBODY stays empty */
bool written[LESSEES];                      /* what its own thread reads: its last store, arrived or not */

bool number_is_ours = true; /* the number means the handle's own file */
bool left_alone;            /* sh_set_handle_as_invalid has returned */
bool forbidden;             /* the system refuses the barrier */
bool barrier_missing = FALLBACK;
bool barrier_failed; /* for this handle's close */

#define LEASE_LOCALS \
    OPERATION_LOCALS; \
    byte at; \
    bool found, users_fence, in

/* Each store arrives some time, in its thread's order. */
active proctype memory()
{
end:
    do
    :: buffer[0]?slot[0]
    :: buffer[LESSEES - 1]?slot[LESSEES - 1]
    od
}

inline write_slot(value)
{
    d_step { buffer[me]!value; written[me] = value }
}

inline full_fence()
{
    STORES_ARRIVED
}

inline use_number()
{
    d_step { REQUIRE(never_under_a_user, number_is_ours) }
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

/* release_claimed */
inline release_claimed()
{
    d_step {
        REQUIRE(released_once, number_is_ours);
        REQUIRE(leaked_when_the_barrier_failed, !barrier_failed);
        REQUIRE(what_is_invalid_is_left_alone, (flags & INVALIDATED) != 0 || !left_alone);
        number_is_ours = ((flags & (HOLDS | INVALIDATED)) != HOLDS)
    };
    finish_well()
}

/* platform_barrier: each lessee passes a full fence at some moment between begin and end. Whoever meets the refusal
 * first tells the others. */
inline barrier()
{
    if
    :: barrier_missing -> found = false
    :: !barrier_missing && forbidden -> barrier_missing = true; found = false
    :: !barrier_missing && !forbidden ->
        do
        :: at < LESSEES ->
            atomic {
                do
                :: nempty(buffer[at]) -> buffer[at]?slot[at]
                :: empty(buffer[at]) -> break
                od;
                at++
            }
        :: else -> break
        od;
        atomic { at = 0; found = true }
    fi
}

/* settle_sees_lease: the slots of whoever has leased it. The lessees do not change any more. */
inline look()
{
    found = false;
    do
    :: at < LESSEES ->
        atomic {
            found = ((flags & LEASED) == LEASED || (flags & LEASED) == LESSEE(at + 1)) &&
                (at == me -> written[at] : slot[at]);
            if
            :: found -> break
            :: else -> at++
            fi
        }
    :: else -> break
    od;
    at = 0
}

inline settle()
{
    if
    :: duty == FENCE ->
        barrier();
        if
        :: found -> found = false; WITNESS(fenced_by_a_barrier); fenced()
        :: else ->
            d_step { REQUIRE(closes_without_a_barrier, MAY_FAIL); barrier_failed = true; duty = NOTHING };
            WITNESS(told_that_the_barrier_failed)
        fi
    :: else
    fi;
    if
    :: duty == LOOK ->
        look();
        if
        :: found -> d_step { found = false; duty = NOTHING }; WITNESS(saw_a_lease)
        :: else -> claim()
        fi
    :: else
    fi;
    if
    :: duty == RELEASE -> release_claimed()
    :: else
    fi
}

/* ---- leasing ----------------------------------------------------------------------------------------------------- */

/* The slot is cleared: before this look, and before that of any other leaver who finds this one gone. */
inline lease_left()
{
    full_fence();
    left();
    settle()
}

/* sh_lease_enter: with the slot written, it is noted in the word, or refused. */
inline lease_enter(refused_by)
{
    write_slot(true);
    full_fence();
    users_fence = barrier_missing;
    lease_by(OWN, users_fence, refused_by);
    users_fence = false;
    if
    :: answer == DONE -> d_step { REQUIRE(refused_after_close, !late); late = false; in = true }
    :: else ->
        write_slot(false);
        lease_left()
    fi
}

/* sh_lease_begin: the inlined part, which knows the word of a handle that is open and leased by this thread. */
inline lease_begin_unless(refused_by)
{
    write_slot(true);
    atomic {
        in = (flags == (HOLDS | OWN) || flags == (HOLDS | LEASED));
        REQUIRE(refused_after_close, !in || !closing_began)
    };
    if
    :: in
    :: else ->
        write_slot(false);
        lease_enter(refused_by)
    fi
}

inline lease_begin()
{
    lease_begin_unless(CLOSED | DRAINING)
}

/* A finalizer's thread, thread_is_ours. */
inline lease_begin_draining()
{
    lease_begin_unless(CLOSED)
}

/* While its domain is unloaded, too: the closer to come does without a barrier between CLOSED and its look. */
inline lease_end()
{
    write_slot(false);
    if
    :: (flags & (CLOSED | USERS_FENCE | DRAINING)) != 0 -> lease_left()
    :: else
    fi;
    in = false
}

/* sh_lease_detach: counted first, while the slot still protects it. */
inline lease_detach()
{
    join();
    write_slot(false);
    in = false
}

/* reference_drop */
inline reference_drop()
{
    drop_ref();
    settle()
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

inline close_handle(own)
{
    begin_close_by(own);
    settle()
}

inline invalidate_handle(own)
{
    invalidate_by(own);
    left_alone = left_alone || answer == DONE;
    settle()
}

/* release_dead, of an unload or of the critical lane; what somebody has left behind, it enters, and is refused. */
inline release_dead()
{
    begin_close();
    if
    :: duty == NOTHING && WANTS_RELEASE(flags, count) -> add_ref(); late = false; WITNESS(found_left_behind)
    :: else
    fi;
    settle()
}

/* A filter is installed; then somebody asks for a barrier for another handle. */
proctype filter()
{
    forbidden = true;
    if
    :: barrier_missing = true
    :: true
    fi
}

#define START(how_many, process) \
    do \
    :: started < how_many -> run process(); started++ \
    :: else -> started = 0; break \
    od

#define RELEASED_WELL ((flags & RELEASED) != 0 && (!number_is_ours || (flags & INVALIDATED) != 0))
