/* SPDX-License-Identifier: MIT */
/*
 * Shows: leases beside an unload of the domain, and beside a collection. An unload sets DRAINING, has one barrier, sets
 * FENCED, and closes later, without another barrier: users are refused from DRAINING on, finalizers may still lease, and
 * fence themselves. A collection that finds the handle dead takes the mark of its lessees away: a slot is a root, so
 * that nobody leases it; a finalizer that gets at it once more leaves a new mark. docs/leases.md
 *
 * Leaves out: what leases.pml leaves out; several handles; a handle that is made beside the unload, domain_unload.pml.
 * From: documents 002 (AppDomain unload, the finalizer race); findings 24, 25.
 *
 * configuration: unload UNLOADS=1 FINALIZERS=1
 * configuration: unload-of-several UNLOADS=1 FINALIZERS=1 LEASED_BEFORE=LEASED
 * configuration: unload-beside-a-close UNLOADS=1 CLOSES=true
 * configuration: unload-fails UNLOADS=1 MAY_FAIL=true
 * configuration: unload-fallback UNLOADS=1 FINALIZERS=1 FALLBACK=true
 * configuration: dead FINALIZERS=1 CLOSES=true
 */
#define LESSEES 2
#include "leases.pml"

#ifndef UNLOADS
#define UNLOADS 0
#endif
#ifndef FINALIZERS
#define FINALIZERS 0
#endif
#ifndef CLOSES
#define CLOSES false
#endif
#ifndef LEASED_BEFORE
#define LEASED_BEFORE 0
#endif

bool condemned; /* a collection has found the handle dead */
bool flushed = FINALIZERS == 0; /* the finalizer has ended */
bool reached;   /* the user, or the finalizer, has a pointer beside the slot */

/* Its only pointer, while it leases, is the slot. It may close at any time. */
proctype user()
{
    LEASE_LOCALS;
    byte me = 0;
    bool late_for_draining;
    do
    :: true ->
        late_for_draining = draining_began;
        lease_begin();
        if
        :: !in -> break
        :: else
        fi;
        d_step { REQUIRE(refused_while_unloading, !late_for_draining); reached = false };
        use_number();
        reached = true;
        lease_end()
    :: CLOSES -> close_handle(OWN); break
    :: true -> break
    od;
    reached = false
}

/* On a worker; when it gets at a dead handle, it reaches it again. */
proctype normal_finalizer()
{
    LEASE_LOCALS;
    byte me = 1;
    condemned || UNLOADS > 0;
    lease_begin_draining();
    d_step { REQUIRE(finalizers_are_admitted, in || closing_began) };
    if
    :: in ->
        if
        :: (flags & DRAINING) != 0 -> WITNESS(a_finalizer_leases_while_draining)
        :: (flags & DRAINING) == 0
        fi;
        use_number();
        lease_end()
    :: else
    fi;
    flushed = true
}

/* unload_run, and the worker that closes what it has condemned. */
proctype unload()
{
    LEASE_LOCALS;
    byte me = NOBODY;
    drain();
    if
    :: (flags & LEASED) != 0 && (flags & USERS_FENCE) == 0 ->
        barrier();
        if
        :: found && (flags & (DRAINING | CLAIMED)) == DRAINING -> fenced(); duty = NOTHING
        :: else
        fi;
        found = false
    :: else
    fi;
    if
    :: flushed
    :: WITNESS(did_not_wait)
    fi;
    if
    :: (flags & (CLOSED | FENCED)) == FENCED && (flags & LEASED) != 0 -> WITNESS(closes_without_a_barrier_of_its_own)
    :: else
    fi;
    release_dead()
}

/* The world has stopped, with a fence on each thread. Then the critical lane closes. */
proctype collector()
{
    LEASE_LOCALS;
    byte me = NOBODY;
end:
    atomic {
        !reached && empty(buffer[0]) && empty(buffer[1]) && !slot[0] && !slot[1];
        forget_lessees();
        condemned = true
    };
    if
    :: flushed
    :: WITNESS(the_critical_lane_did_not_wait)
    fi;
    release_dead()
}

init
{
    atomic {
        flags = HOLDS | LEASED_BEFORE;
        reached = true;
        run user();
        if
        :: FINALIZERS > 0 -> run normal_finalizer()
        :: else
        fi;
        if
        :: UNLOADS > 0 -> run unload()
        :: else -> run collector()
        fi;
        if
        :: MAY_FAIL -> run filter()
        :: else
        fi
    }
}

ltl released_eventually { [] ((closing_began || condemned || draining_began) -> <> (RELEASED_WELL || barrier_failed)) }
