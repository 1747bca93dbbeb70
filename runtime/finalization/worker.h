/* SPDX-License-Identifier: MIT */
/*
 * Inside the finalization room: who works, and on what. lanes.c runs the items; worker.c keeps the workers;
 * supervisor.c watches them.
 */
#ifndef FINALIZATION_WORKER_H
#define FINALIZATION_WORKER_H

#include "finalization/finalization.h"
#include "finalization/handful.h"
#include "platform/platform.h"

enum {
    WORKERS = 32, /* one that works, and this many less one that are stuck at the same time */
    /* The others go on when an item has taken this part of the deadline; and when so many of a batch's normal
     * finalizers are stuck, they have cost one deadline together, and the batch waits for no more. */
    HANGS_IN_A_DEADLINE = 16
};

typedef enum item_type {
    ITEM_NONE,
    ITEM_QUEUE,   /* the collector's own finalizer queue, which is somebody else's code */
    ITEM_NORMAL,  /* a normal finalizer */
    ITEM_CRITICAL /* the releases of a handful of handles */
} item_type;

/*
 * Lives in scanned memory, since finalizer and handles keep objects of the collector alive.
 * Invariant: covered by room.mutex, but for what handful.h says; an item other than ITEM_NONE is being run by this
 * worker's thread right now, or was when the fork made this process; finalizer is set, and the handful not empty,
 * exactly for their item.
 */
typedef struct worker {
    bool alive; /* has a thread */
    bool lost;  /* its thread is that of a process that forked: its item is to be settled */
    bool begun; /* the thread is known to the collector */
    item_type item;
    uint64_t item_number; /* counts all items of all workers */
    int64_t started_ms;   /* the item, or the release of it that runs; or later: when the supervisor noticed it */
    size_t noticed;       /* ITEM_CRITICAL: the position of that release */
    bool told;            /* this item, or release, was reported overdue */
    bool given_up;        /* its batch no longer waits for this item */
    gc_finalizer *finalizer;
    handful hand;
    event_record subject; /* whose finalizer it is */
    event_run leaks;      /* of handles whose releases have returned */
} worker;

/* Invariant: mutex covers every field but the signals; current is NULL or one of workers that is alive; alive_count is
 * how many are. */
typedef struct finalization_room {
    platform_mutex mutex;
    platform_condition changed; /* tickets, items and threads */
    platform_signal wake;       /* for the current worker: there may be work */
    platform_signal supervise;  /* for the supervisor: a worker has begun, or has ended */
    const finalization_client *client;
    int64_t usual_deadline_ms;
    list_node hurries;   /* finalization_hurry */
    int64_t deadline_ms; /* the usual one, or that of whoever is most in a hurry */
    worker *workers;
    worker *current;
    int alive_count;
    uint64_t items_begun;
    bool supervisor_alive;
    bool stopping;
    bool passing;       /* a worker is working things off */
    bool batch_begun;   /* a batch was closed and has not been finished: a fresh worker goes on with it */
    int64_t closed_ms;  /* when it was closed */
    uint64_t requested; /* tickets of those who wait */
    uint64_t in_batch;  /* the newest ticket that was drawn before the batch was closed: all that was due is in it */
    uint64_t completed; /* the newest ticket of a batch that is over */
} finalization_room;

extern finalization_room room;

/* Works everything off: batch after batch, while self is current. */
void lanes_work_off(worker *self);

bool worker_is_current(const worker *self);
bool worker_any_busy(void); /* with the mutex held */
bool worker_has_requests(void);
/* With the mutex held: a release that has begun since the last time counts from now on. */
SH_RELIABILITY(will_not_corrupt_state, success)
void worker_notice(worker *watched);
SH_RELIABILITY(will_not_corrupt_state, success)
void worker_tell_overdue(
    worker *overdue); /* with the mutex held, after worker_notice: once for each item, or release */
/* With the mutex held: what workers have released is settled, and what they have not begun waits in the lane again. */
void worker_take_all_back(void);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool worker_start_another(void); /* with the mutex held: makes a fresh one current; false when no thread can be had */
void worker_end_item(worker *self); /* with the mutex held */

/* Runs until stopping. */
extern const platform_thread_plan supervisor_plan;

#endif
