/* SPDX-License-Identifier: MIT */
#include "memory.h"
#include <gc/gc.h>
#include <string.h>

enum {
    LARGEST_SIZE_BYTES = 1024 * 1024,
    SMALL_SIZE_BYTES = 128, /* below this, every size that the collector tells apart */
    SIZE_STEP_BYTES = 16,
    LEAVES = 16 * 1024
};

/* Everything that could still be had. Invariant: chain links scanned objects through their first words; leaves holds
 * the unscanned ones. The collector finds both, since this is a root. */
static struct {
    void **chain;
    void *leaves[LEAVES];
    size_t leaf_count;
    GC_oom_func usual_oom;
    GC_warn_proc usual_warn;
} hoard;

static void *GC_CALLBACK no_memory(size_t size_bytes)
{
    (void)size_bytes;
    return NULL;
}

static void hoard_scanned(size_t size_bytes)
{
    for (void **taken; (taken = GC_MALLOC(size_bytes)) != NULL; hoard.chain = taken)
        *taken = (void *)hoard.chain;
}

static void hoard_unscanned(size_t size_bytes)
{
    while (hoard.leaf_count < LEAVES) {
        void *taken = GC_MALLOC_ATOMIC(size_bytes);
        if (taken == NULL)
            return;
        hoard.leaves[hoard.leaf_count++] = taken;
    }
}

void memory_exhaust(void)
{
    hoard.usual_oom = GC_get_oom_fn();
    hoard.usual_warn = GC_get_warn_proc();
    GC_set_oom_fn(no_memory);
    GC_set_warn_proc(GC_ignore_warn_proc);
    GC_set_max_heap_size(GC_get_heap_size());
    for (size_t size = LARGEST_SIZE_BYTES; size > SMALL_SIZE_BYTES; size /= 2)
        hoard_scanned(size);
    for (size_t size = SMALL_SIZE_BYTES; size > 0; size -= SIZE_STEP_BYTES) {
        hoard_scanned(size - 1); /* the collector adds a byte */
        hoard_unscanned(size - 1);
    }
}

void memory_refill(void)
{
    GC_set_max_heap_size(0);
    hoard.chain = NULL;
    hoard.leaf_count = 0;
    memset((void *)hoard.leaves, 0, sizeof hoard.leaves);
    GC_set_oom_fn(hoard.usual_oom);
    GC_set_warn_proc(hoard.usual_warn);
    GC_gcollect(); /* or the heap grows with every hoard */
}
