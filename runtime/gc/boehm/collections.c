/* SPDX-License-Identifier: MIT */
/*
 * Listening to the collector. What hears of a collection runs with the allocation lock held, and the scan in a stopped
 * world. Our function is put before the host's own, which we call in turn.
 */
#include "base/keep_errno.h"
#include "event/event.h"
#include "gc/boehm/boehm.h"
#include "gc/boehm/watch.h"

/*
 * Invariant: next is what ours was put before, and NULL unless chained; scanned_gc_no is not newer than checked_gc_no.
 * The allocation lock covers the numbers, inside and running.
 */
static struct {
    GC_on_collection_event_proc next; /* the host's own, called after us */
    bool chained;                     /* ours is called: set by us, or passed on to by who set theirs after us */
    bool inside;                      /* a chain of callbacks may lead back here */
    bool running;                     /* between start and stop: collections are scanned */
    GC_word scanned_gc_no;            /* the newest collection that we scanned */
    GC_word checked_gc_no;            /* the newest one after which we are known to listen */
} listener;

static const watch_marks collector_marks = {GC_is_marked, GC_set_mark_bit};

static void scan_world(void)
{
    listener.scanned_gc_no = GC_get_gc_no();
    listener.checked_gc_no = listener.scanned_gc_no;
    boehm_handles_mark_fresh();
    watch_scan(&boehm.client, &collector_marks, boehm.confirm_death);
    boehm_finalizers_scan();
}

static void GC_CALLBACK on_collection_event(GC_EventType event)
{
    if (listener.inside)
        return;
    listener.inside = true;
    if (listener.running && event == GC_EVENT_MARK_END)
        scan_world();
    /* Not at the mark's end: the collector fills its finalizer queue between the two. */
    if (listener.running && event == GC_EVENT_RECLAIM_END && (!watch_lane_is_empty() || boehm.batches.pending_open > 0))
        boehm.client.deaths_found();
    if (listener.next != NULL)
        listener.next(event);
    listener.inside = false;
}

static void listen_first(void)
{
    listener.next = GC_get_on_collection_event();
    listener.chained = true;
    GC_set_on_collection_event(on_collection_event);
}

/* Twice in one chain would lose what follows us there: next is one place. */
static void listen(void)
{
    if (!listener.chained)
        listen_first();
}

static void stop_listening(void)
{
    if (GC_get_on_collection_event() != on_collection_event)
        return; /* somebody put theirs before ours and calls us: we stay, and only pass on */
    GC_set_on_collection_event(listener.next);
    listener.next = NULL;
    listener.chained = false;
}

static void *set_running(void *value)
{
    listener.running = value != NULL;
    listener.checked_gc_no = GC_get_gc_no(); /* what happened before is no reason to suspect anybody */
    return NULL;
}

void boehm_listen(void)
{
    listen();
    (void)GC_call_with_alloc_lock(set_running, &boehm);
}

void boehm_listen_no_more(void)
{
    (void)GC_call_with_alloc_lock(set_running, NULL);
    stop_listening();
}

bool boehm_may_have_missed_one(void)
{
    return GC_get_gc_no() != listener.checked_gc_no;
}

static void *check_locked(void *out_missed)
{
    *(bool *)out_missed = boehm_may_have_missed_one();
    listener.checked_gc_no = GC_get_gc_no();
    return NULL;
}

/* Somebody who replaced our callback without calling it is found out by a collection that we did not hear of. */
bool boehm_listen_again_if_replaced(void)
{
    bool missed = false;
    (void)GC_call_with_alloc_lock(check_locked, &missed);
    if (!missed || GC_get_on_collection_event() == on_collection_event)
        return false;
    listen_first();
    event_record record = {.type = SH_EVENT_CONTRACT_BROKEN, .detail = EVENT_CALLBACK_REPLACED, .count = 1};
    event_raise(&record);
    return true;
}

/*
 * Handles are objects of a kind of their own, so that the collector asks before it takes the memory of a dead one.
 * After a collection that we scanned it may: what had to stay was marked. After one that we missed, and while the
 * runtime is stopped, it may not: the table still names handles that it would take.
 */
int GC_CALLBACK boehm_keeps_memory(void *handle)
{
    (void)handle;
    return GC_get_gc_no() != listener.scanned_gc_no;
}

void boehm_collect(void)
{
    KEEP_ERRNO;
    GC_gcollect();
    if (boehm_listen_again_if_replaced())
        GC_gcollect();
    if (boehm.confirm_death)
        GC_gcollect(); /* what the one before suspects is a death only now */
}
