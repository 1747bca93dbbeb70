/* SPDX-License-Identifier: MIT */
/* The workers' threads, and what the rest of the runtime asks of them. */
#include "finalization/worker.h"
#include "base/assert.h"
#include "base/checkpoint.h"
#include <errno.h>

finalization_room room = {.mutex = PLATFORM_MUTEX_INIT};

static bool room_is_valid(void)
{
    if (room.workers == NULL)
        return room.current == NULL;
    int alive_count = 0;
    for (int i = 0; i < WORKERS; i++) {
        const worker *each = &room.workers[i];
        bool runs_normal = each->item == ITEM_NORMAL, runs_critical = each->item == ITEM_CRITICAL;
        if ((each->item != ITEM_NONE && !each->alive && !each->lost) || (each->finalizer != NULL) != runs_normal ||
            (each->hand.count != 0) != runs_critical)
            return false;
        alive_count += each->alive;
    }
    return alive_count == room.alive_count && (room.current == NULL || room.current->alive);
}

static void lock_room(void)
{
    platform_mutex_lock(&room.mutex);
    ASSERT(room_is_valid());
}

static void unlock_room(void)
{
    platform_mutex_unlock(&room.mutex);
}

bool worker_is_current(const worker *self)
{
    lock_room();
    bool current = room.current == self && !room.stopping;
    unlock_room();
    return current;
}

bool worker_any_busy(void)
{
    for (int i = 0; i < WORKERS; i++)
        if (room.workers[i].item != ITEM_NONE)
            return true;
    return false;
}

bool worker_has_requests(void)
{
    lock_room();
    bool has = room.requested != room.completed;
    unlock_room();
    return has;
}

static void clear_item(worker *self)
{
    ASSERT(self->hand.count == 0);
    self->item = ITEM_NONE;
    self->finalizer = NULL;
}

/* The clock is read after the position: the release that is met there has begun by then, and is never called late too
 * early. */
void worker_notice(worker *watched)
{
    if (watched->item != ITEM_CRITICAL)
        return;
    size_t position = handful_position(&watched->hand);
    if (position == watched->noticed)
        return;
    watched->noticed = position;
    watched->told = false;
    watched->started_ms = platform_now_ms();
}

/* Of the handle that is being released. */
static event_record release_subject(const void *handle)
{
    event_record subject = {.type = SH_EVENT_FINALIZER_OVERDUE, .detail = EVENT_RELEASE_OVERDUE, .count = 1};
    room.client->describe(handle, &subject);
    return subject;
}

void worker_tell_overdue(worker *overdue)
{
    if (overdue->item == ITEM_CRITICAL)
        overdue->subject = release_subject(overdue->hand.handles[overdue->noticed]);
    if (!overdue->told)
        event_raise(&overdue->subject);
    overdue->told = true;
}

void worker_take_all_back(void)
{
    for (int i = 0; room.workers != NULL && i < WORKERS; i++) {
        worker *each = &room.workers[i];
        if (each->item != ITEM_CRITICAL)
            continue;
        handful_take_back(&each->hand, &each->leaks);
        if (each != room.current)
            event_run_flush(&each->leaks); /* nobody else will while it is stuck */
    }
}

void worker_end_item(worker *self)
{
    clear_item(self);
    if (room.current != self) {
        platform_condition_broadcast(&room.changed);
        platform_signal_post(&room.wake); /* the current one may be waiting for this very item */
    }
    ASSERT(room_is_valid());
}

/* ---- a worker's thread ------------------------------------------------------------------------------------------- */

static void work(worker *self)
{
    lock_room();
    room.passing = true;
    unlock_room();
    platform_signal_post(&room.supervise);
    lanes_work_off(self);
    lock_room();
    if (room.current == self)
        room.passing = false;
    unlock_room();
}

static bool is_wanted(void *self)
{
    return worker_is_current(self);
}

static void tell_begun(worker *self)
{
    lock_room();
    self->begun = true;
    platform_condition_broadcast(&room.changed);
    unlock_room();
}

static void worker_run(void *data)
{
    worker *self = data;
    if (!platform_thread_begin(room.client->hooks, is_wanted, self))
        return;
    tell_begun(self);
    /* A fresh worker may stand in for one that was torn away with work left. */
    while (worker_is_current(self)) {
        platform_signal_drain(&room.wake);
        work(self);
        /* Only a worker with an item is overtaken, so one that is current here stays it. */
        if (worker_is_current(self))
            (void)platform_signal_wait(&room.wake, PLATFORM_FOREVER);
    }
    platform_signal_post(&room.wake); /* in case this one took a post that was meant for its successor */
    room.client->hooks->end();
}

/* The one that ended its thread. */
static void release_torn(handful *of)
{
    size_t position = handful_position(of);
    room.client->release_torn(of->handles[position]);
    of->verdicts[position] = GC_FORGET;
    of->leaks[position] = 0;
}

/* What the item that ended its thread leaves behind. With the mutex held: a fork sees the item, or that it is over. */
static void clear_up_after(worker *self)
{
    event_record record = self->subject;
    switch (self->item) {
    case ITEM_NONE:
        return;
    case ITEM_QUEUE:
    case ITEM_NORMAL:
        record.detail = EVENT_NORMAL_ENDED_THREAD;
        if (self->finalizer != NULL)
            gc->finalizer_done(self->finalizer);
        event_raise(&record);
        return;
    case ITEM_CRITICAL:
        release_torn(&self->hand);
        handful_finish(&self->hand, &self->leaks);
        return;
    }
}

static void worker_ended(void *data, bool returned)
{
    worker *self = data;
    lock_room();
    if (!returned)
        clear_up_after(self);
    event_run_flush(&self->leaks);
    clear_item(self);
    self->alive = false;
    room.alive_count--;
    if (room.current == self)
        room.current = NULL;
    platform_condition_broadcast(&room.changed);
    unlock_room();
    platform_signal_post(&room.supervise);
}

static const platform_thread_plan worker_plan = {"sh-finalizer", worker_run, worker_ended};

bool worker_start_another(void)
{
    for (int i = 0; i < WORKERS; i++) {
        worker *fresh = &room.workers[i];
        if (fresh->alive)
            continue;
        fresh->alive = true;
        fresh->begun = false;
        room.alive_count++;
        worker *before = room.current;
        room.current = fresh;
        if (platform_thread_start(&worker_plan, fresh) == 0)
            return true;
        fresh->alive = false;
        room.alive_count--;
        room.current = before;
        return false;
    }
    return false;
}

/* ---- for the rest of the runtime --------------------------------------------------------------------------------- */

static int start_supervisor(void)
{
    if (room.supervisor_alive)
        return 0;
    room.supervisor_alive = true;
    int error = platform_thread_start(&supervisor_plan, NULL);
    if (error != 0)
        room.supervisor_alive = false;
    return error;
}

/*
 * What a worker of the parent was running at the fork. Its finalizer counts as run: nobody knows how far it had come,
 * and the batch must not wait for it. Its handle is watched again: released after all, unless its release had begun.
 * The leaks of those that it had released are the parent's to tell.
 */
static void settle_lost(worker *lost)
{
    if (lost->finalizer != NULL)
        gc->finalizer_done(lost->finalizer);
    if (lost->item == ITEM_CRITICAL) {
        lost->hand.verdicts[handful_position(&lost->hand)] = GC_KEEP;
        handful_finish(&lost->hand, NULL);
    }
    *lost = (worker){.alive = false};
}

static int start_threads(void)
{
    if (room.workers == NULL)
        room.workers = gc->scanned_allocate(WORKERS * sizeof *room.workers);
    if (room.workers == NULL)
        return ENOMEM;
    for (int i = 0; i < WORKERS; i++)
        if (room.workers[i].lost) {
            settle_lost(&room.workers[i]);
            gc->queue_lost();
        }
    int error = start_supervisor();
    return error != 0 ? error : room.current != NULL || worker_start_another() ? 0 : EAGAIN;
}

/* With the mutex held. */
static void choose_deadline(void)
{
    room.deadline_ms = room.usual_deadline_ms;
    for (const list_node *link = room.hurries.next; link != &room.hurries; link = link->next) {
        const finalization_hurry *hurry = LIST_OWNER(link, finalization_hurry, link);
        if (room.deadline_ms < 0 || room.deadline_ms > hurry->deadline_ms)
            room.deadline_ms = hurry->deadline_ms;
    }
}

static void wait_begun(void)
{
    int64_t deadline = platform_deadline(PLATFORM_BEGIN_MS);
    while (room.current != NULL && !room.current->begun &&
           platform_condition_wait(&room.changed, &room.mutex, deadline))
        continue;
}

int finalization_start(const finalization_client *client, int64_t deadline_ms)
{
    if (room.client == NULL) {
        platform_condition_init(&room.changed);
        platform_signal_init(&room.wake);
        platform_signal_init(&room.supervise);
        list_init(&room.hurries);
    }
    lock_room();
    room.client = client;
    room.usual_deadline_ms = deadline_ms;
    choose_deadline();
    room.stopping = false;
    int error = start_threads();
    if (error == 0)
        wait_begun();
    unlock_room();
    if (error != 0)
        finalization_stop(PLATFORM_FOREVER);
    return error;
}

static bool any_idle_thread(void)
{
    if (room.supervisor_alive)
        return true;
    for (int i = 0; room.workers != NULL && i < WORKERS; i++)
        if (room.workers[i].alive && room.workers[i].item == ITEM_NONE)
            return true;
    return false;
}

/* After the stop nobody watches them. With the mutex held. */
static void tell_stuck_releases(void)
{
    for (int i = 0; room.workers != NULL && i < WORKERS; i++)
        if (room.workers[i].item == ITEM_CRITICAL) {
            worker_notice(&room.workers[i]);
            worker_tell_overdue(&room.workers[i]);
        }
}

void finalization_stop(int64_t deadline)
{
    lock_room();
    room.stopping = true;
    platform_signal_post(&room.wake);
    platform_signal_post(&room.supervise);
    while (any_idle_thread() && platform_condition_wait(&room.changed, &room.mutex, deadline))
        continue;
    tell_stuck_releases();
    unlock_room();
}

bool finalization_is_stopping(void)
{
    lock_room();
    bool stopping = room.stopping;
    unlock_room();
    return stopping;
}

void finalization_wake(void)
{
    platform_signal_post(&room.wake);
}

void finalization_hurry_begin(finalization_hurry *hurry, int64_t deadline_ms)
{
    hurry->deadline_ms = deadline_ms;
    list_init(&hurry->link);
    lock_room();
    list_append(&room.hurries, &hurry->link);
    choose_deadline();
    unlock_room();
    platform_signal_post(&room.supervise);
    platform_signal_post(&room.wake);
}

void finalization_hurry_end(finalization_hurry *hurry)
{
    lock_room();
    list_remove(&hurry->link);
    choose_deadline();
    unlock_room();
}

/* With the mutex held, after worker_take_all_back. One that is over and not settled yet has been released, or is kept
 * by its users: then it is called running. */
static void visit_running(uint32_t group, const finalization_visitor *visitor, void *data)
{
    for (int i = 0; room.workers != NULL && i < WORKERS; i++) {
        const worker *each = &room.workers[i];
        if (each->item != ITEM_CRITICAL)
            continue;
        const void *handle = each->hand.handles[handful_position(&each->hand)];
        if (gc_group_is(room.client->group_of(handle), group) && !room.client->is_released(handle)) {
            event_record subject = release_subject(handle);
            visitor->running(&subject, data);
        }
    }
}

void finalization_visit_handles(uint32_t group, const finalization_visitor *visitor, void *data)
{
    lock_room();
    worker_take_all_back();
    visit_running(group, visitor, data);
    gc->visit_watched(group, visitor->watched, data);
    unlock_room();
}

/* With the mutex held. Waits until the batch is over that has all that is due now. */
static bool wait_batch(int64_t deadline)
{
    uint64_t ticket = ++room.requested;
    finalization_wake();
    bool in_time = true;
    while (room.completed < ticket && in_time && !room.stopping)
        in_time = platform_condition_wait(&room.changed, &room.mutex, deadline);
    return room.completed >= ticket;
}

bool finalization_wait_batch(int64_t deadline)
{
    lock_room();
    bool over = wait_batch(deadline);
    unlock_room();
    return over;
}

/* With the mutex held. */
static bool any_runs_from(uint64_t last_item)
{
    for (int i = 0; i < WORKERS; i++)
        if (room.workers[i].item != ITEM_NONE && room.workers[i].item_number <= last_item)
            return true;
    return false;
}

bool finalization_wait_idle(int64_t deadline)
{
    lock_room();
    bool idle = !room.passing && !worker_any_busy() && !gc->has_work();
    if (!idle && wait_batch(deadline)) {
        /* What a stuck worker runs belongs to an earlier batch. What was begun by now was due then, or is soon over. */
        uint64_t last_item = room.items_begun;
        bool in_time = true;
        while (any_runs_from(last_item) && in_time && !room.stopping)
            in_time = platform_condition_wait(&room.changed, &room.mutex, deadline);
        idle = !any_runs_from(last_item);
    }
    unlock_room();
    return idle;
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void finalization_fork_before(void)
{
    lock_room();
}

void finalization_fork_in_parent(void)
{
    unlock_room();
}

/* The threads are gone. What they were running is settled when others are started: until then the collector's lock may
 * still be held, by a host that forks with its own hands. */
void finalization_fork_in_child(void)
{
    platform_condition_init(&room.changed);
    platform_signal_init(&room.wake);
    platform_signal_init(&room.supervise);
    for (int i = 0; room.workers != NULL && i < WORKERS; i++) {
        room.workers[i].lost = room.workers[i].alive || room.workers[i].lost;
        room.workers[i].alive = false;
    }
    list_init(&room.hurries);
    choose_deadline();
    room.current = NULL;
    room.alive_count = 0;
    room.supervisor_alive = false;
    room.passing = false;
    room.batch_begun = false;
    unlock_room();
}
