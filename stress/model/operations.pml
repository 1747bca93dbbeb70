/* SPDX-License-Identifier: MIT */
/*
 * The operations of runtime/core/state_word.c as the C code does them: what is one atomic instruction there is one step
 * here, what is a loop there is a loop here. transitions.pml drives each row of the C table through them.
 *
 * Left out: the order of memory. Every step is sequentially consistent; docs/memory-order.md says why the orders asked
 * for are enough, and ThreadSanitizer watches them. The count is a signed number, so that NEGATIVE is count < 0, and
 * LIMIT is small.
 */
#include "require.pml"
#include "state_transitions.pml"

#ifndef LIMIT
#define LIMIT 100
#endif

#define REFUSING(f, c) (((f) & (CLOSED | DRAINING | PINNED)) != 0 || (c) >= LIMIT || (c) < 0)
#define WANTS_RELEASE(f, c) (((f) & (CLOSED | CLAIMED | PINNED)) == CLOSED && (c) == 0)
#define IS_VALID(f) \
    (((f) & RELEASED) == 0 || ((f) & CLAIMED) != 0) && (((f) & CLAIMED) == 0 || ((f) & CLOSED) != 0) && \
    (((f) & INVALIDATED) == 0 || ((f) & CLOSED) != 0) && (((f) & FAILED) == 0 || ((f) & RELEASED) != 0)

/* The word. */
short flags;
short count;

/* What the models know beside the word, for their properties; no operation looks at it. */
bool closing_began;
bool draining_began;

/* What an operation needs and answers; forgotten at its end, so that it does not tell states apart. */
#define OPERATION_LOCALS \
    short seen_flags, seen_count; \
    byte answer, reason; \
    bool must_release, late

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
    d_step { seen_flags = flags; seen_count = count; count++; late = closing_began }
}

inline word_drop_one()
{
    d_step { seen_flags = flags; seen_count = count; count-- }
}

/* The condition of atomic_word_swap_if; the step that looks at it also writes the word. */
#define SAME_AS_SEEN (flags == seen_flags && count == seen_count)

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

inline claim_if_last()
{
    must_release = false;
    do
    :: atomic {
        word_read();
        if
        :: WANTS_RELEASE(seen_flags, seen_count)
        :: else -> break
        fi
       }
       d_step {
        if
        :: SAME_AS_SEEN ->
            flags = flags | CLAIMED;
            must_release = true;
            REQUIRE(word_is_valid, IS_VALID(flags))
        :: else
        fi
       }
       if
       :: must_release -> break
       :: else -> WITNESS(a_claim_met_somebody)
       fi
    od;
    forget_seen()
}

inline leave()
{
    if
    :: seen_count <= 0 -> count++; answer = UNBALANCED
    :: else -> answer = DONE
    fi;
    if
    :: seen_count > 1 -> d_step { must_release = false; forget_seen() }
    :: else -> claim_if_last()
    fi
}

inline drop_ref()
{
    word_drop_one();
    if
    :: (seen_flags & CLOSED) == 0 && seen_count >= 1 ->
        d_step { answer = DONE; must_release = false; forget_seen() }
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
        count--;
        claim_if_last()
    fi
}

/* Refused, it says why, and retreats. With a negative count repaired it enters again, or it gives up. */
inline add_ref()
{
    do
    :: atomic {
        word_add_one();
        if
        :: !REFUSING(seen_flags, seen_count) -> must_release = false; answer = DONE; break
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
       :: reason == UNBALANCED && must_release -> answer = TOO_LATE; break
       :: reason == UNBALANCED && !must_release ->
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

inline join()
{
    must_release = false;
    do
    :: atomic {
        word_read();
        if
        :: seen_count < 1 || seen_count >= LIMIT || (seen_flags & CLAIMED) != 0 -> answer = TOO_LATE; break
        :: else
        fi
       }
       atomic {
        if
        :: SAME_AS_SEEN -> count++; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

/* Of a waiter that joined and must not release. */
inline leave_behind()
{
    atomic { count--; answer = DONE; must_release = false }
}

inline enter_draining()
{
    must_release = false;
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
        if
        :: SAME_AS_SEEN -> count++; late = closing_began; answer = DONE; break
        :: else
        fi
       }
    od;
    forget_seen()
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

/* Sets these flags, and claims in the same step when nobody is inside. */
inline close_with(refused_by, closing_flags)
{
    must_release = false;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & (refused_by)) != 0 -> answer = TOO_LATE; break
        :: else
        fi
       }
       d_step {
        if
        :: SAME_AS_SEEN ->
            flags = flags | (closing_flags);
            must_release = WANTS_RELEASE(flags, count);
            flags = (must_release -> flags | CLAIMED : flags);
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

inline begin_close()
{
    close_with(CLOSED, CLOSED)
}

inline invalidate()
{
    close_with(CLAIMED, CLOSED | INVALIDATED)
}

inline drain()
{
    must_release = false;
    set_flag(DRAINING, DONE, DONE);
    draining_began = true
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

inline publish()
{
    must_release = false;
    do
    :: atomic {
        word_read();
        if
        :: (seen_flags & CLOSED) != 0 -> answer = TOO_LATE; break
        :: else
        fi
       }
       atomic {
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
        REQUIRE(finished_by_the_claimer, (flags & (CLAIMED | RELEASED)) == CLAIMED);
        flags = flags | (result_flags);
        answer = DONE;
        must_release = false;
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
    must_release = false;
    set_flag(LEAKED, DONE, DONE)
}
