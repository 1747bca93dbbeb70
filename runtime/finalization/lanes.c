/* SPDX-License-Identifier: MIT */
/* Running a batch: its normal finalizers, then its handles. */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "finalization/worker.h"

/* What an overdue event says of a normal finalizer. */
static event_record finalizer_subject(const gc_finalizer *finalizer)
{
    return (event_record){
        .type = SH_EVENT_FINALIZER_OVERDUE, .detail = EVENT_NORMAL_OVERDUE, .birth = finalizer->birth, .count = 1};
}

/* ---- items: begun under the mutex by the current worker only, so that no two workers take the same --------------- */

static void begin_item(worker *self, item_type item)
{
    ASSERT(self->item == ITEM_NONE);
    self->item = item;
    self->item_number = ++room.items_begun;
    self->told = false;
    self->given_up = false;
    self->noticed = 0;
    self->started_ms = platform_now_coarse_ms();
}

/* A normal finalizer is begun only while there is somebody to go on with the handles should it hang, and not after so
 * many of its batch hang that they have cost the deadline. */
static bool may_begin_normal(const worker *self)
{
    int stuck = 0;
    if (room.current != self || room.alive_count == WORKERS)
        return false;
    for (int i = 0; i < WORKERS && room.alive_count > HANGS_IN_A_DEADLINE; i++)
        stuck += room.workers[i].item == ITEM_NORMAL && !room.workers[i].given_up;
    return stuck < HANGS_IN_A_DEADLINE;
}

static bool begin_queue(worker *self)
{
    platform_mutex_lock(&room.mutex);
    bool begun = may_begin_normal(self);
    if (begun) {
        begin_item(self, ITEM_QUEUE);
        self->subject = (event_record){.type = SH_EVENT_FINALIZER_OVERDUE, .detail = EVENT_NORMAL_OVERDUE, .count = 1};
    }
    platform_mutex_unlock(&room.mutex);
    return begun;
}

static bool begin_normal(worker *self)
{
    platform_mutex_lock(&room.mutex);
    gc_finalizer *finalizer = may_begin_normal(self) ? gc->finalizer_take() : NULL;
    if (finalizer != NULL) {
        begin_item(self, ITEM_NORMAL);
        self->finalizer = finalizer;
        self->subject = finalizer_subject(finalizer);
    }
    platform_mutex_unlock(&room.mutex);
    return finalizer != NULL;
}

static bool begin_critical(worker *self)
{
    bool begun = false;
    platform_mutex_lock(&room.mutex);
    if (room.current == self) {
        worker_take_all_back(); /* from those that this one has overtaken */
        begun = handful_take(&self->hand);
    }
    if (begun) {
        begin_item(self, ITEM_CRITICAL);
        self->started_ms = platform_now_ms(); /* a whole handful pays for the exact clock */
    }
    platform_mutex_unlock(&room.mutex);
    return begun;
}

static void finish_queue(worker *self)
{
    platform_mutex_lock(&room.mutex);
    worker_end_item(self);
    platform_mutex_unlock(&room.mutex);
}

/* Done and over in one step, here and below: a fork in between would leave the child an item to settle twice. */
static void finish_normal(worker *self)
{
    platform_mutex_lock(&room.mutex);
    gc->finalizer_done(self->finalizer);
    worker_end_item(self);
    platform_mutex_unlock(&room.mutex);
}

/* ---- the normal lane --------------------------------------------------------------------------------------------- */

static size_t run_normal_lane(worker *self)
{
    size_t done = 0;
    if (begin_queue(self)) {
        gc->queue_drain();
        finish_queue(self);
    }
    while (begin_normal(self)) {
        CHECKPOINT("finalization.normal");
        self->finalizer->run(self->finalizer->object, self->finalizer->data);
        finish_normal(self);
        done++;
    }
    return done;
}

static int64_t deadline_after(int64_t start_ms)
{
    bool none = room.deadline_ms < 0 || room.deadline_ms > PLATFORM_FOREVER - start_ms;
    return none ? PLATFORM_FOREVER : start_ms + room.deadline_ms;
}

/*
 * Until when the batch waits for its unfinished normal finalizers: where some are stuck, until the deadline of the one
 * that was begun first; else the host has not handed them over, and it is the batch's own. With the mutex held.
 */
static int64_t batch_waits_until(void)
{
    int64_t first_start = PLATFORM_FOREVER;
    for (int i = 0; i < WORKERS; i++) {
        const worker *each = &room.workers[i];
        if (each->item == ITEM_NORMAL && !each->given_up && each->started_ms < first_start)
            first_start = each->started_ms;
    }
    return deadline_after(first_start != PLATFORM_FOREVER ? first_start : room.closed_ms);
}

/* With the mutex held. */
static void give_batch_up(size_t pending)
{
    for (int i = 0; i < WORKERS; i++) {
        worker *each = &room.workers[i];
        if (each->item != ITEM_NORMAL || each->given_up)
            continue;
        each->given_up = true;
        if (platform_now_ms() - each->started_ms >= room.deadline_ms)
            worker_tell_overdue(each); /* it may come back before the supervisor looks */
        if (pending > 0)
            pending--;
    }
    if (pending > 0) {
        event_record record = {.type = SH_EVENT_FINALIZER_OVERDUE, .detail = EVENT_HOST_OVERDUE, .count = pending};
        event_raise(&record);
    }
    gc->batch_abandon();
}

/* True when the batch waits for nothing more; else when to look again. */
static bool normals_are_over(const worker *self, int64_t *out_until)
{
    platform_mutex_lock(&room.mutex);
    size_t pending = gc->batch_pending();
    *out_until = batch_waits_until();
    bool over = pending == 0 || room.current != self || room.stopping;
    if (!over && platform_now_ms() >= *out_until) {
        give_batch_up(pending);
        over = true;
    }
    platform_mutex_unlock(&room.mutex);
    return over;
}

/* *out_waited: for finalizers that hang, or that the host has not handed over. */
static size_t run_normals(worker *self, bool *out_waited)
{
    *out_waited = false;
    size_t done = run_normal_lane(self);
    for (int64_t until; !normals_are_over(self, &until);) {
        (void)platform_signal_wait(&room.wake, until);
        *out_waited = true;
        done += run_normal_lane(self);
    }
    return done;
}

/* ---- the critical lane ------------------------------------------------------------------------------------------- */

static size_t release_handful(handful *of)
{
    platform_cancel_token token = platform_cancel_hold();
    size_t count = room.client->release(of);
    platform_cancel_restore(token);
    return count;
}

static void finish_critical(worker *self)
{
    platform_mutex_lock(&room.mutex);
    handful_finish(&self->hand, &self->leaks);
    if (room.current != self)
        event_run_flush(&self->leaks); /* before the item is over, and with it somebody's wait */
    worker_end_item(self);
    platform_mutex_unlock(&room.mutex);
}

static void tell_leaks(worker *self)
{
    platform_mutex_lock(&room.mutex);
    event_run_flush(&self->leaks);
    platform_mutex_unlock(&room.mutex);
}

static size_t run_criticals(worker *self)
{
    size_t done = 0;
    while (begin_critical(self)) {
        done += release_handful(&self->hand);
        finish_critical(self);
    }
    tell_leaks(self);
    return done;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static void begin_batch(const worker *self)
{
    platform_mutex_lock(&room.mutex);
    if (room.current == self && !room.batch_begun) {
        gc->batch_close();
        room.batch_begun = true;
        room.in_batch = room.requested;
        room.closed_ms = platform_now_coarse_ms();
    }
    platform_mutex_unlock(&room.mutex);
}

/* Starved: there was work, and none of it could be taken. */
static void end_batch(const worker *self, bool starved)
{
    platform_mutex_lock(&room.mutex);
    if (room.current == self) {
        room.batch_begun = false;
        if (!starved)
            room.completed = room.in_batch;
        platform_condition_broadcast(&room.changed);
    }
    platform_mutex_unlock(&room.mutex);
}

/* How long to wait when there is work and none of it can be taken, for want of memory or of workers. */
enum { STARVED_MS = 100 };

void lanes_work_off(worker *self)
{
    do {
        begin_batch(self);
        bool waited;
        size_t done = run_normals(self, &waited);
        done += run_criticals(self);
        done += run_normal_lane(self); /* those that the batch did not wait for */
        bool starved = done == 0 && gc->has_work();
        end_batch(self, starved);
        if (starved && !waited) /* what came behind a batch that was waited for has not been tried yet */
            (void)platform_signal_wait(&room.wake, platform_deadline(STARVED_MS));
    } while (worker_is_current(self) && (gc->has_work() || worker_has_requests()));
}
