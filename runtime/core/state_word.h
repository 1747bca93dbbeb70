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

#include "base/assert.h"
#include "base/atomic.h"
#include <safehandle/contract.h>
#include <stdbool.h>

/*
 * Flags in bits 0 to 15, who has leased it in bits 16 to 31, the count of references above. Leases are not counted: a
 * lease is a slot of its thread that names the handle (thread/lease_slots.h), and docs/leases.md says how the two meet.
 *
 * Invariant (state_word_is_valid checks it): RELEASED ⇒ CLAIMED ⇒ CLOSED; INVALIDATED ⇒ CLOSED; FAILED ⇒ RELEASED;
 * FENCED ⇒ CLOSED or DRAINING; CLAIMED and leased before ⇒ FENCED. CLAIMED is set at most once, by whoever then has the
 * one right and duty to release; RELEASED is set by that one. The lessees change no more once CLOSED is set.
 */
typedef struct state_word {
    atomic_word bits;
} state_word;

enum {
    STATE_CLOSED = 1 << 0,       /* closing has begun: no new user */
    STATE_CLAIMED = 1 << 1,      /* somebody has the one right to release */
    STATE_RELEASED = 1 << 2,     /* the release has returned, or there was nothing to release */
    STATE_INVALIDATED = 1 << 3,  /* the raw value is not ours to release */
    STATE_HOLDS = 1 << 4,        /* a raw value is stored */
    STATE_FAILED = 1 << 5,       /* the OS refused the release */
    STATE_PINNED = 1 << 6,       /* the count reached its limit: never released */
    STATE_LEAKED = 1 << 7,       /* found dead with references on it, and told so */
    STATE_DRAINING = 1 << 8,     /* its domain is unloaded: only finalizers are still admitted */
    STATE_FENCED = 1 << 9,       /* a barrier lies behind the refusal: who holds a lease is seen by who looks */
    STATE_USERS_FENCE = 1 << 10, /* there is no barrier: who begins or ends a lease fences */
    STATE_LESSEE_SHIFT = 16,
    STATE_COUNT_SHIFT = 32
};
_Static_assert(sizeof(word_t) == 8, "flags, lessees and count need 64 bits");

#define STATE_FLAGS ((word_t)STATE_USERS_FENCE * 2 - 1)

/* The lessees: 0, nobody yet; a thread's number, that thread alone; STATE_LEASED, several threads. In their place. */
#define STATE_LEASED ((word_t)0xFFFF << STATE_LESSEE_SHIFT)
#define STATE_ONE (((word_t)1) << STATE_COUNT_SHIFT)
#define STATE_NEGATIVE (((word_t)1) << (sizeof(word_t) * 8 - 1)) /* an over-release that is being undone right now */
#define STATE_LIMIT (((word_t)1) << (sizeof(word_t) * 8 - 2))    /* the most references there can be */
#define STATE_COUNT_LIMIT (STATE_LIMIT >> STATE_COUNT_SHIFT)

/* What an entrant looks for: nothing of it, and it is in. */
#define STATE_REFUSING (STATE_CLOSED | STATE_DRAINING | STATE_PINNED | STATE_LIMIT | STATE_NEGATIVE)

typedef enum state_answer {
    STATE_DONE,       /* the operation had its effect */
    STATE_TOO_LATE,   /* no effect: closing, or the domain's unload, had begun before */
    STATE_AT_LIMIT,   /* no effect: no more references can be counted */
    STATE_SATURATED,  /* the same, for the one entrant that pinned the word */
    STATE_UNBALANCED, /* no effect: there was no reference to give back, or the count is spoilt by such a step */
    STATE_UNSET       /* no effect: no raw value is stored */
} state_answer;

/* What is left to the caller. */
typedef enum state_duty {
    STATE_NOTHING,
    STATE_RELEASE, /* it holds the one claim: it releases, then calls state_word_finish */
    STATE_LOOK,    /* nobody is counted: it looks for leases, and where there are none calls state_word_claim */
    STATE_FENCE    /* leases may be unseen: after a barrier it calls state_word_fenced, which may answer STATE_LOOK */
} state_duty;

typedef struct state_result {
    state_answer answer;
    state_duty duty;
} state_result;

/*
 * ROW(operation, flags before, count before, answer, duty, flags after, count after)
 *
 * LEASED stands for the lessees: several threads. begin_close_alone is begin_close by the only thread that leased it.
 *
 * "Entered and refused" is one row: a refused entrant adds its reference, sees the flag, and takes it back. Taking it
 * back can make it the last to leave (CLOSED, 0, not claimed: the true last user gave up because it saw the entrant).
 * That state lasts from the last user's step to its claim, or from leave_behind until somebody enters who may release;
 * it is in the table because entrants meet it.
 */
#define STATE_TRANSITIONS(ROW)                                                                                         \
    ROW(add_ref, 0, 0, STATE_DONE, STATE_NOTHING, 0, 1)                                                                \
    ROW(add_ref, HOLDS, 0, STATE_DONE, STATE_NOTHING, HOLDS, 1)                                                        \
    ROW(add_ref, HOLDS, 1, STATE_DONE, STATE_NOTHING, HOLDS, 2)                                                        \
    ROW(add_ref, HOLDS, LIMIT - 1, STATE_DONE, STATE_NOTHING, HOLDS, LIMIT)                                            \
    ROW(add_ref, HOLDS, LIMIT, STATE_SATURATED, STATE_NOTHING, HOLDS | PINNED, LIMIT)                                  \
    ROW(add_ref, HOLDS | PINNED, LIMIT, STATE_AT_LIMIT, STATE_NOTHING, HOLDS | PINNED, LIMIT)                          \
    ROW(add_ref, HOLDS | PINNED, 0, STATE_AT_LIMIT, STATE_NOTHING, HOLDS | PINNED, 0)                                  \
    ROW(add_ref, HOLDS | DRAINING, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING, 0)                              \
    ROW(add_ref, HOLDS | DRAINING, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING, 1)                              \
    ROW(add_ref, HOLDS | DRAINING | CLOSED, 0, STATE_TOO_LATE, STATE_RELEASE, HOLDS | DRAINING | CLOSED | CLAIMED, 0)  \
    ROW(add_ref, HOLDS | CLOSED, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED, 1)                                  \
    ROW(add_ref, HOLDS | CLOSED, 0, STATE_TOO_LATE, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, 0)                        \
    ROW(add_ref, HOLDS | CLOSED | PINNED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | PINNED, 0)                \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)              \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, STATE_NOTHING,                                \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(add_ref, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_TOO_LATE, STATE_LOOK, HOLDS | LEASED | CLOSED | FENCED, 0) \
    ROW(enter_draining, HOLDS | DRAINING, 0, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 1)                           \
    ROW(enter_draining, HOLDS | DRAINING, LIMIT, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING, LIMIT)               \
    ROW(enter_draining, HOLDS | DRAINING | PINNED, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING | PINNED, 1)     \
    ROW(enter_draining, HOLDS | DRAINING | CLOSED, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING | CLOSED, 1)     \
    ROW(enter_draining, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)       \
    ROW(enter_draining, HOLDS, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS, 0)                                             \
    ROW(drop_ref, HOLDS, 2, STATE_DONE, STATE_NOTHING, HOLDS, 1)                                                       \
    ROW(drop_ref, HOLDS, 1, STATE_DONE, STATE_NOTHING, HOLDS, 0)                                                       \
    ROW(drop_ref, 0, 1, STATE_DONE, STATE_NOTHING, 0, 0)                                                               \
    ROW(drop_ref, HOLDS | DRAINING, 1, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 0)                                 \
    ROW(drop_ref, HOLDS | PINNED, LIMIT, STATE_DONE, STATE_NOTHING, HOLDS | PINNED, LIMIT - 1)                         \
    ROW(drop_ref, HOLDS | CLOSED | PINNED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | PINNED, 0)                   \
    ROW(drop_ref, HOLDS | CLOSED, 2, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 1)                                     \
    ROW(drop_ref, HOLDS | CLOSED, 1, STATE_DONE, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, 0)                           \
    ROW(drop_ref, HOLDS | CLOSED | LEAKED, 1, STATE_DONE, STATE_RELEASE, HOLDS | CLOSED | LEAKED | CLAIMED, 0)         \
    ROW(drop_ref, HOLDS, 0, STATE_UNBALANCED, STATE_NOTHING, HOLDS, 0)                                                 \
    ROW(drop_ref, HOLDS | CLOSED, 0, STATE_UNBALANCED, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, 0)                     \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED, 0, STATE_UNBALANCED, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)           \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_UNBALANCED, STATE_NOTHING,                             \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(drop_ref, HOLDS | LEASED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED, 0)                                     \
    ROW(drop_ref, HOLDS | LEASED | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED, 0)                   \
    ROW(drop_ref, HOLDS | LEASED | CLOSED | FENCED, 1, STATE_DONE, STATE_LOOK, HOLDS | LEASED | CLOSED | FENCED, 0)    \
    ROW(begin_close, 0, 0, STATE_DONE, STATE_RELEASE, CLOSED | CLAIMED, 0)                                             \
    ROW(begin_close, 0, 1, STATE_DONE, STATE_NOTHING, CLOSED, 1)                                                       \
    ROW(begin_close, HOLDS, 0, STATE_DONE, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, 0)                                 \
    ROW(begin_close, HOLDS, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 1)                                           \
    ROW(begin_close, HOLDS | DRAINING, 0, STATE_DONE, STATE_RELEASE, HOLDS | DRAINING | CLOSED | CLAIMED, 0)           \
    ROW(begin_close, HOLDS | DRAINING, 1, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING | CLOSED, 1)                     \
    ROW(begin_close, HOLDS | PINNED, 0, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | PINNED, 0)                         \
    ROW(begin_close, HOLDS | CLOSED, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED, 1)                              \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)          \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, STATE_NOTHING,                            \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(begin_close, HOLDS | LEASED, 0, STATE_DONE, STATE_FENCE, HOLDS | LEASED | CLOSED, 0)                           \
    ROW(begin_close, HOLDS | LEASED, 1, STATE_DONE, STATE_FENCE, HOLDS | LEASED | CLOSED, 1)                           \
    ROW(begin_close, HOLDS | LEASED | USERS_FENCE, 0, STATE_DONE, STATE_LOOK,                                          \
        HOLDS | LEASED | USERS_FENCE | CLOSED | FENCED, 0)                                                             \
    ROW(begin_close, HOLDS | LEASED | USERS_FENCE, 1, STATE_DONE, STATE_NOTHING,                                       \
        HOLDS | LEASED | USERS_FENCE | CLOSED | FENCED, 1)                                                             \
    ROW(begin_close, HOLDS | LEASED | DRAINING | FENCED, 0, STATE_DONE, STATE_LOOK,                                    \
        HOLDS | LEASED | DRAINING | FENCED | CLOSED, 0)                                                                \
    ROW(begin_close, HOLDS | LEASED | CLOSED, 0, STATE_TOO_LATE, STATE_FENCE, HOLDS | LEASED | CLOSED, 0)              \
    ROW(begin_close, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_TOO_LATE, STATE_NOTHING,                               \
        HOLDS | LEASED | CLOSED | FENCED, 0)                                                                           \
    ROW(begin_close_alone, HOLDS | LEASED, 0, STATE_DONE, STATE_LOOK, HOLDS | LEASED | CLOSED | FENCED, 0)             \
    ROW(begin_close_alone, HOLDS | LEASED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED | FENCED, 1)          \
    ROW(begin_close_alone, 0, 0, STATE_DONE, STATE_RELEASE, CLOSED | CLAIMED, 0)                                       \
    ROW(fenced, HOLDS | LEASED | CLOSED, 0, STATE_DONE, STATE_LOOK, HOLDS | LEASED | CLOSED | FENCED, 0)               \
    ROW(fenced, HOLDS | LEASED | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED | FENCED, 1)            \
    ROW(fenced, HOLDS | LEASED | DRAINING, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | DRAINING | FENCED, 0)        \
    ROW(claim, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_DONE, STATE_RELEASE,                                         \
        HOLDS | LEASED | CLOSED | FENCED | CLAIMED, 0)                                                                 \
    ROW(claim, HOLDS | LEASED | CLOSED | FENCED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED | FENCED, 1)    \
    ROW(claim, HOLDS | LEASED | CLOSED | FENCED | CLAIMED, 0, STATE_DONE, STATE_NOTHING,                               \
        HOLDS | LEASED | CLOSED | FENCED | CLAIMED, 0)                                                                 \
    ROW(invalidate, HOLDS, 0, STATE_DONE, STATE_RELEASE, HOLDS | CLOSED | INVALIDATED | CLAIMED, 0)                    \
    ROW(invalidate, HOLDS, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | INVALIDATED, 1)                              \
    ROW(invalidate, HOLDS | PINNED, 0, STATE_DONE, STATE_NOTHING, HOLDS | PINNED | CLOSED | INVALIDATED, 0)            \
    ROW(invalidate, HOLDS | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | INVALIDATED, 1)                     \
    ROW(invalidate, HOLDS | CLOSED | INVALIDATED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | INVALIDATED, 1)       \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)           \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, STATE_NOTHING,                             \
        HOLDS | CLOSED | CLAIMED | RELEASED, 0)                                                                        \
    ROW(invalidate, HOLDS | LEASED, 0, STATE_DONE, STATE_FENCE, HOLDS | LEASED | CLOSED | INVALIDATED, 0)              \
    ROW(invalidate, HOLDS | LEASED | CLOSED, 0, STATE_DONE, STATE_FENCE, HOLDS | LEASED | CLOSED | INVALIDATED, 0)     \
    ROW(invalidate, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_DONE, STATE_LOOK,                                       \
        HOLDS | LEASED | CLOSED | FENCED | INVALIDATED, 0)                                                             \
    ROW(publish, 0, 0, STATE_DONE, STATE_NOTHING, HOLDS, 0)                                                            \
    ROW(publish, 0, 1, STATE_DONE, STATE_NOTHING, HOLDS, 1)                                                            \
    ROW(publish, DRAINING, 0, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 0)                                          \
    ROW(publish, CLOSED, 1, STATE_TOO_LATE, STATE_NOTHING, CLOSED, 1)                                                  \
    ROW(publish, CLOSED | CLAIMED | RELEASED, 0, STATE_TOO_LATE, STATE_NOTHING, CLOSED | CLAIMED | RELEASED, 0)        \
    ROW(join, HOLDS | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 2)                                         \
    ROW(join, HOLDS | CLOSED, LIMIT, STATE_AT_LIMIT, STATE_NOTHING, HOLDS | CLOSED, LIMIT)                             \
    ROW(join, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)                 \
    ROW(join, HOLDS | CLOSED | CLAIMED, 1, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 1)                 \
    ROW(join, HOLDS | CLOSED, 0, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 1)                                         \
    ROW(join, HOLDS | LEASED, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED, 1)                                         \
    ROW(join, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED | FENCED, 1)     \
    ROW(leave_behind, HOLDS | CLOSED, 2, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 1)                                 \
    ROW(leave_behind, HOLDS | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 0)                                 \
    ROW(lease, HOLDS, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED, 0)                                                 \
    ROW(lease, HOLDS | LEASED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED, 1)                                        \
    ROW(lease, HOLDS | PINNED, 0, STATE_DONE, STATE_NOTHING, HOLDS | PINNED | LEASED, 0)                               \
    ROW(lease, 0, 0, STATE_UNSET, STATE_NOTHING, 0, 0)                                                                 \
    ROW(lease, HOLDS | DRAINING, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING, 0)                                \
    ROW(lease, HOLDS | LEASED | CLOSED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | LEASED | CLOSED, 0)                  \
    ROW(lease, HOLDS | CLOSED | CLAIMED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED, 0)                \
    ROW(lease_draining, HOLDS | DRAINING, 0, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING | LEASED, 0)                  \
    ROW(lease_draining, HOLDS | DRAINING | CLOSED, 0, STATE_TOO_LATE, STATE_NOTHING, HOLDS | DRAINING | CLOSED, 0)     \
    ROW(left, HOLDS | LEASED, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED, 0)                                         \
    ROW(left, HOLDS | LEASED | CLOSED, 0, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED, 0)                       \
    ROW(left, HOLDS | LEASED | CLOSED | FENCED, 0, STATE_DONE, STATE_LOOK, HOLDS | LEASED | CLOSED | FENCED, 0)        \
    ROW(left, HOLDS | LEASED | CLOSED | FENCED, 1, STATE_DONE, STATE_NOTHING, HOLDS | LEASED | CLOSED | FENCED, 1)     \
    ROW(left, HOLDS | CLOSED, 0, STATE_DONE, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, 0)                               \
    ROW(forget_lessees, HOLDS | LEASED, 0, STATE_DONE, STATE_NOTHING, HOLDS, 0)                                        \
    ROW(forget_lessees, HOLDS | LEASED | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED, 1)                      \
    ROW(drain, 0, 0, STATE_DONE, STATE_NOTHING, DRAINING, 0)                                                           \
    ROW(drain, HOLDS, 0, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 0)                                               \
    ROW(drain, HOLDS, 1, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 1)                                               \
    ROW(drain, HOLDS | DRAINING, 1, STATE_DONE, STATE_NOTHING, HOLDS | DRAINING, 1)                                    \
    ROW(drain, HOLDS | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | DRAINING, 1)                             \
    ROW(finish_well, HOLDS | CLOSED | CLAIMED, 0, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | CLAIMED | RELEASED, 0)   \
    ROW(finish_failed, HOLDS | CLOSED | CLAIMED, 0, STATE_DONE, STATE_NOTHING,                                         \
        HOLDS | CLOSED | CLAIMED | RELEASED | FAILED, 0)                                                               \
    ROW(mark_leaked, HOLDS | CLOSED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | LEAKED, 1)                         \
    ROW(mark_leaked, HOLDS | CLOSED | LEAKED, 1, STATE_DONE, STATE_NOTHING, HOLDS | CLOSED | LEAKED, 1)

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

/* The same with the raw value stored, where nobody else has seen the word in use. Release: publish's. */
static inline void state_word_init_holding(state_word *word)
{
    atomic_word_store_release(&word->bits, STATE_HOLDS);
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
        return (state_result){STATE_DONE, STATE_NOTHING};
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
        return (state_result){STATE_DONE, STATE_NOTHING};
    return state_word_leave(word, seen);
}

/* STATE_DONE for the one call that began the closing, whatever is left to do. own: the calling thread as a lessee, in
 * its place, or 0. STATE_FENCE also for who comes later, while the barrier is still missing: whoever began may be gone
 * (a fork), and a second one does no harm. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_begin_close(state_word *word, word_t own);

/* Closed from now on, and the raw value never released: who has to release only calls finish. own: as above. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_result state_word_invalidate(state_word *word, word_t own);

/* A barrier lies behind the refusal of new users. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_duty state_word_fenced(state_word *word);

/* For whoever looked, and found no lease: true for the one who may release. False: a counted user is in, or somebody
 * else was first. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool state_word_claim(state_word *word);

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/*
 * Notes who leases. The caller has written its slot and fenced. own: as in begin_close, not 0; users_fence: there is no
 * barrier; draining: it may enter while the domain is unloaded. STATE_DONE, STATE_TOO_LATE or STATE_UNSET; refused, the
 * caller clears its slot and leaves.
 */
typedef struct state_lessee {
    word_t own;
    bool users_fence;
    bool draining;
} state_lessee;

SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_lease(state_word *word, state_lessee lessee);

/* For whoever has cleared its slot and then fenced fully. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_duty state_word_left(state_word *word);

/* Where the world has stopped, and nothing reaches the handle: nobody leases it, and whoever does from here on says so
 * anew. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline void state_word_forget_lessees(state_word *word)
{
    /* Nobody else writes while the world has stopped: one try is enough. */
    word_t seen = state_word_read(word);
    if ((seen & STATE_LEASED) != 0)
        (void)atomic_word_swap_if(&word->bits, seen, seen & ~STATE_LEASED);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* The raw value is stored. STATE_TOO_LATE: closing had begun, nobody will ever release it, the caller must. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_publish(state_word *word);

/* Takes a reference for somebody who need not be admitted: a lessee who detaches, or a waiter who touches the raw value
 * of a closed word. STATE_DONE; STATE_TOO_LATE: the release has begun; STATE_AT_LIMIT; STATE_UNBALANCED: the count is
 * spoilt. */
SH_RELIABILITY(will_not_corrupt_state, success)
state_answer state_word_join(state_word *word);

/* drop_ref for whoever joined and must not release, since that may take long. True: nobody who is counted is left, and
 * nobody has the claim; where there are no leases, somebody else has to be sent who enters and is refused. */
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
static inline void state_word_finish(state_word *word, bool failed)
{
    /* The claimer alone sets these two bits, and they were 0, so adding is setting. Full: whoever sees RELEASED sees
     * what the release did, and a look for waiters that follows comes after it. */
    word_t seen = atomic_word_add_full(&word->bits, failed ? STATE_RELEASED | STATE_FAILED : STATE_RELEASED);
    ASSERT(state_word_is_valid(seen) && (seen & (STATE_CLAIMED | STATE_RELEASED)) == STATE_CLAIMED);
    (void)seen;
}

/* Found dead with references on it, and told so. */
SH_RELIABILITY(will_not_corrupt_state, success)
void state_word_mark_leaked(state_word *word);

#endif
