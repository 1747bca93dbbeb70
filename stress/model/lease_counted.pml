/* SPDX-License-Identifier: MIT */
/*
 * Shows: leases beside counted references. Counted users of the same handle; a lease that is detached, which becomes a
 * counted reference before its slot is cleared; and sh_close_wait's or an unload's waker, which joins the count of a
 * handle in use, though nobody may be counted, touches the value, and leaves as the last one, or leaves the release to a
 * worker. docs/leases.md, docs/closing.md
 *
 * Leaves out: what leases.pml leaves out; what the waker does to the value, close_wait.pml.
 * From: findings 24, 31.
 *
 * configuration: counted LESSEES=1 COUNTED=1
 * configuration: waker LESSEES=1 WAKERS=1
 * configuration: hand-over LESSEES=1 WAKERS=1 HANDS_OVER=true
 */
#include "leases.pml"

#ifndef COUNTED
#define COUNTED 0
#endif
#ifndef WAKERS
#define WAKERS 0
#endif
#ifndef HANDS_OVER
#define HANDS_OVER false
#endif

bool condemned; /* left to the worker */

proctype lessee(byte me)
{
    LEASE_LOCALS;
    do
    :: true ->
        lease_begin();
        if
        :: !in -> break
        :: else
        fi;
        use_number();
        if
        :: lease_end()
        :: COUNTED > 0 -> lease_detach(); WITNESS(detached); use_number(); reference_drop()
        fi
    :: true -> break
    od
}

proctype counted_user()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    do
    :: true ->
        add_ref();
        if
        :: answer == DONE -> d_step { REQUIRE(refused_after_close, !late); late = false }; use_number(); reference_drop()
        :: else -> late = false; settle(); break
        fi
    :: true -> break
    od
}

proctype closer()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    close_handle(0)
}

/* wake_under_reference, of who waits for a close that has begun. */
proctype waker()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    closing_began;
    join();
    if
    :: answer == DONE && !HANDS_OVER -> WITNESS(joined); use_number(); reference_drop()
    :: answer == DONE && HANDS_OVER ->
        WITNESS(joined);
        use_number();
        leave_behind();
        if
        :: left_behind -> look(); condemned = !found
        :: else
        fi
    :: else -> WITNESS(joined_too_late)
    fi
}

proctype worker()
{
    LEASE_LOCALS;
    byte me = NOBODY;
end:
    condemned;
    WITNESS(handed_over);
    release_dead()
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
        START(1, closer);
        START(COUNTED, counted_user);
        START(WAKERS, waker);
        if
        :: HANDS_OVER -> run worker()
        :: else
        fi
    }
}

ltl released_eventually { [] (closing_began -> <> RELEASED_WELL) }
