/* SPDX-License-Identifier: MIT */
#include "core/state_word.h"
#include "base/assert.h"
#include "base/checkpoint.h"

/* Some milliseconds: long against the one instruction that is waited for, short against a hang. */
enum { LOOKS_BEFORE_GIVING_UP = 1000000 };

bool state_word_is_valid(word_t bits)
{
    bool closed = (bits & STATE_CLOSED) != 0;
    bool claimed = (bits & STATE_CLAIMED) != 0;
    bool released = (bits & STATE_RELEASED) != 0;
    bool invalidated = (bits & STATE_INVALIDATED) != 0;
    bool failed = (bits & STATE_FAILED) != 0;
    bool fenced = (bits & STATE_FENCED) != 0;
    bool refusing = (bits & (STATE_CLOSED | STATE_DRAINING)) != 0;
    bool leased = (bits & STATE_LEASED) != 0;
    return (!released || claimed) && (!claimed || closed) && (!invalidated || closed) && (!failed || released) &&
           (!fenced || refusing) && (!claimed || !leased || fenced);
}

/* Closed, unused, unclaimed and not pinned: whoever brings this about has to claim. */
static bool wants_release(word_t bits)
{
    return (bits & (STATE_CLOSED | STATE_CLAIMED | STATE_PINNED)) == STATE_CLOSED && state_count(bits) == 0;
}

/*
 * Every step that takes the last reference off ends here. Where it was ever leased, leases are to be looked for first,
 * and not before the barrier: until then that is the closer's. Elsewhere, of all that see the word closed and unused,
 * one compare-and-swap succeeds. It gives up when a refused entrant stands in the way: that entrant will leave through
 * here, too.
 */
static state_duty last_left(state_word *word)
{
    word_t seen = state_word_read(word);
    while (wants_release(seen)) {
        if ((seen & STATE_LEASED) != 0)
            return (seen & STATE_FENCED) != 0 ? STATE_LOOK : STATE_NOTHING;
        CHECKPOINT("core.claim");
        /* Full: what every user did before its drop_ref comes before the release that this claim allows. */
        if (atomic_word_swap_if(&word->bits, seen, seen | STATE_CLAIMED))
            return STATE_RELEASE;
        seen = state_word_read(word);
    }
    return STATE_NOTHING;
}

/* True for the one step that set it. */
static bool set_flag(state_word *word, word_t flag)
{
    for (;;) {
        word_t seen = state_word_read(word);
        if ((seen & flag) != 0)
            return false;
        CHECKPOINT("core.flag");
        /* Full is more than needed: these flags order nothing. */
        if (atomic_word_swap_if(&word->bits, seen, seen | flag))
            return true;
    }
}

/*
 * Takes a refused entrant's reference back. An entrant that met a negative count only takes away what it added: the
 * over-releaser repairs its own step. Any other leaves like a user, which also repairs a count that an over-release
 * took from under it.
 */
static state_duty retreat(state_word *word, word_t seen)
{
    if ((seen & STATE_NEGATIVE) == 0)
        return state_word_drop_ref(word).duty;
    /* Release, as in drop_ref. */
    (void)atomic_word_add_release(&word->bits, (word_t)0 - STATE_ONE);
    return last_left(word);
}

/* Somebody's over-release is being undone: until then the count does not count. Steps back, waits for that one
 * instruction of the other thread, and enters again. Bounded, so that a word spoilt by several over-releases at once
 * refuses its users instead of hanging them. */
static state_result enter_after_repair(state_word *word, word_t seen)
{
    state_duty duty = retreat(word, seen);
    if (duty != STATE_NOTHING)
        return (state_result){STATE_TOO_LATE, duty};
    for (int look = 0; look < LOOKS_BEFORE_GIVING_UP; look++) {
        CHECKPOINT("core.negative");
        if ((state_word_read(word) & STATE_NEGATIVE) == 0)
            return state_word_add_ref(word);
    }
    return (state_result){STATE_UNBALANCED, STATE_NOTHING};
}

state_result state_word_refuse(state_word *word, word_t seen)
{
    ASSERT(state_word_is_valid(seen));
    CHECKPOINT("core.refused");
    if ((seen & (STATE_CLOSED | STATE_DRAINING)) != 0)
        return (state_result){STATE_TOO_LATE, retreat(word, seen)};
    if ((seen & STATE_NEGATIVE) != 0)
        return enter_after_repair(word, seen);
    state_answer answer = set_flag(word, STATE_PINNED) ? STATE_SATURATED : STATE_AT_LIMIT;
    return (state_result){answer, retreat(word, seen)};
}

state_result state_word_leave(state_word *word, word_t seen)
{
    ASSERT(state_word_is_valid(seen));
    CHECKPOINT("core.leave");
    state_answer answer = STATE_DONE;
    if (state_count(seen) == 0 || (seen & STATE_NEGATIVE) != 0) {
        CHECKPOINT("core.over-release");
        /* Acquire is not needed: the claim below has it. Release, because an entrant may wait for this. */
        (void)atomic_word_add_release(&word->bits, STATE_ONE);
        answer = STATE_UNBALANCED;
    } else if (state_count(seen) > 1) {
        /* Others are inside, and the word is theirs: the last of them may have released and freed it by now. */
        return (state_result){STATE_DONE, STATE_NOTHING};
    }
    return (state_result){answer, last_left(word)};
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

/* No lease can be unseen: nobody has one, or the closer alone, or whoever has one has fenced. */
static bool needs_no_barrier(word_t seen, word_t own)
{
    word_t lessees = seen & STATE_LEASED;
    return lessees == 0 || lessees == own || (seen & (STATE_USERS_FENCE | STATE_FENCED)) != 0;
}

/* What the step that leads to these bits leaves to do; it may claim in the same step. */
static state_duty duty_of_closing(word_t own, word_t *in_out_bits)
{
    if (!needs_no_barrier(*in_out_bits, own))
        return STATE_FENCE;
    bool leased = (*in_out_bits & STATE_LEASED) != 0;
    if (leased)
        *in_out_bits |= STATE_FENCED;
    if (!wants_release(*in_out_bits))
        return STATE_NOTHING;
    if (leased)
        return STATE_LOOK;
    *in_out_bits |= STATE_CLAIMED;
    return STATE_RELEASE;
}

/* Whoever began the closing may be gone, by a fork, before its barrier. */
static bool misses_its_barrier(word_t seen)
{
    return (seen & (STATE_CLOSED | STATE_FENCED)) == STATE_CLOSED && (seen & STATE_LEASED) != 0;
}

state_result state_word_begin_close(state_word *word, word_t own)
{
    for (;;) {
        word_t seen = state_word_read(word);
        ASSERT(state_word_is_valid(seen));
        if ((seen & STATE_CLOSED) != 0)
            return (state_result){STATE_TOO_LATE, misses_its_barrier(seen) ? STATE_FENCE : STATE_NOTHING};
        word_t closed = seen | STATE_CLOSED;
        state_duty duty = duty_of_closing(own, &closed);
        CHECKPOINT("core.close");
        /* Full: acquires what earlier users did, and no later step of ours can be seen before the refusal begins. */
        if (atomic_word_swap_if(&word->bits, seen, closed))
            return (state_result){STATE_DONE, duty};
    }
}

state_result state_word_invalidate(state_word *word, word_t own)
{
    for (;;) {
        word_t seen = state_word_read(word);
        ASSERT(state_word_is_valid(seen));
        if ((seen & STATE_CLAIMED) != 0)
            return (state_result){STATE_TOO_LATE, STATE_NOTHING};
        word_t invalidated = seen | STATE_CLOSED | STATE_INVALIDATED;
        state_duty duty = duty_of_closing(own, &invalidated);
        CHECKPOINT("core.invalidate");
        /* Full, as in begin_close. */
        if (atomic_word_swap_if(&word->bits, seen, invalidated))
            return (state_result){STATE_DONE, duty};
    }
}

state_duty state_word_fenced(state_word *word)
{
    (void)set_flag(word, STATE_FENCED);
    return wants_release(state_word_read(word)) ? STATE_LOOK : STATE_NOTHING;
}

bool state_word_claim(state_word *word)
{
    for (;;) {
        word_t seen = state_word_read(word);
        if (!wants_release(seen) || (seen & STATE_FENCED) == 0)
            return false;
        CHECKPOINT("core.claim-leased");
        /* Full: acquires what counted users did before they left; the look has acquired it from the lessees. */
        if (atomic_word_swap_if(&word->bits, seen, seen | STATE_CLAIMED))
            return true;
    }
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/* The word with the lessee noted. Where there is no barrier, a thread alone fences, too: it does not stay alone. */
static word_t with_lessee(word_t seen, state_lessee lessee)
{
    word_t lessees = seen & STATE_LEASED;
    if (lessees == 0)
        return seen | (lessee.users_fence ? STATE_LEASED | STATE_USERS_FENCE : lessee.own);
    return lessees == lessee.own ? seen : seen | STATE_LEASED;
}

state_answer state_word_lease(state_word *word, state_lessee lessee)
{
    ASSERT((lessee.own & STATE_LEASED) == lessee.own && lessee.own != 0);
    word_t refusing = lessee.draining ? STATE_CLOSED : STATE_CLOSED | STATE_DRAINING;
    for (;;) {
        word_t seen = state_word_read(word);
        if ((seen & refusing) != 0)
            return STATE_TOO_LATE;
        if ((seen & STATE_HOLDS) == 0)
            return STATE_UNSET;
        word_t noted = with_lessee(seen, lessee);
        if (noted == seen)
            return STATE_DONE;
        CHECKPOINT("core.lease");
        /* Full: the slot was written before, and a close that comes after this sees both. */
        if (atomic_word_swap_if(&word->bits, seen, noted))
            return STATE_DONE;
    }
}

state_duty state_word_left(state_word *word)
{
    return last_left(word);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

state_answer state_word_publish(state_word *word)
{
    for (;;) {
        word_t seen = state_word_read(word);
        ASSERT(state_word_is_valid(seen));
        if ((seen & STATE_CLOSED) != 0)
            return STATE_TOO_LATE;
        CHECKPOINT("core.publish");
        /* Full covers the release that is needed: the raw value is written before HOLDS is. */
        if (atomic_word_swap_if(&word->bits, seen, seen | STATE_HOLDS))
            return STATE_DONE;
    }
}

state_answer state_word_join(state_word *word)
{
    for (int look = 0;; look++) {
        word_t seen = state_word_read(word);
        if ((seen & STATE_CLAIMED) != 0)
            return STATE_TOO_LATE;
        if ((seen & STATE_NEGATIVE) != 0) {
            CHECKPOINT("core.negative");
            if (look == LOOKS_BEFORE_GIVING_UP)
                return STATE_UNBALANCED;
            continue; /* for the one instruction of another thread that repairs it */
        }
        if ((seen & STATE_LIMIT) != 0)
            return STATE_AT_LIMIT;
        CHECKPOINT("core.join");
        /* Full covers the acquire of an add_ref. */
        if (atomic_word_swap_if(&word->bits, seen, seen + STATE_ONE))
            return STATE_DONE;
    }
}

bool state_word_leave_behind(state_word *word)
{
    /* Full: the look for leases that may follow comes after it. And release, as in drop_ref. */
    word_t seen = atomic_word_add_full(&word->bits, (word_t)0 - STATE_ONE);
    ASSERT(state_count(seen) > 0);
    return wants_release(seen - STATE_ONE);
}

void state_word_drain(state_word *word)
{
    (void)set_flag(word, STATE_DRAINING);
}

state_answer state_word_enter_draining(state_word *word)
{
    for (;;) {
        word_t seen = state_word_read(word);
        if ((seen & STATE_REFUSING) != STATE_DRAINING)
            return STATE_TOO_LATE;
        CHECKPOINT("core.enter-draining");
        /* Full covers the acquire of an add_ref. */
        if (atomic_word_swap_if(&word->bits, seen, seen + STATE_ONE))
            return STATE_DONE;
    }
}

void state_word_mark_leaked(state_word *word)
{
    (void)set_flag(word, STATE_LEAKED);
}
