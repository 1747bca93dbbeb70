/* SPDX-License-Identifier: MIT */
#include "here.h"
#include "../wrap.h"
#include <gc/gc.h>
#include <stdatomic.h>

static _Thread_local unsigned depth;
static atomic_uint_fast64_t collections;

/* The library's callback is before ours, and calls it: so it is inside for both ends of what it does there. */
static void GC_CALLBACK note_event(GC_EventType event)
{
    if (event == GC_EVENT_MARK_START || event == GC_EVENT_RECLAIM_START)
        depth++;
    if ((event == GC_EVENT_MARK_END || event == GC_EVENT_RECLAIM_END) && depth > 0)
        depth--;
    if (event == GC_EVENT_MARK_END)
        atomic_fetch_add(&collections, 1);
}

void here_listen(void)
{
    GC_set_on_collection_event(note_event);
}

bool here_is_collector_locked(void)
{
    return depth > 0;
}

uint64_t here_collections(void)
{
    return atomic_load(&collections);
}

/* Every step that the library takes with the collector's lock held. */
WRAP(void *, GC_call_with_alloc_lock, (GC_fn_type step, void *data))
{
    depth++;
    void *answer = __real_GC_call_with_alloc_lock(step, data);
    depth--;
    return answer;
}
