/* SPDX-License-Identifier: MIT */
/*
 * Shows: whatever meets between two atomic steps, a handle is released exactly once, never under a user, by and by
 * always, and nobody comes in once the closing has begun. Users come and go without end until they are refused, so the
 * number of their steps has no bound; what is bounded is how many threads there are.
 * Leaves out: the order of memory (docs/memory-order.md); the collector's own steps, which are one condition here; the
 * starving of a close by users who never pause: its compare-and-swap may then fail for ever, so that "released
 * eventually" counts from the step that began the closing.
 * From: documents 002 and 003 (two closers, the finalizer race, recycling); findings 1, 18, 19, 25.
 *
 * configuration: closers USERS=2 CLOSERS=1 INVALIDATORS=1 TRIES=1
 * configuration: one-closer USERS=2 CLOSERS=1 TRIES=1
 * configuration: birth USERS=1 CLOSERS=1 SETTERS=1 TRIES=1
 * configuration: finalizer USERS=2 FINALIZERS=1 TRIES=1
 * configuration: interrupt USERS=2 CLOSERS=1 JOINERS=1 TRIES=1
 * configuration: saturation USERS=2 CLOSERS=1 TRIES=1 LIMIT=1
 */
#include "operations.pml"

#ifndef CLOSERS
#define CLOSERS 0
#endif
#ifndef INVALIDATORS
#define INVALIDATORS 0
#endif
#ifndef SETTERS
#define SETTERS 0
#endif
#ifndef JOINERS
#define JOINERS 0
#endif
#ifndef FINALIZERS
#define FINALIZERS 0
#endif

/* Whose file the number means. */
mtype = { OURS, NOBODYS, STRANGERS };
mtype number = OURS;

bool left_alone; /* invalidate has said that the value is the caller's */
byte pinners;    /* how many were told that they pinned the word */
/* Threads from which the collector sees the handle. */
byte pointers = USERS + CLOSERS + INVALIDATORS + JOINERS + SETTERS;

inline close_number()
{
    d_step {
        REQUIRE(released_once, number == OURS);
        REQUIRE(what_is_invalid_is_left_alone, !left_alone);
        REQUIRE(pinned_is_never_released, (flags & PINNED) == 0);
        number = NOBODYS
    }
}

/* release_claimed of runtime/handle/release.c. */
inline release_claimed()
{
    d_step { seen_flags = flags };
    if
    :: (seen_flags & (HOLDS | INVALIDATED)) == HOLDS -> close_number()
    :: else
    fi;
    seen_flags = 0;
    finish_well()
}

inline release_if_must()
{
    if
    :: duty == RELEASE -> release_claimed()
    :: else
    fi
}

/* The system call that takes only the number; nothing else tells the system which file is meant. */
inline use_number()
{
    d_step { REQUIRE(never_under_a_user, number == OURS) }
}

/* Told apart only where a finalizer waits for it. */
inline lose_pointer()
{
    d_step {
        pointers = (has_pointer && FINALIZERS > 0 -> pointers - 1 : pointers);
        has_pointer = (FINALIZERS == 0 && has_pointer)
    }
}

/* reference_take_set: an unset handle has no value to use. */
inline use_if_set()
{
    if
    :: (flags & HOLDS) != 0 ->
        if
        :: FINALIZERS > 0 -> lose_pointer() /* the finalizer race: the last use has only the number */
        :: true
        fi;
        use_number()
    :: else -> WITNESS(met_an_unset_handle)
    fi
}

proctype user()
{
    OPERATION_LOCALS;
    bool has_pointer = true;
    byte refusals = 0;
    do
    :: has_pointer && refusals < TRIES ->
        add_ref();
        if
        :: answer == DONE ->
            d_step { REQUIRE(refused_after_close, !late); late = false };
            use_if_set();
            drop_ref();
            d_step { REQUIRE(nothing_unbalanced, answer == DONE) };
            if
            :: duty == RELEASE -> WITNESS(the_last_user_released); release_claimed()
            :: else
            fi
        :: else ->
            d_step {
                REQUIRE(refused_only_with_reason, (answer == TOO_LATE && closing_began) || (flags & PINNED) != 0);
                late = false;
                pinners = (answer == SATURATED -> pinners + 1 : pinners);
                REQUIRE(pinned_once, pinners <= 1);
                refusals++
            };
            if
            :: duty == RELEASE -> WITNESS(a_refused_entrant_released); release_claimed()
            :: else
            fi
        fi;
        d_step { answer = 0; duty = NOTHING }
    :: true -> break
    od;
    refusals = 0;
    lose_pointer()
}

proctype closer()
{
    OPERATION_LOCALS;
    bool has_pointer = true;
    begin_close();
    if
    :: duty == RELEASE -> WITNESS(the_closer_released); release_claimed()
    :: else
    fi;
    lose_pointer()
}

proctype invalidator()
{
    OPERATION_LOCALS;
    bool has_pointer = true;
    if
    :: begin_close()
    :: invalidate(); left_alone = (answer == DONE)
    fi;
    release_if_must();
    lose_pointer()
}

/* interrupt_users of runtime/handle/close.c: touches the value beside its users, under a reference of its own. */
proctype joiner()
{
    OPERATION_LOCALS;
    bool has_pointer = true;
    closing_began;
    join();
    if
    :: answer == DONE ->
        WITNESS(joined_the_users);
        use_number();
        drop_ref();
        release_if_must()
    :: else
    fi;
    lose_pointer()
}

/* sh_set_handle: stores the value that it has from the system; too late, it gives it back itself. */
proctype setter()
{
    OPERATION_LOCALS;
    bool has_pointer = true;
    publish();
    if
    :: answer == TOO_LATE -> WITNESS(set_too_late); close_number()
    :: else
    fi;
    lose_pointer()
}

/* release_dead of runtime/handle/release.c, when no thread can reach the handle; it never waits for a user. */
proctype critical_finalizer()
{
    OPERATION_LOCALS;
    pointers == 0;
    begin_close();
    if
    :: duty == RELEASE -> WITNESS(the_finalizer_released); release_claimed()
    :: duty != RELEASE && (flags & RELEASED) == 0 ->
        if
        :: (flags & (CLAIMED | PINNED)) == 0 -> WITNESS(a_reference_leaked); mark_leaked()
        :: else
        fi
    :: else
    fi
}

/* Another program part opens a file; the system gives out the number that was freed. */
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
        flags = (SETTERS > 0 -> 0 : HOLDS);
        START(USERS, user);
        START(CLOSERS, closer);
        START(INVALIDATORS, invalidator);
        START(JOINERS, joiner);
        START(SETTERS, setter);
        START(FINALIZERS, critical_finalizer);
        run recycler()
    }
}

#define RELEASED_WELL ((flags & RELEASED) != 0 && (number != OURS || (flags & INVALIDATED) != 0))

ltl released_eventually { [] (closing_began -> <> (RELEASED_WELL || (flags & PINNED) != 0)) }
