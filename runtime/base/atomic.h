/* SPDX-License-Identifier: MIT */
/*
 * Atomic words. The only includer of atomic_ops.h: every other room says which order it needs by the name it calls.
 *
 * Every operation is a single atomic step on one machine word. "acquire": what another thread wrote before its release
 * on the same word is visible after this. "release": what this thread wrote before is visible to whoever acquires it.
 * "full": both, and in one order with all other full operations. Without a suffix: atomic, and no order at all.
 */
#ifndef BASE_ATOMIC_H
#define BASE_ATOMIC_H

#include "base/checkpoint.h"
#include <atomic_ops.h>
#include <stdbool.h>
#include <stdint.h>

typedef AO_t word_t;

/* Invariant: touched by the functions below only, once another thread can see it. */
typedef struct atomic_word {
    volatile AO_t value;
} atomic_word;

_Static_assert(sizeof(atomic_word) == sizeof(void *), "a word holds a pointer");

static inline word_t atomic_word_load(const atomic_word *word)
{
    return AO_load((const volatile AO_t *)&word->value);
}

static inline word_t atomic_word_load_acquire(const atomic_word *word)
{
    return AO_load_acquire((const volatile AO_t *)&word->value);
}

static inline void atomic_word_store(atomic_word *word, word_t value)
{
    AO_store(&word->value, value);
}

static inline void atomic_word_store_release(atomic_word *word, word_t value)
{
    AO_store_release(&word->value, value);
}

/* Each returns the value from before. Subtracting is adding the two's complement. */
static inline word_t atomic_word_add(atomic_word *word, word_t addend)
{
    return AO_fetch_and_add(&word->value, addend);
}

static inline word_t atomic_word_add_acquire(atomic_word *word, word_t addend)
{
    return AO_fetch_and_add_acquire(&word->value, addend);
}

static inline word_t atomic_word_add_release(atomic_word *word, word_t addend)
{
    return AO_fetch_and_add_release(&word->value, addend);
}

static inline word_t atomic_word_add_full(atomic_word *word, word_t addend)
{
    return AO_fetch_and_add_full(&word->value, addend);
}

/* True when the word held expected and now holds desired. */
static inline bool atomic_word_swap_if(atomic_word *word, word_t expected, word_t desired)
{
    return AO_compare_and_swap_full(&word->value, expected, desired) != 0;
}

/* Half a word, where two things share one. */
typedef struct atomic_half {
    volatile unsigned int value;
} atomic_half;

static inline uint32_t atomic_half_load_acquire(const atomic_half *half)
{
    return AO_int_load_acquire(&half->value);
}

static inline void atomic_half_store_release(atomic_half *half, uint32_t value)
{
    AO_int_store_release(&half->value, value);
}

/* Orders everything before it against everything after it. */
static inline void atomic_fence_full(void)
{
    AO_nop_full();
    FENCED();
}

#endif
