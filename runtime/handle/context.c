/* SPDX-License-Identifier: MIT */
#include "handle/context.h"
#include "base/atomic.h"
#include "platform/platform.h"

enum { BLOCK_PLACES = 4096, BLOCKS = 4096 };

/* A place holds a context, or the number of the next free place. */
typedef union context_place {
    void *context;
    uint32_t next_free;
} context_place;

/*
 * Place 0 is never used, so that 0 can mean none.
 * Invariant: mutex covers every field and every free place; a place in use belongs to its handle.
 */
static struct {
    platform_mutex mutex;
    atomic_word blocks[BLOCKS]; /* context_place * of BLOCK_PLACES each, or 0 */
    uint32_t first_free;        /* 0: none was given back */
    uint32_t used;              /* places that were ever in use */
} contexts = {.mutex = PLATFORM_MUTEX_INIT, .used = 1};

static context_place *place_of(uint32_t number)
{
    return (context_place *)atomic_word_load_acquire(&contexts.blocks[number / BLOCK_PLACES]) + number % BLOCK_PLACES;
}

static uint32_t take_fresh(void)
{
    if (contexts.used == (uint32_t)BLOCKS * BLOCK_PLACES)
        return 0;
    atomic_word *block = &contexts.blocks[contexts.used / BLOCK_PLACES];
    if (atomic_word_load(block) == 0) {
        /* Release: the pages are zeroed. */
        atomic_word_store_release(block, (word_t)platform_pages_map(BLOCK_PLACES * sizeof(context_place)));
        if (atomic_word_load(block) == 0)
            return 0;
    }
    return contexts.used++;
}

static uint32_t take_free(void)
{
    uint32_t number = contexts.first_free;
    if (number != 0)
        contexts.first_free = place_of(number)->next_free;
    return number;
}

sh_status context_keep(void *context, uint32_t *out_number)
{
    if (context == NULL) {
        *out_number = 0;
        return SH_OK;
    }
    platform_mutex_lock(&contexts.mutex);
    uint32_t number = take_free();
    if (number == 0)
        number = take_fresh();
    if (number != 0)
        place_of(number)->context = context;
    platform_mutex_unlock(&contexts.mutex);
    if (number == 0)
        return SH_E_NOMEM;
    *out_number = number;
    return SH_OK;
}

void *context_get(uint32_t number)
{
    return number == 0 ? NULL : place_of(number)->context;
}

void context_drop(uint32_t number)
{
    if (number == 0)
        return;
    platform_mutex_lock(&contexts.mutex);
    place_of(number)->next_free = contexts.first_free;
    contexts.first_free = number;
    platform_mutex_unlock(&contexts.mutex);
}

void context_fork_before(void)
{
    platform_mutex_lock(&contexts.mutex);
}

void context_fork_after(void)
{
    platform_mutex_unlock(&contexts.mutex);
}
