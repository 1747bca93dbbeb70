/* SPDX-License-Identifier: MIT */
/*
 * Shows: leases that cost no atomic instruction. A lessee writes its slot, then reads the state; the closer sets CLOSED,
 * then has the system put a fence into every thread (membarrier), then looks through the slots. Who has leased the handle
 * is noted by the first lease of each thread, so that the closer can do without the barrier where nobody has, or it
 * alone. docs/leases.md
 *
 * One rule goes beyond the prototype of finding 24, where every leaver that saw CLOSED looked and claimed: between CLOSED
 * and the end of membarrier the slot of a lease that began before may still be in a store buffer, where a leaver does
 * not see it. Here nobody looks before FENCED. It also makes the late failure simple: FENCED is never set, so nobody
 * ever releases.
 *
 * Beside counted users, detached leases and wakers: lease_counted.pml; beside an unload and a collector: lease_end.pml.
 * Leaves out: what leases.pml leaves out.
 * From: findings 14, 24, 25, 26.
 *
 * configuration: membarrier LESSEES=2 CLOSERS=1
 * configuration: alone LESSEES=2 OWNERS=1
 * configuration: two-closers LESSEES=1 CLOSERS=2 MAY_VANISH=true
 * configuration: invalidated LESSEES=1 CLOSERS=1 INVALIDATORS=1
 * configuration: late-failure LESSEES=2 OWNERS=1 MAY_FAIL=true
 * configuration: fallback LESSEES=2 CLOSERS=1 FALLBACK=true
 */
#include "leases.pml"

#ifndef CLOSERS
#define CLOSERS 0
#endif
#ifndef OWNERS
#define OWNERS 0
#endif
#ifndef INVALIDATORS
#define INVALIDATORS 0
#endif
#ifndef MAY_VANISH
#define MAY_VANISH false
#endif

bool vanished; /* a closer, by a fork, before its barrier */

/* Some of the lessees close, too: after a lease, or inside of one. */
proctype lessee(byte me)
{
    LEASE_LOCALS;
    bool closes = me < OWNERS;
    do
    :: true ->
        lease_begin();
        if
        :: !in -> break
        :: in ->
            use_number();
            if
            :: closes -> close_handle(OWN); closes = false; WITNESS(closed_inside_a_lease); use_number()
            :: true
            fi;
            lease_end()
        fi
    :: closes -> close_handle(OWN); closes = false
    :: true -> break
    od
}

proctype closer()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    begin_close();
    if
    :: answer == TOO_LATE && duty == FENCE -> WITNESS(fenced_for_another)
    :: else
    fi;
    if
    :: atomic { MAY_VANISH && !vanished && duty == FENCE -> vanished = true }
    :: settle()
    fi
}

proctype invalidator()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    invalidate_handle(0)
}

init
{
    byte started;
    atomic {
        flags = HOLDS;
        do
        :: started < LESSEES -> run lessee(started); started++
        :: else -> started = 0; break
        od;
        START(CLOSERS, closer);
        START(INVALIDATORS, invalidator);
        if
        :: MAY_FAIL -> run filter()
        :: else
        fi
    }
}

ltl released_eventually { [] (closing_began -> <> (RELEASED_WELL || barrier_failed)) }
