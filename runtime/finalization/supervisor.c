/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: runs no code but ours, so nothing can hold it up. It sleeps while no worker works.
 */
#include "finalization/worker.h"

enum {
    LOOKS = 4 * HANGS_IN_A_DEADLINE, /* so many looks in one deadline */
    LONGEST_LOOK_MS = 100,
    RETRY_MS = 100 /* when no thread could be had */
};

static int64_t look_interval_ms(void)
{
    int64_t interval = room.deadline_ms / LOOKS;
    return interval < 1 ? 1 : interval > LONGEST_LOOK_MS ? LONGEST_LOOK_MS : interval;
}

/* True once the moment has come; until then it is when to look again at the latest. */
static bool is_due(int64_t moment, int64_t now, int64_t *in_out_next)
{
    if (now >= moment)
        return true;
    if (moment < *in_out_next)
        *in_out_next = moment;
    return false;
}

/* A release is noticed up to one look after it has begun, and looked at again in the very moment when that is too long
 * ago: so it is not called late any later than what is noticed at once. */
static void look_at(worker *watched, int64_t now, int64_t *in_out_next)
{
    if (watched->item == ITEM_NONE || room.deadline_ms < 0)
        return;
    worker_notice(watched);
    int64_t overtaken = watched->started_ms + room.deadline_ms / HANGS_IN_A_DEADLINE;
    if (watched == room.current && is_due(overtaken, now, in_out_next))
        (void)worker_start_another();
    if (room.deadline_ms <= PLATFORM_FOREVER - watched->started_ms &&
        is_due(watched->started_ms + room.deadline_ms, now, in_out_next))
        worker_tell_overdue(watched);
}

/* Answers when to look again. */
static int64_t look_around(void)
{
    int64_t now = platform_now_ms();
    int64_t next = now + look_interval_ms();
    for (int i = 0; i < WORKERS; i++)
        look_at(&room.workers[i], now, &next);
    if (room.current == NULL && !worker_start_another())
        return now + RETRY_MS;
    bool busy = room.deadline_ms >= 0 && (room.passing || worker_any_busy());
    return busy ? next : PLATFORM_FOREVER;
}

static void supervisor_run(void *unused)
{
    (void)unused;
    for (;;) {
        platform_mutex_lock(&room.mutex);
        bool stopping = room.stopping;
        int64_t next = stopping ? 0 : look_around();
        platform_mutex_unlock(&room.mutex);
        if (stopping)
            return;
        (void)platform_signal_wait(&room.supervise, next);
        platform_signal_drain(&room.supervise);
    }
}

static void supervisor_ended(void *unused, bool returned)
{
    (void)unused;
    (void)returned;
    platform_mutex_lock(&room.mutex);
    room.supervisor_alive = false;
    platform_condition_broadcast(&room.changed);
    platform_mutex_unlock(&room.mutex);
}

const platform_thread_plan supervisor_plan = {"sh-supervisor", supervisor_run, supervisor_ended};
