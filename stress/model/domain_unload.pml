/* SPDX-License-Identifier: MIT */
/*
 * Shows: a domain's unload against users, a normal finalizer that still flushes, and a handle that is made beside it.
 * From the moment its handle is draining, users are refused and finalizers are not; a handle made beside the unload is
 * seen by it, or its maker sees the unload; whatever is made is released.
 * The maker has a store buffer, as on x86: what it wrote, the unload sees some time later, or after its barrier.
 * Leaves out: the list itself and its lock (a blank is on it before, and to be born is one step); several handles, which share nothing but
 * the domain's flag; deadlines, but for the choice not to wait for a finalizer; users who never pause, and could starve
 * the compare-and-swap that sets a flag.
 * From: document 002 (AppDomain unload); docs/state-machine.md, the flag DRAINING.
 *
 * configuration: one-user USERS=1 USES=1
 */
#include "operations.pml"

mtype = { OURS, NOBODYS, STRANGERS };
mtype number = OURS;

bool unloading; /* the domain's flag */
bool listed;    /* the handle is where the unload looks, and alive */
bool in_buffer; /* its maker has written that, and nobody sees it yet */
bool made;      /* its maker is done with it */
bool flushed;   /* the finalizer has ended, well or not */

inline close_number()
{
    d_step { REQUIRE(released_once, number == OURS); number = NOBODYS }
}

inline release_if_must()
{
    if
    :: duty == RELEASE && (flags & HOLDS) != 0 -> close_number(); finish_well()
    :: duty == RELEASE && (flags & HOLDS) == 0 -> finish_well()
    :: else
    fi
}

inline use_number()
{
    d_step { REQUIRE(never_under_a_user, (flags & HOLDS) == 0 || number == OURS) }
}

/* The machine, which writes what is in the maker's store buffer when it likes. */
proctype store_buffer()
{
end:
    atomic { in_buffer; in_buffer = false; listed = true }
}

/* On the maker's processor: its own, before each of its compare-and-swaps; and the unload's membarrier. */
inline fence()
{
    atomic {
        if
        :: in_buffer -> in_buffer = false; listed = true
        :: else
        fi
    }
}

/* Brings the handle to life, then looks whether the domain is being unloaded: in this order, or nobody might see it. */
proctype maker()
{
    OPERATION_LOCALS;
    in_buffer = true;
    if
    :: unloading -> WITNESS(the_maker_saw_the_unload); fence(); begin_close(); release_if_must()
    :: !unloading
    fi;
    fence();
    publish();
    if
    :: answer == TOO_LATE -> close_number()
    :: else
    fi;
    made = true
}

proctype user()
{
    OPERATION_LOCALS;
    bool late_for_draining;
    byte uses;
    do
    :: uses < USES ->
        uses++;
        late_for_draining = draining_began;
        add_ref();
        if
        :: answer == DONE ->
            d_step { REQUIRE(refused_while_unloading, !late_for_draining && !late); late = false };
            use_number();
            drop_ref();
            release_if_must()
        :: else ->
            release_if_must();
            break
        fi;
        d_step { answer = 0; duty = NOTHING; late_for_draining = false }
    :: true -> break
    od
}

/* A finalizer of the domain flushes through its handle, which the unload has not closed yet. */
proctype normal_finalizer()
{
    OPERATION_LOCALS;
    made;
    add_ref();
    if
    :: answer == TOO_LATE ->
        release_if_must();
        enter_draining();
        if
        :: answer == DONE -> WITNESS(a_finalizer_entered_while_draining)
        :: else
        fi
    :: else
    fi;
    d_step { REQUIRE(finalizers_are_admitted, answer == DONE || closing_began); late = false };
    if
    :: answer == DONE -> use_number(); drop_ref(); release_if_must()
    :: else
    fi;
    flushed = true
}

proctype unload()
{
    OPERATION_LOCALS;
    bool found;
    unloading = true;
    fence(); /* platform_barrier */
    found = listed;
    if
    :: found -> drain()
    :: else -> WITNESS(the_unload_came_first)
    fi;
    if
    :: found && flushed
    :: WITNESS(did_not_wait)
    fi;
    if
    :: found -> begin_close(); release_if_must()
    :: else
    fi
}

proctype recycler()
{
end:
    number == NOBODYS;
    number = STRANGERS
}

init
{
    byte started;
    atomic {
        run maker();
        run store_buffer();
        run unload();
        run normal_finalizer();
        do
        :: started < USERS -> run user(); started++
        :: else -> break
        od;
        run recycler()
    }
}

ltl released_eventually { [] (unloading -> <> (made && number != OURS && (flags & RELEASED) != 0)) }
