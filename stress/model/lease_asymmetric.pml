/* SPDX-License-Identifier: MIT */
/*
 * Shows: leases that cost no atomic instruction, as the next version is to have them; this model is their
 * specification. (Today a lease is a counted reference: state_word.pml.) A lease writes its slot, then reads CLOSED;
 * the closer sets CLOSED, then has the system put a fence into every thread (membarrier), then reads the slots. x86's order
 * (TSO) is in: each thread has a store buffer, and its store reaches memory some time later.
 *
 * One rule goes beyond the prototype of finding 24, where every leaver that saw CLOSED scanned and claimed: between
 * CLOSED and the end of membarrier the slot of a lease that began before may still be in a store buffer, so that a
 * leaver's scan misses it. Here the closer sets FENCED after membarrier, and nobody scans before. It also makes the
 * late failure simple: FENCED is never set, so nobody ever releases.
 *
 * Leaves out: ARM's weaker order; how slots are found and freed; the count in full (one step here, see state_word.pml);
 * threads that start or end; signal handlers that lease.
 * From: findings 14, 24, 25, 26.
 *
 * configuration: membarrier LESSEES=2 CLOSERS=1 COUNTED=0
 * configuration: two-closers LESSEES=1 CLOSERS=2 COUNTED=1
 * configuration: counted LESSEES=1 CLOSERS=1 COUNTED=1 DETACH=1
 * configuration: late-failure LESSEES=2 CLOSERS=1 COUNTED=0 MAY_FAIL=1
 * configuration: fallback LESSEES=2 CLOSERS=1 COUNTED=0 FALLBACK=1
 */
#include "require.pml"

#ifndef FALLBACK
#define FALLBACK 0
#endif
#ifndef DETACH
#define DETACH 0
#endif
#ifndef MAY_FAIL
#define MAY_FAIL 0
#endif

/* Whose file the number means. */
mtype = { OURS, NOBODYS, STRANGERS };
mtype number = OURS;

/* The state word: locked instructions, which also empty the store buffer of the thread that executes them. */
bool closed;
bool fenced;
bool claimed;
bool released;
byte count;

bool slot[LESSEES];                        /* memory */
chan buffer[LESSEES] = [2] of { bool };    /* stores on their way there, in order */
bool barrier_failed;

inline full_fence(me)
{
    empty(buffer[me])
}

/* Only where membarrier cannot be had. */
inline fence_of_fallback(me)
{
    if
    :: FALLBACK -> full_fence(me)
    :: else
    fi
}

inline release()
{
    d_step {
        REQUIRE(released_once, number == OURS);
        REQUIRE(leaked_when_the_barrier_failed, !barrier_failed);
        number = NOBODYS
    };
    released = true
}

/* Nobody inside by slot or by count: of all that find it so, one claims. */
inline scan_and_claim()
{
    scanned = 0;
    do
    :: scanned < LESSEES && !slot[scanned] -> scanned++
    :: scanned < LESSEES && slot[scanned] -> break
    :: scanned == LESSEES ->
        atomic {
            if
            :: !claimed && count == 0 -> claimed = true; must_release = true
            :: else
            fi
        };
        break
    od;
    scanned = 0;
    if
    :: must_release -> must_release = false; release()
    :: else
    fi
}

/* For whoever left and saw CLOSED, a refused entrant too. Before FENCED the closer's own scan is still to come. */
inline finish_leaving()
{
    if
    :: fenced -> WITNESS(a_leaver_scanned); scan_and_claim()
    :: else -> WITNESS(a_leaver_left_it_to_the_closer)
    fi
}

inline use_number()
{
    d_step { REQUIRE(never_under_a_user, number == OURS) }
}

/* The leaver's half of a lease: the slot is cleared first, and what it sees then decides. */
inline end_lease(me)
{
    buffer[me]!false;
    fence_of_fallback(me);
    if
    :: closed ->
        full_fence(me);
        finish_leaving()
    :: else
    fi
}

inline drop_counted()
{
    atomic {
        count--;
        saw_closed = closed
    };
    if
    :: saw_closed -> saw_closed = false; finish_leaving()
    :: else
    fi
}

/* sh_lease_detach: the count first, while the slot still protects. Locked, so the buffer is empty. */
inline detach_lease(me)
{
    atomic { empty(buffer[me]) -> count++ };
    buffer[me]!false;
    use_number();
    atomic { empty(buffer[me]) };
    drop_counted()
}

proctype lessee(byte me)
{
    byte scanned;
    bool must_release, saw_closed;
    do
    :: true ->
        buffer[me]!true;
        fence_of_fallback(me);
        atomic {
            if
            :: closed -> break
            :: else
            fi
        };
        use_number();
        if
        :: end_lease(me)
        :: DETACH -> WITNESS(detached); detach_lease(me)
        fi
    :: true -> goto away
    od;
    WITNESS(refused);
    end_lease(me);
away:
    skip
}

/* Each store arrives some time, in its thread's order. */
proctype memory()
{
end:
    do
    :: buffer[0]?slot[0]
    :: buffer[LESSEES - 1]?slot[LESSEES - 1]
    :: buffer[LESSEES / 2]?slot[LESSEES / 2]
    od
}

proctype counted_user()
{
    byte scanned;
    bool must_release, saw_closed, inside;
    do
    :: true ->
        atomic {
            inside = !closed;
            count = (inside -> count + 1 : count)
        };
        if
        :: inside -> use_number(); drop_counted()
        :: else -> break
        fi
    :: true -> break
    od
}

/* Each thread passes a full fence at some moment between begin and end. It may also be forbidden. */
inline membarrier()
{
    do
    :: fenced_threads < LESSEES ->
        atomic {
            do
            :: nempty(buffer[fenced_threads]) -> buffer[fenced_threads]?slot[fenced_threads]
            :: empty(buffer[fenced_threads]) -> break
            od;
            fenced_threads++
        }
    :: fenced_threads == LESSEES -> break
    :: MAY_FAIL && fenced_threads == 0 -> barrier_failed = true; break
    od;
    fenced_threads = 0
}

proctype closer()
{
    byte scanned, fenced_threads;
    bool must_release, first;
    atomic { first = !closed; closed = true };
    if
    :: first && !FALLBACK -> membarrier()
    :: else
    fi;
    if
    :: first && !barrier_failed ->
        fenced = true;
        scan_and_claim()
    :: first && barrier_failed -> WITNESS(told_that_the_barrier_failed)
    :: else -> WITNESS(closed_before)
    fi
}

proctype recycler()
{
end:
    number == NOBODYS;
    number = STRANGERS
}

#define START(how_many, process) \
    do \
    :: started < how_many -> run process(); started++ \
    :: else -> started = 0; break \
    od

init
{
    byte started;
    atomic {
        do
        :: started < LESSEES -> run lessee(started); started++
        :: else -> started = 0; break
        od;
        START(CLOSERS, closer);
        START(COUNTED, counted_user);
        run memory();
        run recycler()
    }
}

ltl released_eventually { [] (closed -> <> ((released && number != OURS) || barrier_failed)) }
