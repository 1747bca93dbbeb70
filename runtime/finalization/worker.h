/* SPDX-License-Identifier: MIT */
/*
 * Inside the finalization room: who works, and on what. lanes.c runs the items; worker.c keeps the workers;
 * supervisor.c watches them.
 */
#ifndef FINALIZATION_WORKER_H
#define FINALIZATION_WORKER_H

#include "finalization/finalization.h"
#include "platform/platform.h"

enum { WORKERS = 32 }; /* one that works, and this many less one that are stuck at the same time */

typedef enum item_type {
    ITEM_NONE,
    ITEM_QUEUE,   /* the collector's own finalizer queue, which is somebody else's code */
    ITEM_NORMAL,  /* a normal finalizer */
    ITEM_CRITICAL /* the release of a handle */
} item_type;

/*
 * Lives in scanned memory, since finalizer and handle keep objects of the collector alive.
 * Invariant: covered by room.mutex, except leaks, which is the worker's own; an item other than ITEM_NONE is being run
 * by this worker's thread right now; finalizer and handle are set exactly for their item.
 */
typedef struct worker {
    bool alive; /* has a thread */
    bool begun; /* the thread is known to the collector */
    item_type item;
    int64_t started_ms;
    bool told;     /* this item was reported overdue */
    bool given_up; /* its batch no longer waits for this item */
    gc_finalizer *finalizer;
    void *handle;
    gc_reason reason;
    event_record subject; /* whose release or finalizer it is */
    event_run leaks;
} worker;

/* Invariant: mutex covers every field but the signals; current is NULL or one of workers that is alive. */
typedef struct finalization_room {
    platform_mutex mutex;
    platform_condition changed; /* tickets, items and threads */
    platform_signal wake;       /* for the current worker: there may be work */
    platform_signal supervise;  /* for the supervisor: a worker has begun, or has ended */
    const finalization_client *client;
    int64_t deadline_ms;
    worker *workers;
    worker *current;
    bool supervisor_alive;
    bool stopping;
    bool passing;       /* a worker is working things off */
    bool batch_begun;   /* a batch was closed and has not been finished: a fresh worker goes on with it */
    int64_t closed_ms;  /* when it was closed */
    uint64_t requested; /* tickets of finalization_wait_idle */
    uint64_t completed; /* the newest ticket that was drawn before a pass which found everything done */
} finalization_room;

extern finalization_room room;

/* Works everything off: batch after batch, while self is current. */
void lanes_work_off(worker *self);

bool worker_is_current(const worker *self);
bool worker_any_busy(void);      /* with the mutex held */
bool worker_start_another(void); /* with the mutex held: makes a fresh one current; false when no thread can be had */
void worker_finish_item(worker *self);

/* Runs until stopping. */
extern const platform_thread_plan supervisor_plan;

#endif
