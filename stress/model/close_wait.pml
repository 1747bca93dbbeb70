/* SPDX-License-Identifier: MIT */
/*
 * Shows: how sh_close_wait wakes users that hold a lease and are blocked in a system call. A tombstone (a descriptor on
 * which every call fails) is put over the number, then each holder gets a signal without SA_RESTART, again and again
 * until its lease ends; only then is the number given back. So every holder comes back, though its user tries EINTR
 * again, though the signal may come in the moment before the call, and though nothing ever arrives to read; and nobody
 * lands in a stranger's file.
 * Leaves out: who gives the number back (in the code whoever has the claim, see state_word.pml; here the closer);
 * counted references, whose threads nobody knows; time; signals that a thread has blocked; what a signal
 * that comes late does to the thread's next call (one EINTR more). With the tombstone in place first, one signal is
 * enough here: the repetition is for what is left out.
 * From: finding 31.
 *
 * configuration: two-holders HOLDERS=2
 * configuration: three-holders HOLDERS=3
 */
#include "require.pml"

/* What the number leads to. */
mtype = { OURS, TOMBSTONE, NOBODYS, STRANGERS };
mtype number = OURS;

bool closed;
bool leased[HOLDERS];
bool signalled[HOLDERS];

proctype holder(byte me)
{
    atomic {
        if
        :: !closed -> leased[me] = true
        :: closed -> WITNESS(refused); goto away
        fi
    };
again:
    if
    :: signalled[me] -> WITNESS(signal_came_before_the_call); signalled[me] = false
    :: true
    fi;
    /* The system looks up the number once, and then keeps the file. */
    atomic {
        REQUIRE(never_in_a_strangers_file, number == OURS || number == TOMBSTONE);
        if
        :: number == OURS
        :: else -> WITNESS(met_the_tombstone); goto leave
        fi
    };
    atomic { signalled[me] -> signalled[me] = false };
    WITNESS(woken_out_of_the_call);
    goto again;
leave:
    leased[me] = false;
away:
    skip
}

inline put_tombstone()
{
    number = TOMBSTONE
}

inline signal_holders()
{
    do
    :: next < HOLDERS ->
        atomic {
            signalled[next] = signalled[next] || leased[next];
            held = held || leased[next];
            next++
        }
    :: next == HOLDERS -> next = 0; break
    od
}

proctype closer()
{
    byte next;
    bool held;
    closed = true;
    put_tombstone();
    do
    :: signal_holders();
       if
       :: held -> held = false
       :: else -> break
       fi
    od;
    number = NOBODYS
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
        do
        :: started < HOLDERS -> run holder(started); started++
        :: else -> break
        od;
        run closer();
        run recycler()
    }
}

#define NOBODY_INSIDE (!leased[0] && !leased[1] && !leased[HOLDERS - 1])

ltl holders_come_back { [] (closed -> <> [] NOBODY_INSIDE) }
ltl released_eventually { [] (closed -> <> (number == NOBODYS || number == STRANGERS)) }
