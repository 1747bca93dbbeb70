/* SPDX-License-Identifier: MIT */
/*
 * The handles of the manual host: each in a block of its own, which is on the list of its stage. What the program drops
 * is judged then and there, or at the end of the collection in which it was dropped.
 */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "gc/manual/manual.h"
#include <stdlib.h>

/* Where a handle's block is. A block is on the list of its stage and on no other. */
typedef enum block_stage {
    BLOCK_LIVE,      /* the program has it */
    BLOCK_GATHERED,  /* dropped in a collection that has not ended */
    BLOCK_CONDEMNED, /* in the critical lane */
    BLOCK_TAKEN,     /* taken from the lane, not yet settled: on no list */
    BLOCK_KEPT,      /* dropped, and somebody may still give a reference back */
    BLOCK_FREE       /* of no handle; while somebody pins it, it is not used again */
} block_stage;

/*
 * In front of every handle.
 * Invariant: link is on the ring that stage names; a block is of no handle only once dropped.
 */
typedef struct block {
    list_node link;
    block_stage stage;
    uint32_t group;
    gc_reason reason;
    bool dropped;
    size_t pins; /* who looks at it after reveal */
} block;

/* Invariant: the host's mutex covers every field; condemned has condemned_count blocks, and batch_count is not more. */
static struct {
    list_node condemned; /* the critical lane */
    list_node kept;
    list_node free_blocks; /* of no handle */
    size_t condemned_count;
    size_t batch_count; /* of those, how many the closed batch may take */
} blocks = {.condemned = {&blocks.condemned, &blocks.condemned},
            .kept = {&blocks.kept, &blocks.kept},
            .free_blocks = {&blocks.free_blocks, &blocks.free_blocks}};

/* Keeps the handle as aligned as malloc makes the block. */
enum { BLOCK_SIZE_BYTES = (sizeof(block) + 15) / 16 * 16 };

static void *block_handle(block *of)
{
    return (char *)of + BLOCK_SIZE_BYTES;
}

static block *handle_block(void *handle)
{
    return (block *)(void *)((char *)handle - BLOCK_SIZE_BYTES);
}

static block *link_block(list_node *link)
{
    return LIST_OWNER(link, block, link);
}

static void move_block(block *moved, list_node *ring, block_stage stage)
{
    list_remove(&moved->link);
    list_append(ring, &moved->link);
    moved->stage = stage;
}

/* ---- allocation -------------------------------------------------------------------------------------------------- */

/* Kept for the next handle: who ends a lease reads the handle's state once more, after its last trace of the lease is
 * gone, and what it then reads has to be a state. */
static void free_block(block *freed)
{
    move_block(freed, &blocks.free_blocks, BLOCK_FREE);
}

/* With the mutex held. NULL: there is none that nobody looks at. */
static block *take_free_block(void)
{
    for (list_node *link = blocks.free_blocks.next; link != &blocks.free_blocks; link = link->next) {
        block *found = link_block(link);
        if (found->pins > 0)
            continue;
        list_remove(link);
        *found = (block){.pins = 0};
        return found;
    }
    return NULL;
}

static block *take_memory(size_t size_bytes)
{
    manual_lock();
    block *taken = take_free_block();
    manual_unlock();
    return taken != NULL ? taken : calloc(1, BLOCK_SIZE_BYTES + size_bytes);
}

/* Word by word, and the first one last: it is the state, for whoever is left from the handle before. */
static void write_contents(void *handle, const void *contents, size_t size_bytes)
{
    ASSERT(size_bytes % sizeof(word_t) == 0);
    atomic_word *to = handle;
    const atomic_word *from = contents;
    for (size_t i = size_bytes / sizeof *to; i-- > 0;)
        atomic_word_store_release(&to[i], atomic_word_load(&from[i]));
}

static void *allocate_handle(const void *contents, size_t size_bytes, uint32_t group)
{
    block *made = FAILS_HERE("gc.handle") ? NULL : take_memory(size_bytes);
    if (made == NULL)
        return NULL;
    list_init(&made->link);
    made->group = group;
    write_contents(block_handle(made), contents, size_bytes);
    manual_lock();
    move_block(made, &manual.groups[group].live, BLOCK_LIVE);
    manual_unlock();
    return block_handle(made);
}

size_t manual_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                               size_t count)
{
    KEEP_ERRNO;
    size_t made = 0;
    while (made < count && (out_handles[made] = allocate_handle(contents, size_bytes, group)) != NULL)
        made++;
    return made;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static void condemn(block *condemned, gc_reason reason)
{
    condemned->reason = reason;
    move_block(condemned, &blocks.condemned, BLOCK_CONDEMNED);
    blocks.condemned_count++;
}

/* A dropped block outside the lane goes where its handle's state sends it. */
static void judge_dropped(block *dropped)
{
    switch (manual.client.judge(block_handle(dropped))) {
    case GC_FORGET:
        free_block(dropped);
        break;
    case GC_KEEP:
        move_block(dropped, &blocks.kept, BLOCK_KEPT);
        break;
    case GC_CONDEMN:
        condemn(dropped, GC_DEATH);
        break;
    }
}

void manual_handles_judge(list_node *ring)
{
    list_node waiting;
    list_init(&waiting);
    list_splice(&waiting, ring);
    for (list_node *link; (link = list_take_first(&waiting)) != NULL;)
        judge_dropped(link_block(link));
}

void manual_handles_judge_kept(void)
{
    manual_handles_judge(&blocks.kept);
}

sh_status manual_drop_handle(void *handle)
{
    WORLD_STOPPED(); /* whoever found it dead has looked at every thread */
    block *dropped = handle_block(handle);
    gathering *begun = manual_gathering_here();
    manual_lock();
    sh_status status = dropped->dropped ? SH_E_ARGUMENT : SH_OK;
    bool found = false;
    if (status == SH_OK) {
        dropped->dropped = true;
        if (dropped->stage == BLOCK_LIVE && begun != NULL) {
            move_block(dropped, &begun->handles, BLOCK_GATHERED);
        } else if (dropped->stage == BLOCK_LIVE) {
            judge_dropped(dropped);
            found = true;
        }
    }
    manual_unlock();
    if (found)
        manual.client.deaths_found();
    return status;
}

/* ---- the critical lane ------------------------------------------------------------------------------------------- */

void manual_handles_close_batch(void)
{
    manual_handles_judge_kept();
    blocks.batch_count = blocks.condemned_count;
}

bool manual_handles_are_condemned(void)
{
    return blocks.condemned_count > 0;
}

size_t manual_condemned_take(void **out_handles, size_t most, gc_reason *out_reason)
{
    size_t count = 0;
    manual_lock();
    for (; count < most && count < blocks.batch_count; count++) {
        block *next = link_block(blocks.condemned.next);
        if (count > 0 && next->reason != *out_reason)
            break;
        list_remove(&next->link);
        next->stage = BLOCK_TAKEN;
        *out_reason = next->reason;
        out_handles[count] = block_handle(next);
    }
    blocks.batch_count -= count;
    blocks.condemned_count -= count;
    manual_unlock();
    return count;
}

static void settle(block *settled, gc_verdict verdict)
{
    if (!settled->dropped) /* unloaded, and the program has it still */
        move_block(settled, &manual.groups[settled->group].live, BLOCK_LIVE);
    else if (verdict == GC_FORGET)
        free_block(settled);
    else
        move_block(settled, &blocks.kept, BLOCK_KEPT);
}

void manual_condemned_settle(void *const *handles, const gc_verdict *verdicts, size_t count)
{
    manual_lock();
    for (size_t i = 0; i < count; i++)
        settle(handle_block(handles[i]), verdicts[i]);
    manual_unlock();
}

/* To the front, so that they are in the batch and not behind it. */
void manual_condemned_return(void *const *handles, size_t count, gc_reason reason)
{
    list_node others;
    list_init(&others);
    manual_lock();
    list_splice(&others, &blocks.condemned);
    for (size_t i = 0; i < count; i++) {
        block *returned = handle_block(handles[i]);
        ASSERT(returned->reason == reason);
        move_block(returned, &blocks.condemned, BLOCK_CONDEMNED);
    }
    (void)reason;
    list_splice(&blocks.condemned, &others);
    blocks.condemned_count += count;
    blocks.batch_count += count;
    manual_unlock();
}

/* What the program has dropped in a collection that has not ended dies now. */
static void judge_gathered(uint32_t group)
{
    for (gathering *g = manual_gathering_after(&manual.gatherings); g != NULL; g = manual_gathering_after(&g->link))
        for (list_node *link = g->handles.next; link != &g->handles;) {
            block *gathered = link_block(link);
            link = link->next;
            if (gc_group_is(gathered->group, group)) {
                list_remove(&gathered->link);
                judge_dropped(gathered);
            }
        }
}

void manual_handle_condemn(uint32_t group)
{
    manual_lock();
    uint32_t count;
    group_rings *rings = manual_rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        for (list_node *link; (link = list_take_first(&rings[i].live)) != NULL;)
            condemn(link_block(link), GC_UNLOAD);
    judge_gathered(group);
    manual_unlock();
    manual.client.deaths_found();
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void visit_ring(const list_node *ring, uint32_t group, void (*visit)(void *handle, void *data), void *data)
{
    for (list_node *link = ring->next; link != ring; link = link->next) {
        block *visited = link_block(link);
        if (gc_group_is(visited->group, group))
            visit(block_handle(visited), data);
    }
}

void manual_visit_watched(uint32_t group, void (*visit)(void *handle, void *data), void *data)
{
    manual_lock();
    uint32_t count;
    const group_rings *rings = manual_rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        visit_ring(&rings[i].live, group, visit, data);
    visit_ring(&blocks.condemned, group, visit, data);
    visit_ring(&blocks.kept, group, visit, data);
    for (gathering *g = manual_gathering_after(&manual.gatherings); g != NULL; g = manual_gathering_after(&g->link))
        visit_ring(&g->handles, group, visit, data);
    manual_unlock();
}

void manual_pin(void *handle)
{
    handle_block(handle)->pins++;
}

void *manual_reveal(const atomic_word *hidden)
{
    void *handle = NULL;
    manual_lock();
    /* A block is freed with the lock held, after its handle's word was changed: what is found here is there. Acquire:
     * and it is as it was when the word was written, which is done without the lock. */
    word_t word = atomic_word_load_acquire(hidden);
    if (word != 0) {
        handle = gc_unhide(word);
        handle_block(handle)->pins++;
    }
    manual_unlock();
    return handle;
}

void manual_unpin(void *handle_or_null)
{
    if (handle_or_null == NULL)
        return;
    block *pinned = handle_block(handle_or_null);
    manual_lock();
    ASSERT(pinned->pins > 0);
    pinned->pins--;
    manual_unlock();
}
