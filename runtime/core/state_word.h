/* SPDX-License-Identifier: MIT */
/*
 * The state word: everything that decides when a handle may be released, in one machine word.
 *
 * Nothing here allocates, calls the OS, or knows what a handle is. Every operation is safe on any thread at the same
 * time as every other; the table below says what each does to each state. The rows are data: state_word_test.c drives
 * every one of them, and docs/state-machine.md is drawn from them (`./dev lint` fails when it differs).
 */
#ifndef CORE_STATE_WORD_H
#define CORE_STATE_WORD_H

#include "base/atomic.h"
#include <safehandle/contract.h>
#include <stdbool.h>

/*
 * Invariant (state_word_is_valid checks it): RELEASED ⇒ CLAIMED ⇒ CLOSED; INVALIDATED ⇒ CLOSED; FAILED ⇒ RELEASED.
 * CLAIMED is set at most once, by whoever then has the one right and duty to release; RELEASED is set by that one.
 */
typedef struct state_word {
    atomic_word bits;
} state_word;

enum {
    STATE_CLOSED = 1 << 0,      /* closing has begun: no new user */
    STATE_CLAIMED = 1 << 1,     /* somebody has the one right to release */
    STATE_RELEASED = 1 << 2,    /* the release has returned, or there was nothing to release */
    STATE_INVALIDATED = 1 << 3, /* the raw value is not ours to release */
    STATE_HOLDS = 1 << 4,       /* a raw value is stored */
    STATE_FAILED = 1 << 5,      /* the OS refused the release */
    STATE_PINNED = 1 << 6,      /* the count reached its limit: never released */
    STATE_LEAKED = 1 << 7,      /* found dead with references on it, and told so */
    STATE_DRAINING = 1 << 8,    /* its domain is unloaded: only finalizers are still admitted */
    STATE_COUNT_SHIFT = 9
};

#define STATE_FLAGS ((((word_t)1) << STATE_COUNT_SHIFT) - 1)
#define STATE_ONE (((word_t)1) << STATE_COUNT_SHIFT)
#define STATE_NEGATIVE (((word_t)1) << (sizeof(word_t) * 8 - 1)) /* an over-release that is being undone right now */
#define STATE_LIMIT (((word_t)1) << (sizeof(word_t) * 8 - 2))    /* the most references there can be */
#define STATE_COUNT_LIMIT (STATE_LIMIT >> STATE_COUNT_SHIFT)

/* What an entrant looks for: nothing of it, and it is in. */
#define STATE_REFUSING (STATE_CLOSED | STATE_DRAINING | STATE_PINNED | STATE_LIMIT | STATE_NEGATIVE)

typedef enum state_answer {
    STATE_DONE,      /* the operation had its effect */
    STATE_TOO_LATE,  /* no effect: closing, or the domain's unload, had begun before */
    STATE_AT_LIMIT,  /* no effect: no more references can be counted */
    STATE_SATURATED, /* the same, for the one entrant that pinned the word */
    STATE_UNBALANCED /* no effect: there was no reference to give back, or the count is spoilt by such a step */
} state_answer;

typedef struct state_result {
    state_answer answer;
    bool must_release; /* the caller now holds the one claim: it releases, then calls state_word_finish */
} state_result;

/*
 * ROW(operation, flags before, count before, answer, must_release, flags after, count after)
 *
 * "Entered and refused" is one row: a refused entrant adds its reference, sees the flag, and takes it back. Taking it
 * back can make it the last to leave (CLOSED, 0, not claimed: the true last user gave up because it saw the entrant).
 * That state lasts from the last user's step to its claim, or from leave_behind until somebody enters who may release;
 * it is in the table because entrants meet it.
 */
#define STATE_TRANSITIONS(ROW)                                                                                         \
    ROW(add_ref, 0, 0, STATE_DONE, false, 0, 1)                                                                        \
    ROW(add_ref, HOLDS, 0, STATE_DONE, false, HOLDS, 1)                                                                \
    ROW(add_ref, HOLDS, 1, STATE_DONE, false, HOLDS, 2)                                                                \
    ROW(add_ref, HOLDS, LIMIT - 1, STATE_DONE, false, HOLDS, LIMIT)                                                    \
    ROW(add_ref, HOLDS, LIMIT, STATE_SATURATED, false, HOLDS | PINNED, LIMIT)                                          \
    ROW(add_ref, HOLDS | PINNED, LIMIT, STATE_AT_LIMIT, false, HOLDS | PINNED, LIMIT)                                  \
    ROW(add_ref, HOLDS | PINNED, 0, STATE_AT_LIMIT, false, HOLDS | PINNED, 0)                                          \
    ROW(add_ref, HOLDS | DRAINING, 0, STATE_TOO_LATE, false, HOLDS | DRAINING, 0)                                      \
    ROW(add_ref, HOLDS | DRAINING, 1, STATE_TOO_LATE, false, HOLDS | DRAINING, 1)                                      \
    ROW(add_ref, HOLDS | DRAINING | CLOSED, 0, STATE_TOO_LATE, true, HOLDS | DRAINING | CLOSED | CLAIMED, 0)           \
    ROW(add_ref, HOLDS | CLOSED, 1, STATE_TOO_LATE, false, HOLDS | CLOSED, 1)                                          \
    ROW(add_ref, HOLDS | CLOSED, 0, STATE_TOO_LATE, true, HOLDS | CLOSED | CLAIMED, 0)                                 \
    ROW(add_ref, HOLDS | CLOSED | PINNED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | PINNED, 0)                        \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0)                      \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED | RELEASED,   \
        0)                                                                                                             \
    ROW(enter_draining, HOLDS | DRAINING, 0, STATE_DONE, false, HOLDS | DRAINING, 1)                                   \
    ROW(enter_draining, HOLDS | DRAINING, LIMIT, STATE_TOO_LATE, false, HOLDS | DRAINING, LIMIT)                       \
    ROW(enter_draining, HOLDS | DRAINING | PINNED, 1, STATE_TOO_LATE, false, HOLDS | DRAINING | PINNED, 1)             \
    ROW(enter_draining, HOLDS | DRAINING | CLOSED, 1, STATE_TOO_LATE, false, HOLDS | DRAINING | CLOSED, 1)             \
    ROW(enter_draining, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0)               \
    ROW(enter_draining, HOLDS, 0, STATE_TOO_LATE, false, HOLDS, 0)                                                     \
    ROW(drop_ref, HOLDS, 2, STATE_DONE, false, HOLDS, 1)                                                               \
    ROW(drop_ref, HOLDS, 1, STATE_DONE, false, HOLDS, 0)                                                               \
    ROW(drop_ref, 0, 1, STATE_DONE, false, 0, 0)                                                                       \
    ROW(drop_ref, HOLDS | DRAINING, 1, STATE_DONE, false, HOLDS | DRAINING, 0)                                         \
    ROW(drop_ref, HOLDS | PINNED, LIMIT, STATE_DONE, false, HOLDS | PINNED, LIMIT - 1)                                 \
    ROW(drop_ref, HOLDS | CLOSED | PINNED, 1, STATE_DONE, false, HOLDS | CLOSED | PINNED, 0)                           \
    ROW(drop_ref, HOLDS | CLOSED, 2, STATE_DONE, false, HOLDS | CLOSED, 1)                                             \
    ROW(drop_ref, HOLDS | CLOSED, 1, STATE_DONE, true, HOLDS | CLOSED | CLAIMED, 0)                                    \
    ROW(drop_ref, HOLDS | CLOSED | LEAKED, 1, STATE_DONE, true, HOLDS | CLOSED | LEAKED | CLAIMED, 0)                  \
    ROW(drop_ref, HOLDS, 0, STATE_UNBALANCED, false, HOLDS, 0)                                                         \
    ROW(drop_ref, HOLDS | CLOSED, 0, STATE_UNBALANCED, true, HOLDS | CLOSED | CLAIMED, 0)                              \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED, 0, STATE_UNBALANCED, false, HOLDS | CLOSED | CLAIMED, 0)                   \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_UNBALANCED, false,                                     \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(begin_close, 0, 0, STATE_DONE, true, CLOSED | CLAIMED, 0)                                                      \
    ROW(begin_close, 0, 1, STATE_DONE, false, CLOSED, 1)                                                               \
    ROW(begin_close, HOLDS, 0, STATE_DONE, true, HOLDS | CLOSED | CLAIMED, 0)                                          \
    ROW(begin_close, HOLDS, 1, STATE_DONE, false, HOLDS | CLOSED, 1)                                                   \
    ROW(begin_close, HOLDS | DRAINING, 0, STATE_DONE, true, HOLDS | DRAINING | CLOSED | CLAIMED, 0)                    \
    ROW(begin_close, HOLDS | DRAINING, 1, STATE_DONE, false, HOLDS | DRAINING | CLOSED, 1)                             \
    ROW(begin_close, HOLDS | PINNED, 0, STATE_DONE, false, HOLDS | CLOSED | PINNED, 0)                                 \
    ROW(begin_close, HOLDS | CLOSED, 1, STATE_TOO_LATE, false, HOLDS | CLOSED, 1)                                      \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0)                  \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, false,                                    \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(invalidate, HOLDS, 0, STATE_DONE, true, HOLDS | CLOSED | INVALIDATED | CLAIMED, 0)                             \
    ROW(invalidate, HOLDS, 1, STATE_DONE, false, HOLDS | CLOSED | INVALIDATED, 1)                                      \
    ROW(invalidate, HOLDS | PINNED, 0, STATE_DONE, false, HOLDS | PINNED | CLOSED | INVALIDATED, 0)                    \
    ROW(invalidate, HOLDS | CLOSED, 1, STATE_DONE, false, HOLDS | CLOSED | INVALIDATED, 1)                             \
    ROW(invalidate, HOLDS | CLOSED | INVALIDATED, 1, STATE_DONE, false, HOLDS | CLOSED | INVALIDATED, 1)               \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0)                   \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, false,                                     \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(publish, 0, 0, STATE_DONE, false, HOLDS, 0)                                                                    \
    ROW(publish, 0, 1, STATE_DONE, false, HOLDS, 1)                                                                    \
    ROW(publish, DRAINING, 0, STATE_DONE, false, HOLDS | DRAINING, 0)                                                  \
    ROW(publish, CLOSED, 1, STATE_TOO_LATE, false, CLOSED, 1)                                                          \
    ROW(publish, CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, false, CLOSED | CLAIMED | RELEASED, 0)                \
    ROW(join, HOLDS | CLOSED, 1, STATE_DONE, false, HOLDS | CLOSED, 2)                                                 \
    ROW(join, HOLDS | CLOSED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED, 0)                                             \
    ROW(join, HOLDS | CLOSED, LIMIT, STATE_TOO_LATE, false, HOLDS | CLOSED, LIMIT)                                     \
    ROW(join, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0)                         \
    ROW(join, HOLDS | CLOSED | CLAIMED, 1, STATE_TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 1)                         \
    ROW(leave_behind, HOLDS | CLOSED, 2, STATE_DONE, false, HOLDS | CLOSED, 1)                                         \
    ROW(leave_behind, HOLDS | CLOSED, 1, STATE_DONE, false, HOLDS | CLOSED, 0)                                         \
    ROW(drain, 0, 0, STATE_DONE, false, DRAINING, 0)                                                                   \
    ROW(drain, HOLDS, 0, STATE_DONE, false, HOLDS | DRAINING, 0)                                                       \
    ROW(drain, HOLDS, 1, STATE_DONE, false, HOLDS | DRAINING, 1)                                                       \
    ROW(drain, HOLDS | DRAINING, 1, STATE_DONE, false, HOLDS | DRAINING, 1)                                            \
    ROW(drain, HOLDS | CLOSED, 1, STATE_DONE, false, HOLDS | CLOSED | DRAINING, 1)                                     \
    ROW(finish_well, HOLDS | CLOSED | CLAIMED, 0, STATE_DONE, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0)           \
    ROW(finish_failed, HOLDS | CLOSED | CLAIMED, 0, STATE_DONE, false, HOLDS | CLOSED | CLAIMED | RELEASED | FAILED,   \
        0)                                                                                                             \
    ROW(mark_leaked, HOLDS | CLOSED, 1, STATE_DONE, false, HOLDS | CLOSED | LEAKED, 1)                                 \
    ROW(mark_leaked, HOLDS | CLOSED | LEAKED, 1, STATE_DONE, false, HOLDS | CLOSED | LEAKED, 1)

static inline word_t state_count(word_t bits)
{
    return bits >> STATE_COUNT_SHIFT;
}

SH_RELIABILITY(will_not_corrupt_state, success)
bool state_word_is_valid(word_t bits);

/* Release: an unload may meet the handle at once, and then sees it whole. */
static inline void state_word_init(state_word *word)
{
    atomic_word_store_release(&word->bits, 0);
}

/* A word that no handle uses yet: it has ended, so that everybody passes over it, and tells itself from one that did
 * end, since a pinned word is never claimed. state_word_init makes it one that is used. */
#define STATE_BLANK ((word_t)(STATE_CLOSED | STATE_CLAIMED | STATE_RELEASED | STATE_PINNED))

static inline bool state_is_blank(word_t bits)
{
    word_t both = STATE_CLAIMED | STATE_PINNED;
    return (bits & both) == both;
}

static inline void state_word_init_blank(state_word *word)
{
    atomic_word_store_release(&word->bits, STATE_BLANK); /* release: as state_word_init */
}

/* Acquire: whoever sees HOLDS also sees the raw value that was stored before it. */
static inline word_t state_word_read(const state_word *word)
{
    return atomic_word_load_acquire(&word->bits);
}

/* The rest of add_ref, for an entrant that saw a reason to be refused. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_refuse(state_word *word, word_t seen);

/*
 * Takes a reference: one fetch-and-add and a test. Acquire, so that nothing the user does with the raw value can move
 * before the moment from which it is safe.
 */
static inline state_result state_word_add_ref(state_word *word)
{
    word_t seen = atomic_word_add_acquire(&word->bits, STATE_ONE);
    if (__builtin_expect((seen & STATE_REFUSING) == 0, 1))
        return (state_result){STATE_DONE, false};
    return state_word_refuse(word, seen);
}

/* The rest of drop_ref, for whoever left a word that was closed, or had no reference to give back. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_leave(state_word *word, word_t seen);

/*
 * Gives a reference back: one fetch-and-add and a test. Release, so that all the user did with the raw value comes
 * before the release; the claim that follows the last one acquires it.
 */
static inline state_result state_word_drop_ref(state_word *word)
{
    word_t seen = atomic_word_add_release(&word->bits, (word_t)0 - STATE_ONE);
    if (__builtin_expect((seen & (STATE_CLOSED | STATE_NEGATIVE)) == 0 && seen >= STATE_ONE, 1))
        return (state_result){STATE_DONE, false};
    return state_word_leave(word, seen);
}

/* STATE_DONE for the one call that began the closing, whether or not it also has to release. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_begin_close(state_word *word);

/* Closed from now on, and the raw value never released. must_release means: nothing is left but to call finish. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_invalidate(state_word *word);

/* The raw value is stored. STATE_TOO_LATE: closing had begun, nobody will ever release it, the caller must. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_publish(state_word *word);

/* Takes a reference on a closed word beside those that are on it, so that a waiter may touch the raw value: STATE_DONE.
 * STATE_TOO_LATE: nobody else uses it. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_join(state_word *word);

/* drop_ref for whoever joined and must not release, since that may take long. True: nobody is left, and nobody has the
 * claim; somebody else has to be sent who enters and is refused. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool state_word_leave_behind(state_word *word);

/* Its domain is unloaded: new users are refused from now on. Those that are in stay. */
void state_word_drain(state_word *word);

/* add_ref for a finalizer of the domain that is unloaded: STATE_DONE where the word is draining and not closed yet.
 * STATE_TOO_LATE: it is not, or no more references can be counted. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_enter_draining(state_word *word);

/* For whoever had must_release, once, as the last touch of the word. */
SH_RELIABILITY(will_not_corrupt_state, success)
void state_word_finish(state_word *word, bool failed);

/* Found dead with references on it, and told so. */
SH_RELIABILITY(will_not_corrupt_state, success)
void state_word_mark_leaked(state_word *word);

#endif
