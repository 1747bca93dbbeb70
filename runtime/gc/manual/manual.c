/* SPDX-License-Identifier: MIT */
/*
 * The manual host: no collector. The program says which handles and objects have died; everything else is as on a
 * collector, and nothing happens that the program did not say. For hosts with their own collector, for ThreadSanitizer,
 * and for tests that must decide when a death is found.
 */
#include "gc/manual/manual.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <stdlib.h>

manual_state manual = {
    .mutex = PLATFORM_MUTEX_INIT, .gatherings = {&manual.gatherings, &manual.gatherings}, .batches = GC_BATCHES_INIT};

void manual_lock(void)
{
    platform_mutex_lock(&manual.mutex);
}

void manual_unlock(void)
{
    platform_mutex_unlock(&manual.mutex);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* With the mutex held. */
static bool open_group(uint32_t group)
{
    if (manual.groups == NULL)
        manual.groups = platform_pages_map((size_t)GC_GROUPS * sizeof *manual.groups);
    if (manual.groups == NULL)
        return false;
    for (; manual.group_count <= group; manual.group_count++) {
        list_init(&manual.groups[manual.group_count].live);
        list_init(&manual.groups[manual.group_count].finalizers);
    }
    return true;
}

static bool manual_group_open(uint32_t group)
{
    manual_lock();
    bool opened = open_group(group);
    manual_unlock();
    return opened;
}

group_rings *manual_rings_of(uint32_t group, uint32_t *out_count)
{
    bool every = group == GC_EVERY_GROUP;
    *out_count = every ? manual.group_count : 1;
    return every ? manual.groups : &manual.groups[group];
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

static sh_status manual_start(const gc_client *client, const sh_options *options)
{
    manual_lock();
    if (manual.client.judge == NULL) /* the same at every start, and read without the lock by who drops one */
        manual.client = *client;
    manual.collect = options->collect;
    manual.collect_data = options->collect_data;
    bool opened = open_group(0);
    manual_unlock();
    return opened ? SH_OK : SH_E_NOMEM;
}

static void manual_stop(void)
{
    manual_lock();
    manual_handles_judge_kept();
    manual_unlock();
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static sh_status manual_thread_enter(bool *out_entered)
{
    *out_entered = true;
    return SH_OK;
}

static void manual_call_outside(void (*run)(void *data), void *data)
{
    run(data);
}

static void manual_thread_answer(void)
{
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void *manual_scanned_allocate(size_t size_bytes)
{
    KEEP_ERRNO;
    return FAILS_HERE("gc.scanned") ? NULL : calloc(1, size_bytes);
}

/* ---- lanes ------------------------------------------------------------------------------------------------------- */

static void manual_batch_close(void)
{
    manual_lock();
    gc_batches_close(&manual.batches);
    manual_handles_close_batch();
    manual_unlock();
}

static size_t manual_batch_pending(void)
{
    manual_lock();
    size_t pending = manual.batches.pending_closed;
    manual_unlock();
    return pending;
}

static void manual_batch_abandon(void)
{
    manual_lock();
    gc_batches_abandon(&manual.batches);
    manual_unlock();
}

static bool manual_has_work(void)
{
    manual_lock();
    bool work = manual_handles_are_condemned() || manual.normal_lane.first != NULL;
    manual_unlock();
    return work;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void no_queue(void)
{
}

const gc_host gc_host_manual = {
    .collector = SH_COLLECTOR_MANUAL,
    .start = manual_start,
    .stop = manual_stop,
    .thread_enter = manual_thread_enter,
    .thread_leave = manual_thread_leave,
    .thread_answer = manual_thread_answer,
    .call_outside = manual_call_outside,
    .group_open = manual_group_open,
    .handles_allocate = manual_handles_allocate,
    .handles_at_once = 1, /* each is a block of malloc's anyway, and one that is not used has to be dropped */
    .scanned_allocate = manual_scanned_allocate,
    .scanned_free = free,
    .reveal = manual_reveal,
    .unpin = manual_unpin,
    .collect = manual_collect,
    .finalizer_add = manual_finalizer_add,
    .finalizer_remove = manual_finalizer_remove,
    .finalizer_take = manual_finalizer_take,
    .finalizer_done = manual_finalizer_done,
    .finalizer_condemn = manual_finalizer_condemn,
    .finalizer_is_watching = manual_finalizer_is_watching,
    .queue_drain = no_queue,
    .queue_lost = no_queue,
    .batch_close = manual_batch_close,
    .batch_pending = manual_batch_pending,
    .batch_abandon = manual_batch_abandon,
    .condemned_take = manual_condemned_take,
    .condemned_settle = manual_condemned_settle,
    .condemned_return = manual_condemned_return,
    .has_work = manual_has_work,
    .handle_condemn = manual_handle_condemn,
    .visit_watched = manual_visit_watched,
    .pin = manual_pin,
    .drop_handle = manual_drop_handle,
    .drop_object = manual_drop_object,
    .collection_begin = manual_collection_begin,
    .collection_end = manual_collection_end,
    .fork_before = manual_lock,
    .fork_after = manual_unlock,
};
