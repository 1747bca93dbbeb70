/* SPDX-License-Identifier: MIT */
#include "thread/lease_slots.h"
#include "base/assert.h"
#include "base/checkpoint.h"
#include "gc/gc_host.h"
#include "platform/platform.h"

struct sh_lease_slots lease_slots_of_nobody = {.slots = {{1, 0}, {1, 0}}};

/* Initial-exec, as all thread-local variables of the library: some words of the static TLS block, so that a dlopen of
 * the library always fits, no call finds it, and its first use on a thread needs no memory. */
__thread struct sh_lease_slots *sh_lease_slots_1 __attribute__((tls_model("initial-exec"))) = &lease_slots_of_nobody;

/*
 * All slots that there ever were, by number less one.
 * Invariant: count of them are set, and stay; the lock of who attaches threads covers both.
 */
static struct {
    atomic_word *by_number; /* lease_slots * */
    atomic_word count;
} all;

void lease_slots_use(lease_slots *slots_or_null)
{
    sh_lease_slots_1 = slots_or_null == NULL ? &lease_slots_of_nobody : &slots_or_null->first;
}

bool lease_slots_add(lease_slots *slots)
{
    if (all.by_number == NULL)
        all.by_number = platform_pages_map(LESSEES * sizeof *all.by_number);
    word_t before = atomic_word_load(&all.count);
    if (all.by_number == NULL || before == LESSEES)
        return false;
    slots->number = (uint32_t)before + 1;
    slots->first.leased_here = (uint32_t)SH_STATE_HOLDS | slots->number << 16;
    atomic_word_store(&slots->reach, INLINE_SLOTS);
    atomic_word_store(&all.by_number[before], (word_t)slots);
    /* Release: who sees the count sees the slots. They are there before their thread leases anything. */
    atomic_word_store_release(&all.count, before + 1);
    return true;
}

/* ---- the words of a slot ----------------------------------------------------------------------------------------- */

static atomic_word *handle_of(const lease_slot *slot)
{
    return (atomic_word *)(uintptr_t)&slot->handle;
}

static atomic_word *since_of(const lease_slot *slot)
{
    return (atomic_word *)(uintptr_t)&slot->since;
}

static bool is_free(const lease_slot *slot)
{
    return atomic_word_load(handle_of(slot)) == 0; /* its thread's own question */
}

void lease_slot_write(lease_slot *slot, const void *handle, const sh_site *since_or_null)
{
    atomic_word_store(since_of(slot), (word_t)since_or_null);
    /* Release: a reader that sees the handle sees the site. */
    atomic_word_store_release(handle_of(slot), (word_t)handle);
}

void lease_slot_clear(lease_slot *slot)
{
    /* Release: all that was done with the value comes before the release of whoever finds the slot empty. */
    atomic_word_store_release(handle_of(slot), 0);
}

lease_slot_content lease_slot_read(const lease_slot *slot)
{
    for (;;) {
        word_t handle = atomic_word_load_acquire(handle_of(slot));
        const sh_site *since = (const sh_site *)atomic_word_load_acquire(since_of(slot));
        /* The site of the next lease may be there already, before its handle: then the handle has changed, or will. */
        if (atomic_word_load(handle_of(slot)) == handle)
            return (lease_slot_content){(void *)handle, since};
    }
}

/* ---- finding one that is free ------------------------------------------------------------------------------------ */

static lease_slot *find_free(lease_slot *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_free(&slots[i]))
            return &slots[i];
    return NULL;
}

static lease_block *block_at(const atomic_word *place)
{
    return (lease_block *)atomic_word_load_acquire(place); /* acquire: the block is zeroed */
}

/* Walks the blocks again after the allocation: a host's finalizer may run inside it, and lease, too. */
static lease_block *add_block(lease_slots *here)
{
    lease_block *added = gc->scanned_allocate(sizeof *added);
    if (added == NULL)
        return NULL;
    atomic_word *place = &here->more;
    for (lease_block *block; (block = block_at(place)) != NULL;)
        place = &block->next;
    atomic_word_store_release(place, (word_t)added); /* release: it is zeroed */
    return added;
}

lease_slot *lease_slot_find(lease_slots *here)
{
    lease_slot *slot = find_free(here->first.slots, SH_LEASE_SLOTS);
    if (slot != NULL) {
        word_t reach = (word_t)(slot - here->first.slots) + 1;
        if (reach > atomic_word_load(&here->reach))
            atomic_word_store_release(&here->reach, reach); /* release: before the slot, for who has seen a barrier */
        return slot;
    }
    for (lease_block *block = block_at(&here->more); block != NULL; block = block_at(&block->next)) {
        slot = find_free(block->slots, SH_LEASE_SLOTS);
        if (slot != NULL)
            return slot;
    }
    lease_block *added = add_block(here);
    return added == NULL ? NULL : added->slots;
}

static size_t count_free(const lease_slot *slots)
{
    size_t count = 0;
    for (size_t i = 0; i < SH_LEASE_SLOTS; i++)
        count += is_free(&slots[i]);
    return count;
}

bool lease_slots_prepare(lease_slots *here, size_t count)
{
    size_t free_count = count_free(here->first.slots);
    for (const lease_block *block = block_at(&here->more); block != NULL; block = block_at(&block->next))
        free_count += count_free(block->slots);
    for (; free_count < count; free_count += SH_LEASE_SLOTS)
        if (add_block(here) == NULL)
            return false;
    return true;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* Acquire: what was done under a lease comes before what follows a look that does not find it. */
static bool names(const lease_slot *slots, word_t count, word_t wanted)
{
    for (word_t i = 0; i < count; i++) {
        word_t named = atomic_word_load_acquire(handle_of(&slots[i]));
        if (named != 0 && (wanted == 0 || named == wanted))
            return true;
    }
    return false;
}

bool lease_slots_name(const lease_slots *slots, const void *handle_or_null)
{
    word_t wanted = (word_t)handle_or_null;
    if (names(slots->first.slots, atomic_word_load_acquire(&slots->reach), wanted))
        return true;
    for (const lease_block *block = block_at(&slots->more); block != NULL; block = block_at(&block->next))
        if (names(block->slots, SH_LEASE_SLOTS, wanted))
            return true;
    return false;
}

static const lease_slots *slots_at(word_t index)
{
    return (const lease_slots *)atomic_word_load_acquire(&all.by_number[index]);
}

bool lease_slots_any(const void *handle, word_t lessees)
{
    CHECKPOINT("thread.look");
    word_t number = lessees >> 16;
    if (number >= 1 && number <= LESSEES)
        return lease_slots_name(slots_at(number - 1), handle);
    word_t count = atomic_word_load_acquire(&all.count);
    for (word_t i = 0; i < count; i++)
        if (lease_slots_name(slots_at(i), handle))
            return true;
    return false;
}

static void visit_some(lease_slot *slots, word_t count,
                       void (*visit)(lease_slot *slot, void *data) SH_RELIABILITY(will_not_corrupt_state, success),
                       void *data)
{
    for (word_t i = 0; i < count; i++)
        if (atomic_word_load_acquire(handle_of(&slots[i])) != 0)
            visit(&slots[i], data);
}

void lease_slots_visit(lease_slots *slots,
                       void (*visit)(lease_slot *slot, void *data) SH_RELIABILITY(will_not_corrupt_state, success),
                       void *data)
{
    visit_some(slots->first.slots, atomic_word_load_acquire(&slots->reach), visit, data);
    for (lease_block *block = block_at(&slots->more); block != NULL; block = block_at(&block->next))
        visit_some(block->slots, SH_LEASE_SLOTS, visit, data);
}
