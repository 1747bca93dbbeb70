/* SPDX-License-Identifier: MIT */
/*
 * The operations of runtime/core/state_word.c as the C code does them: what is one atomic instruction there is one step
 * here, what is a loop there is a loop here. transitions.pml drives each row of the C table through them.
 *
 * Left out: the order of memory. Every step is sequentially consistent; docs/memory-order.md says why the orders asked
 * for are enough, and ThreadSanitizer watches them. Where slots have store buffers (leases.pml), a step that is a locked
 * instruction waits until STORES_ARRIVED, and one that only reads does not. The count is a signed number, so that
 * NEGATIVE is count < 0, and LIMIT is small; lessees have three bits.
 */
#include "require.pml"
#include "state_transitions.pml"

#ifndef LIMIT
#define LIMIT 100
#endif

#ifndef STORES_ARRIVED
#define STORES_ARRIVED true
#endif

/* Above the flags. */
#define LESSEE_SHIFT 11
#define LEASED (7 << LESSEE_SHIFT)
#define LESSEE(number) ((number) << LESSEE_SHIFT)

#define REFUSING(f, c) (((f) & (CLOSED | DRAINING | PINNED)) != 0 || (c) >= LIMIT || (c) < 0)
#define WANTS_RELEASE(f, c) (((f) & (CLOSED | CLAIMED | PINNED)) == CLOSED && (c) == 0)
#define IS_VALID(f) \
    (((f) & RELEASED) == 0 || ((f) & CLAIMED) != 0) && (((f) & CLAIMED) == 0 || ((f) & CLOSED) != 0) && \
    (((f) & INVALIDATED) == 0 || ((f) & CLOSED) != 0) && (((f) & FAILED) == 0 || ((f) & RELEASED) != 0) && \
    (((f) & FENCED) == 0 || ((f) & (CLOSED | DRAINING)) != 0) && \
    (((f) & CLAIMED) == 0 || ((f) & LEASED) == 0 || ((f) & FENCED) != 0)
/* No lease can be unseen: nobody has one, or the closer alone, or whoever has one has fenced. */
#define NEEDS_NO_BARRIER(f, own) \
    (((f) & LEASED) == 0 || ((f) & LEASED) == (own) || ((f) & (USERS_FENCE | FENCED)) != 0)
#define MISSES_ITS_BARRIER(f) (((f) & (CLOSED | FENCED)) == CLOSED && ((f) & LEASED) != 0)

/* The word. */
short flags;
short count;

/* What the models know beside the word, for their properties; no operation looks at it. */
bool closing_began;
bool draining_began;

/* What an operation needs and answers; forgotten at its end, so that it does not tell states apart. */
#define OPERATION_LOCALS \
    short seen_flags, seen_count; \
    byte answer, reason, duty; \
    bool late, left_behind

inline forget_seen()
{
    seen_flags = 0;
    seen_count = 0
}

inline word_read()
{
    d_step { seen_flags = flags; seen_count = count }
}

/* late: the entry came after the closing had begun, whatever the flags say. */
inline word_add_one()
{
    d_step { STORES_ARRIVED; seen_flags = flags; seen_count = count; count++; late = closing_began }
}

inline word_drop_one()
{
    d_step { STORES_ARRIVED; seen_flags = flags; seen_count = count; count-- }
}

/* The condition of atomic_word_swap_if; the step that looks at it also writes the word. */
#define SAME_AS_SEEN (flags == seen_flags && count == seen_count)

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

inline claim_as_seen()
{
    d_step {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN ->
            flags = flags | CLAIMED;
            duty = RELEASE;
            REQUIRE(word_is_valid, IS_VALID(flags))
        :: else
        fi
    }
}

/* What was leased is to be looked for, and not before the barrier. */
inline last_left()
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: !WANTS_RELEASE(seen_flags, seen_count) -> break
        :: WANTS_RELEASE(seen_flags, seen_count) && (seen_flags & LEASED) != 0 ->
            duty = ((seen_flags & FENCED) != 0 -> LOOK : NOTHING);
            break
        :: else
        fi
       }
       claim_as_seen();
       if
       :: duty == RELEASE -> break
       :: else -> WITNESS(a_claim_met_somebody)
       fi
    od;
    forget_seen()
}

inline leave()
{
    if
    :: seen_count <= 0 -> atomic { STORES_ARRIVED; count++ }; answer = UNBALANCED
    :: else -> answer = DONE
    fi;
    if
    :: seen_count > 1 -> d_step { duty = NOTHING; forget_seen() }
    :: else -> last_left()
    fi
}

inline drop_ref()
{
    word_drop_one();
    if
    :: (seen_flags & CLOSED) == 0 && seen_count >= 1 ->
        d_step { answer = DONE; duty = NOTHING; forget_seen() }
    :: else -> leave()
    fi
}

/* ---- entering ---------------------------------------------------------------------------------------------------- */

inline set_flag(flag, on_first, on_later)
{
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & (flag)) != 0 -> answer = on_later; break
        :: else
        fi
       }
       atomic {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN -> flags = flags | (flag); answer = on_first; break
        :: else
        fi
       }
    od;
    forget_seen()
}

inline retreat()
{
    if
    :: seen_count >= 0 -> drop_ref()
    :: else ->
        atomic { STORES_ARRIVED; count-- };
        last_left()
    fi
}

/* Refused, it says why, and retreats. With a negative count repaired it enters again, or it gives up. */
inline add_ref()
{
    do
    :: atomic {
        word_add_one();
        if
        :: !REFUSING(seen_flags, seen_count) -> duty = NOTHING; answer = DONE; break
        :: (seen_flags & (CLOSED | DRAINING)) != 0 -> reason = TOO_LATE
        :: (seen_flags & (CLOSED | DRAINING)) == 0 && seen_count < 0 -> reason = UNBALANCED
        :: else -> reason = AT_LIMIT
        fi
       }
       if
       :: reason == AT_LIMIT -> set_flag(PINNED, SATURATED, AT_LIMIT); reason = answer
       :: else
       fi;
       retreat();
       if
       :: reason == UNBALANCED && duty != NOTHING -> answer = TOO_LATE; break
       :: reason == UNBALANCED && duty == NOTHING ->
            if
            :: count >= 0 -> WITNESS(entered_after_a_repair)
            :: count < 0 -> answer = UNBALANCED; break
            fi
       :: else -> answer = reason; break
       fi
    od;
    reason = 0;
    forget_seen()
}

/* A count that is negative is waited for, or given up. */
inline join()
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & CLAIMED) != 0 -> answer = TOO_LATE; break
        :: (seen_flags & CLAIMED) == 0 && seen_count < 0 -> answer = UNBALANCED; break
        :: (seen_flags & CLAIMED) == 0 && seen_count < 0
        :: (seen_flags & CLAIMED) == 0 && seen_count >= LIMIT -> answer = AT_LIMIT; break
        :: else
        fi
       }
       atomic {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN && seen_count >= 0 -> count++; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

/* Of a waiter that joined and must not release; its answer, in C a truth, is left_behind. */
inline leave_behind()
{
    atomic { STORES_ARRIVED; count--; answer = DONE; duty = NOTHING; left_behind = WANTS_RELEASE(flags, count) }
}

inline enter_draining()
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & (CLOSED | DRAINING | PINNED)) != DRAINING || seen_count >= LIMIT || seen_count < 0 ->
            answer = TOO_LATE;
            break
        :: else
        fi
       }
       atomic {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN -> count++; late = closing_began; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

/* In the step that has set the flags: what is left to do, and the claim where nobody can be inside. */
inline duty_of_closing(own)
{
    if
    :: !NEEDS_NO_BARRIER(flags, own) -> duty = FENCE
    :: else ->
        flags = ((flags & LEASED) != 0 -> flags | FENCED : flags);
        duty = (!WANTS_RELEASE(flags, count) -> NOTHING : ((flags & LEASED) != 0 -> LOOK : RELEASE));
        flags = (duty == RELEASE -> flags | CLAIMED : flags)
    fi
}

/* refused_by: who comes too late; late_duty: what it has to do, by what it has seen. */
inline close_with(own, refused_by, late_duty, closing_flags)
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & (refused_by)) != 0 -> answer = TOO_LATE; duty = late_duty; break
        :: else
        fi
       }
       d_step {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN ->
            flags = flags | (closing_flags);
            duty_of_closing(own);
            closing_began = true;
            answer = DONE;
            REQUIRE(word_is_valid, IS_VALID(flags))
        :: else -> answer = 0
        fi
       }
       if
       :: answer == DONE -> break
       :: else
       fi
    od;
    forget_seen()
}

/* own: the thread as a lessee, or 0. */
inline begin_close_by(own)
{
    close_with(own, CLOSED, (MISSES_ITS_BARRIER(seen_flags) -> FENCE : NOTHING), CLOSED)
}

inline invalidate_by(own)
{
    close_with(own, CLAIMED, NOTHING, CLOSED | INVALIDATED)
}

/* By a thread that leased nothing, and by the only one that did. */
inline begin_close()
{
    begin_close_by(0)
}

inline begin_close_alone()
{
    begin_close_by(flags & LEASED)
}

inline invalidate()
{
    invalidate_by(0)
}

inline fenced()
{
    set_flag(FENCED, DONE, DONE);
    d_step { duty = (WANTS_RELEASE(flags, count) -> LOOK : NOTHING) }
}

inline claim()
{
    duty = NOTHING;
    answer = DONE;
    do
    :: atomic {
        word_read();
        REQUIRE(claimed_behind_the_fence, (seen_flags & FENCED) != 0);
        if
        :: !WANTS_RELEASE(seen_flags, seen_count) -> break
        :: else
        fi
       }
       claim_as_seen();
       if
       :: duty == RELEASE -> break
       :: else
       fi
    od;
    forget_seen()
}

inline drain()
{
    duty = NOTHING;
    set_flag(DRAINING, DONE, DONE);
    draining_began = true
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/* Where there is no barrier, a thread alone fences, too: it does not stay alone. */
#define WITH_LESSEE(f, own, users_fence) \
    (((f) & LEASED) == 0 -> (f) | ((users_fence) -> LEASED | USERS_FENCE : (own)) : \
        (((f) & LEASED) == (own) -> (f) : (f) | LEASED))

inline lease_by(own, users_fence, refused_by)
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & (refused_by)) != 0 -> answer = TOO_LATE; break
        :: (seen_flags & (refused_by)) == 0 && (seen_flags & HOLDS) == 0 -> answer = UNSET; break
        :: (seen_flags & (refused_by)) == 0 && (seen_flags & HOLDS) != 0 &&
           WITH_LESSEE(seen_flags, own, users_fence) == seen_flags -> late = closing_began; answer = DONE; break
        :: else
        fi
       }
       atomic {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN -> flags = WITH_LESSEE(flags, own, users_fence); late = closing_began; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

/* By a thread that is several already. */
inline lease()
{
    lease_by(LEASED, false, CLOSED | DRAINING)
}

inline lease_draining()
{
    lease_by(LEASED, false, CLOSED)
}

/* The caller has fenced. */
inline left()
{
    last_left();
    answer = DONE
}

/* The world has stopped. */
inline forget_lessees()
{
    d_step { duty = NOTHING; answer = DONE; flags = flags & ~LEASED }
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

inline publish()
{
    duty = NOTHING;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & CLOSED) != 0 -> answer = TOO_LATE; break
        :: else
        fi
       }
       atomic {
        STORES_ARRIVED;
        if
        :: SAME_AS_SEEN -> flags = flags | HOLDS; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

inline finish(result_flags)
{
    d_step {
        STORES_ARRIVED;
        REQUIRE(finished_by_the_claimer, (flags & (CLAIMED | RELEASED)) == CLAIMED);
        flags = flags | (result_flags);
        answer = DONE;
        duty = NOTHING;
        REQUIRE(word_is_valid, IS_VALID(flags))
    }
}

inline finish_well()
{
    finish(RELEASED)
}

inline finish_failed()
{
    finish(RELEASED | FAILED)
}

inline mark_leaked()
{
    duty = NOTHING;
    set_flag(LEAKED, DONE, DONE)
}
