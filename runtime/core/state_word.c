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
    return (!released || claimed) && (!claimed || closed) && (!invalidated || closed) && (!failed || released);
}

/* Closed, unused, unclaimed and not pinned: whoever brings this about has to claim. */
static bool wants_release(word_t bits)
{
    return (bits & (STATE_CLOSED | STATE_CLAIMED | STATE_PINNED)) == STATE_CLOSED && state_count(bits) == 0;
}

/*
 * Every step that takes the last reference off ends here. Of all that see the word closed and unused, one
 * compare-and-swap succeeds. It gives up when a refused entrant stands in the way: that entrant will leave through
 * here, too.
 */
static bool claim_if_last(state_word *word)
{
    word_t seen = state_word_read(word);
    while (wants_release(seen)) {
        CHECKPOINT("core.claim");
        /* Full: what every user did before its drop_ref comes before the release that this claim allows. */
        if (atomic_word_swap_if(&word->bits, seen, seen | STATE_CLAIMED))
            return true;
        seen = state_word_read(word);
    }
    return false;
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
static bool retreat(state_word *word, word_t seen)
{
    if ((seen & STATE_NEGATIVE) == 0)
        return state_word_drop_ref(word).must_release;
    /* Release, as in drop_ref. */
    (void)atomic_word_add_release(&word->bits, (word_t)0 - STATE_ONE);
    return claim_if_last(word);
}

/* Somebody's over-release is being undone: until then the count does not count. Steps back, waits for that one
 * instruction of the other thread, and enters again. Bounded, so that a word spoilt by several over-releases at once
 * refuses its users instead of hanging them. */
static state_result enter_after_repair(state_word *word, word_t seen)
{
    if (retreat(word, seen))
        return (state_result){STATE_TOO_LATE, true};
    for (int look = 0; look < LOOKS_BEFORE_GIVING_UP; look++) {
        CHECKPOINT("core.negative");
        if ((state_word_read(word) & STATE_NEGATIVE) == 0)
            return state_word_add_ref(word);
    }
    return (state_result){STATE_UNBALANCED, false};
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
        return (state_result){STATE_DONE, false};
    }
    return (state_result){answer, claim_if_last(word)};
}

state_result state_word_begin_close(state_word *word)
{
    for (;;) {
        word_t seen = state_word_read(word);
        ASSERT(state_word_is_valid(seen));
        if ((seen & STATE_CLOSED) != 0)
            return (state_result){STATE_TOO_LATE, false};
        word_t closed = seen | STATE_CLOSED;
        if (wants_release(closed))
            closed |= STATE_CLAIMED;
        CHECKPOINT("core.close");
        /* Full: acquires what earlier users did, and no later step of ours can be seen before the refusal begins. */
        if (atomic_word_swap_if(&word->bits, seen, closed))
            return (state_result){STATE_DONE, (closed & STATE_CLAIMED) != 0};
    }
}

state_result state_word_invalidate(state_word *word)
{
    for (;;) {
        word_t seen = state_word_read(word);
        ASSERT(state_word_is_valid(seen));
        if ((seen & STATE_CLAIMED) != 0)
            return (state_result){STATE_TOO_LATE, false};
        word_t invalidated = seen | STATE_CLOSED | STATE_INVALIDATED;
        if (wants_release(invalidated))
            invalidated |= STATE_CLAIMED;
        CHECKPOINT("core.invalidate");
        /* Full, as in begin_close. */
        if (atomic_word_swap_if(&word->bits, seen, invalidated))
            return (state_result){STATE_DONE, (invalidated & STATE_CLAIMED) != 0};
    }
}

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
    for (;;) {
        word_t seen = state_word_read(word);
        /* A count that is not 0 is not enough: it may be a refused entrant's, on a word that is claimed. */
        if (seen < STATE_ONE || (seen & (STATE_CLAIMED | STATE_LIMIT | STATE_NEGATIVE)) != 0)
            return STATE_TOO_LATE;
        CHECKPOINT("core.join");
        /* Full covers the acquire of an add_ref. */
        if (atomic_word_swap_if(&word->bits, seen, seen + STATE_ONE))
            return STATE_DONE;
    }
}

bool state_word_leave_behind(state_word *word)
{
    /* Release, as in drop_ref: the claim of whoever is sent acquires it. */
    word_t seen = atomic_word_add_release(&word->bits, (word_t)0 - STATE_ONE);
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

void state_word_finish(state_word *word, bool failed)
{
    /* The claimer alone sets these two bits, and they were 0, so adding is setting. Full: whoever sees RELEASED sees
     * what the release did, and a look for waiters that follows comes after it. */
    word_t seen = atomic_word_add_full(&word->bits, failed ? STATE_RELEASED | STATE_FAILED : STATE_RELEASED);
    ASSERT(state_word_is_valid(seen) && (seen & (STATE_CLAIMED | STATE_RELEASED)) == STATE_CLAIMED);
    (void)seen;
}

void state_word_mark_leaked(state_word *word)
{
    (void)set_flag(word, STATE_LEAKED);
}
