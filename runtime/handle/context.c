/* SPDX-License-Identifier: MIT */
#include "handle/context.h"
#include "base/assert.h"
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
 * Invariant: mutex covers every field and every free place; a place in use belongs to its handle. There are as many
 * free and mapped places as are reserved and were not taken yet; those that were taken stay in the sum until they are
 * given back, which only makes others map earlier.
 */
static struct {
    platform_mutex mutex;
    atomic_word blocks[BLOCKS]; /* context_place * of BLOCK_PLACES each, or 0 */
    uint32_t first_free;        /* 0: none was given back */
    size_t free_count;          /* of those */
    uint32_t used;              /* places that were ever in use */
    size_t reserved;
} contexts = {.mutex = PLATFORM_MUTEX_INIT, .used = 1};

static context_place *place_of(uint32_t number)
{
    return (context_place *)atomic_word_load_acquire(&contexts.blocks[number / BLOCK_PLACES]) + number % BLOCK_PLACES;
}

static bool have_block(atomic_word *block)
{
    if (atomic_word_load(block) == 0)
        /* Release: the pages are zeroed. */
        atomic_word_store_release(block, (word_t)platform_pages_map(BLOCK_PLACES * sizeof(context_place)));
    return atomic_word_load(block) != 0;
}

/* For so many more. */
static bool have_room(size_t more)
{
    if (more <= contexts.free_count)
        return true;
    size_t end = contexts.used + (more - contexts.free_count);
    if (end > (size_t)BLOCKS * BLOCK_PLACES)
        return false;
    for (size_t i = contexts.used / BLOCK_PLACES; i * BLOCK_PLACES < end; i++)
        if (!have_block(&contexts.blocks[i]))
            return false;
    return true;
}

/* Where there is room. */
static uint32_t take_place(void)
{
    uint32_t number = contexts.first_free;
    if (number == 0)
        return contexts.used++;
    contexts.first_free = place_of(number)->next_free;
    contexts.free_count--;
    return number;
}

static sh_status keep(void *context, bool reserved, uint32_t *out_number)
{
    if (context == NULL) {
        *out_number = 0;
        return SH_OK;
    }
    platform_mutex_lock(&contexts.mutex);
    bool room = have_room(reserved ? 1 : contexts.reserved + 1);
    if (room) {
        *out_number = take_place();
        place_of(*out_number)->context = context;
    }
    platform_mutex_unlock(&contexts.mutex);
    return room ? SH_OK : SH_E_NOMEM;
}

sh_status context_keep(void *context, uint32_t *out_number)
{
    return keep(context, false, out_number);
}

sh_status context_keep_reserved(void *context, uint32_t *out_number)
{
    return keep(context, true, out_number);
}

bool context_reserve(size_t count)
{
    platform_mutex_lock(&contexts.mutex);
    bool reserved = count <= (size_t)BLOCKS * BLOCK_PLACES && have_room(contexts.reserved + count);
    if (reserved)
        contexts.reserved += count;
    platform_mutex_unlock(&contexts.mutex);
    return reserved;
}

void context_unreserve(size_t count)
{
    platform_mutex_lock(&contexts.mutex);
    ASSERT(contexts.reserved >= count);
    contexts.reserved -= count;
    platform_mutex_unlock(&contexts.mutex);
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
    contexts.free_count++;
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
