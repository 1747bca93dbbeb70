/* SPDX-License-Identifier: MIT */
/*
 * The Boehm host: joins a collector or starts it, allocates watched handles, and listens to its collections.
 *
 * Settings of the collector belong to whoever started it. When we join, we set two things that take nothing from the
 * host: threads may register, and our function is put before its collection callback, which we call in turn.
 */
#include "gc/boehm/boehm.h"
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "event/event.h"
#include "gc/boehm/watch.h"
#include <gc/gc_disclaim.h>
#include <gc/gc_inline.h>
#include <signal.h>
#include <string.h>

boehm_state boehm;

/* ---- collections: everything here runs with the allocation lock held, and the scan in a stopped world ------------ */

static struct {
    GC_on_collection_event_proc next; /* the host's own, called after us */
    bool chained;                     /* ours is called: set by us, or passed on to by who set theirs after us */
    bool inside;                      /* a chain of callbacks may lead back here */
    GC_word scanned_gc_no;            /* the newest collection that we scanned */
    GC_word checked_gc_no;            /* the newest one after which we are known to listen */
} listener;

static const watch_marks collector_marks = {GC_is_marked, GC_set_mark_bit};

static void mark_fresh(void);

static void scan_world(void)
{
    listener.scanned_gc_no = GC_get_gc_no();
    listener.checked_gc_no = listener.scanned_gc_no;
    mark_fresh();
    watch_scan(&boehm.client, &collector_marks, boehm.confirm_death);
    boehm_finalizers_scan();
}

static void GC_CALLBACK on_collection_event(GC_EventType event)
{
    if (listener.inside)
        return;
    listener.inside = true;
    if (boehm.running && event == GC_EVENT_MARK_END)
        scan_world();
    /* Not at the mark's end: the collector fills its finalizer queue between the two. */
    if (boehm.running && event == GC_EVENT_RECLAIM_END && (!watch_lane_is_empty() || boehm.batches.pending_open > 0))
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

/* With the lock held. */
static bool may_have_missed_one(void)
{
    return GC_get_gc_no() != listener.checked_gc_no;
}

static void *check_locked(void *out_missed)
{
    *(bool *)out_missed = may_have_missed_one();
    listener.checked_gc_no = GC_get_gc_no();
    return NULL;
}

/* Somebody who replaced our callback without calling it is found out by a collection that we did not hear of. */
static bool listen_again_if_replaced(void)
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
static int GC_CALLBACK keeps_memory(void *handle)
{
    (void)handle;
    return GC_get_gc_no() != listener.scanned_gc_no;
}

static void boehm_collect(void)
{
    KEEP_ERRNO;
    GC_gcollect();
    if (listen_again_if_replaced())
        GC_gcollect();
    if (boehm.confirm_death)
        GC_gcollect(); /* what the one before suspects is a death only now */
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

static void GC_CALLBACK queue_filled(void)
{
    boehm.client.deaths_found();
}

/* A collection stops all threads, which takes its time however little there is to collect: a program that opens and
 * closes gets one each time that it has left so much behind, and not one for every 176 KB. */
enum { GARBAGE_BYTES = 1024 * 1024 };

static void start_collector(void)
{
    GC_set_handle_fork(1); /* or a fork while another thread holds the allocation lock hangs the child */
    GC_set_finalize_on_demand(1);
    if (GC_get_min_bytes_allocd() < GARBAGE_BYTES)
        GC_set_min_bytes_allocd(GARBAGE_BYTES);
    GC_INIT();
    GC_set_java_finalization(1);
    GC_set_finalizer_notifier(queue_filled);
    boehm.owns_queue = true;
}

static void *set_running(void *value)
{
    boehm.running = value != NULL;
    listener.checked_gc_no = GC_get_gc_no(); /* what happened before is no reason to suspect anybody */
    return NULL;
}

static unsigned handle_kind; /* 0 until the first start; the collector's own kinds come before ours */

static void make_handle_kind(void)
{
    if (handle_kind != 0)
        return;
    handle_kind = GC_new_kind(GC_new_free_list(), GC_DS_LENGTH /* of 0: a leaf */, 0, 0);
    GC_register_disclaim_proc((int)handle_kind, keeps_memory, 0);
}

static void *start_groups(void *out_started)
{
    *(bool *)out_started = watch_start() && boehm_finalizer_group_open(0);
    return NULL;
}

static sh_status boehm_start(const gc_client *client, const sh_options *options)
{
    KEEP_ERRNO;
    boehm.client = *client;
    boehm.confirm_death = options->confirm_death;
    if (boehm.batches.open == 0)
        boehm.batches = (gc_batches)GC_BATCHES_INIT;
    if (!GC_is_init_called())
        start_collector();
    GC_allow_register_threads();
    bool started = false;
    (void)GC_call_with_alloc_lock(start_groups, &started);
    if (!started)
        return SH_E_NOMEM;
    make_handle_kind();
    listen();
    (void)GC_call_with_alloc_lock(set_running, &boehm);
    return SH_OK;
}

static void boehm_stop(void)
{
    KEEP_ERRNO;
    (void)GC_call_with_alloc_lock(set_running, NULL);
    stop_listening();
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* A registered thread that does not answer the collector's signals stops the whole process. */
static void answer_collector_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, GC_get_suspend_signal());
    (void)sigaddset(&signals, GC_get_thr_restart_signal());
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static sh_status boehm_thread_enter(bool *out_entered)
{
    KEEP_ERRNO;
    *out_entered = false;
    if (GC_thread_is_registered())
        return SH_OK;
    struct GC_stack_base base;
    if (FAILS_HERE("gc.thread") || GC_get_stack_base(&base) != GC_SUCCESS)
        return SH_E_NOMEM; /* the C library asks for memory before it tells where the stack is */
    answer_collector_signals();
    *out_entered = GC_register_my_thread(&base) == GC_SUCCESS;
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void boehm_thread_leave(void)
{
    KEEP_ERRNO;
    (void)GC_unregister_my_thread();
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

typedef struct group_call {
    uint32_t group;
    bool opened;
} group_call;

static void *open_group_locked(void *argument)
{
    group_call *call = argument;
    call->opened = watch_group_open(call->group) && boehm_finalizer_group_open(call->group);
    return NULL;
}

static bool boehm_group_open(uint32_t group)
{
    group_call call = {.group = group};
    (void)GC_call_with_alloc_lock(open_group_locked, &call);
    return call.opened;
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

/*
 * New objects for handles, which the collector gives by the page: linked by their first words, with 0 at the end.
 * Invariant: covered by the allocation lock, but for incoming, which is the collector's while it fills it for the one
 * thread that is_filling names: it does so before a collection can begin. An object leaves first and is watched in one
 * step.
 */
static struct {
    void *first;
    void *incoming;
    atomic_word is_filling;
} fresh;

SH_RELIABILITY(will_not_corrupt_state, success)
static void mark_list(void *first)
{
    for (void *object = first; object != NULL; object = *(void **)object)
        GC_set_mark_bit(object);
}

/* They are leaves, so that the collector does not see one from another. Where the world has stopped. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void mark_fresh(void)
{
    mark_list(fresh.first);
    mark_list(fresh.incoming);
}

/* Objects of the size that the collector gives to whoever asks for one of size_bytes: it may add a byte. */
static size_t object_size_bytes(size_t size_bytes)
{
    return (size_bytes + 1 + GC_GRANULE_BYTES - 1) / GC_GRANULE_BYTES * GC_GRANULE_BYTES;
}

typedef struct watch_call {
    const void *contents;
    size_t size_bytes;
    uint32_t group;
    void **out_handles;
    size_t count;
    size_t watched;
    bool may_have_missed_one;
} watch_call;

/* A handle is whole words. */
static inline void fill(void *object, const watch_call *call)
{
    word_t *to = object;
    const word_t *from = call->contents;
    for (size_t i = 0, end = call->size_bytes / sizeof *to; i < end; i++)
        to[i] = from[i];
}

/* What is not watched after all is new again. */
static void take_back(watch_call *call, size_t end)
{
    while (end > call->watched) {
        void *object = call->out_handles[--end];
        *(void **)object = fresh.first;
        fresh.first = object;
    }
}

static void *watch_fresh_locked(void *argument)
{
    watch_call *call = argument;
    size_t end = call->watched;
    for (; end < call->count && fresh.first != NULL; end++) {
        void *object = fresh.first;
        fresh.first = *(void **)object;
        fill(object, call);
        call->out_handles[end] = object;
    }
    call->watched += watch_add(call->out_handles + call->watched, end - call->watched, call->group);
    take_back(call, end);
    call->may_have_missed_one = may_have_missed_one();
    return NULL;
}

static void *watch_incoming_locked(void *argument)
{
    if (fresh.first == NULL) {
        fresh.first = fresh.incoming;
        fresh.incoming = NULL;
    }
    return watch_fresh_locked(argument);
}

static void *watch_single_locked(void *argument)
{
    watch_call *call = argument;
    call->watched += watch_add(call->out_handles + call->watched, 1, call->group);
    return NULL;
}

/* The collector may run the program's finalizers, which may come here: so it is tried, and not waited for. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void allocate_many(watch_call *call)
{
    if (!atomic_word_swap_if(&fresh.is_filling, 0, 1))
        return;
    if (fresh.incoming == NULL)
        GC_generic_malloc_many(object_size_bytes(call->size_bytes), (int)handle_kind, &fresh.incoming);
    (void)GC_call_with_alloc_lock(watch_incoming_locked, call);
    atomic_word_store_release(&fresh.is_filling, 0); /* release: it has been looked at */
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void allocate_one(watch_call *call)
{
    void *single = GC_malloc_kind(call->size_bytes, (int)handle_kind);
    if (single == NULL)
        return;
    fill(single, call);
    call->out_handles[call->watched] = single;
    (void)GC_call_with_alloc_lock(watch_single_locked, call);
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static size_t boehm_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                                     size_t count)
{
    KEEP_ERRNO;
    if (FAILS_HERE("gc.handle"))
        return 0;
    watch_call call = {
        .contents = contents, .size_bytes = size_bytes, .group = group, .out_handles = out_handles, .count = count};
    size_t before;
    do {
        before = call.watched;
        (void)GC_call_with_alloc_lock(watch_fresh_locked, &call);
        if (call.watched < count)
            allocate_many(&call);
        if (call.watched == before) /* another thread is at it, or a finalizer inside it; or there is no memory */
            allocate_one(&call);
    } while (call.watched < count && call.watched > before);
    if (call.may_have_missed_one)
        (void)listen_again_if_replaced();
    return call.watched;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void *boehm_scanned_allocate(size_t size_bytes)
{
    KEEP_ERRNO;
    return FAILS_HERE("gc.scanned") ? NULL : GC_MALLOC_UNCOLLECTABLE(size_bytes);
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void boehm_scanned_free(void *memory)
{
    KEEP_ERRNO;
    GC_FREE(memory);
}

static void *reveal_locked(void *hidden)
{
    /* Acquire: the handle is as it was when the word was written. */
    word_t word = atomic_word_load_acquire(hidden);
    return word == 0 ? NULL : gc_unhide(word);
}

/* With the lock held there is no collection between reading the word and having a pointer on this stack. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void *boehm_reveal(const atomic_word *hidden)
{
    KEEP_ERRNO;
    return GC_call_with_alloc_lock(reveal_locked, (void *)(uintptr_t)hidden);
}

/* The caller's pointer has kept it alive: this makes the compiler keep the pointer until here. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void boehm_unpin(void *handle_or_null)
{
    GC_reachable_here(handle_or_null);
}

/* ---- lanes ------------------------------------------------------------------------------------------------------- */

static void *close_batch_locked(void *unused)
{
    gc_batches_close(&boehm.batches);
    watch_close_batch();
    return unused;
}

static void boehm_batch_close(void)
{
    (void)GC_call_with_alloc_lock(close_batch_locked, NULL);
}

static void *pending_locked(void *out_pending)
{
    *(size_t *)out_pending = boehm.batches.pending_closed;
    return NULL;
}

static size_t boehm_batch_pending(void)
{
    size_t pending = 0;
    (void)GC_call_with_alloc_lock(pending_locked, &pending);
    return pending;
}

static void *abandon_locked(void *unused)
{
    gc_batches_abandon(&boehm.batches);
    return unused;
}

static void boehm_batch_abandon(void)
{
    (void)GC_call_with_alloc_lock(abandon_locked, NULL);
}

typedef struct take_call {
    void **out_handles;
    size_t count; /* in: at most so many; out: so many */
    gc_reason reason;
} take_call;

static void *take_locked(void *argument)
{
    take_call *call = argument;
    call->count = watch_take(call->out_handles, call->count, &call->reason);
    return NULL;
}

static size_t boehm_condemned_take(void **out_handles, size_t most, gc_reason *out_reason)
{
    take_call call = {.out_handles = out_handles, .count = most};
    (void)GC_call_with_alloc_lock(take_locked, &call);
    *out_reason = call.reason;
    return call.count;
}

typedef struct settle_call {
    void *const *handles;
    const gc_verdict *verdicts;
    size_t count;
} settle_call;

static void *settle_locked(void *argument)
{
    const settle_call *call = argument;
    for (size_t i = 0; i < call->count; i++)
        if (call->verdicts[i] == GC_KEEP)
            watch_put_back(call->handles[i], boehm.client.group_of(call->handles[i]));
    return NULL;
}

/* What is forgotten has left the table already, so that there is nothing to do for most. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void boehm_condemned_settle(void *const *handles, const gc_verdict *verdicts, size_t count)
{
    size_t first_kept = 0;
    while (first_kept < count && verdicts[first_kept] != GC_KEEP)
        first_kept++;
    settle_call call = {handles + first_kept, verdicts + first_kept, count - first_kept};
    if (call.count > 0)
        (void)GC_call_with_alloc_lock(settle_locked, &call);
}

typedef struct return_call {
    void *const *handles;
    size_t count;
    gc_reason reason;
} return_call;

static void *return_locked(void *argument)
{
    const return_call *call = argument;
    watch_return(call->handles, call->count, call->reason);
    return NULL;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void boehm_condemned_return(void *const *handles, size_t count, gc_reason reason)
{
    return_call call = {handles, count, reason};
    (void)GC_call_with_alloc_lock(return_locked, &call);
}

static void *has_work_locked(void *out_work)
{
    *(bool *)out_work = !watch_lane_is_empty() || boehm.batches.pending_open > 0 || boehm_finalizers_are_waiting();
    return NULL;
}

static bool boehm_has_work(void)
{
    bool work = false;
    (void)GC_call_with_alloc_lock(has_work_locked, &work);
    return work || (boehm.owns_queue && GC_should_invoke_finalizers());
}

static void *condemn_locked(void *group)
{
    watch_condemn(*(const uint32_t *)group);
    return NULL;
}

static void boehm_handle_condemn(uint32_t group)
{
    KEEP_ERRNO;
    (void)GC_call_with_alloc_lock(condemn_locked, &group);
    boehm.client.deaths_found();
}

typedef struct visit_call {
    uint32_t group;
    void (*visit)(void *handle, void *data);
    void *data;
} visit_call;

static void *visit_locked(void *argument)
{
    const visit_call *call = argument;
    watch_visit(call->group, &boehm.client, call->visit, call->data);
    return NULL;
}

static void boehm_visit_watched(uint32_t group, void (*visit)(void *handle, void *data), void *data)
{
    KEEP_ERRNO;
    visit_call call = {group, visit, data};
    (void)GC_call_with_alloc_lock(visit_locked, &call);
}

/* The pointer that visit keeps, on its stack or in scanned memory, is enough. */
static void boehm_pin(void *handle)
{
    (void)handle;
}

static void nothing(void)
{
}

/* The collector's own fork handlers cover what its lock covers, and they run inside ours. In the child, who was filling
 * is gone; in the parent, two that fill at the same time lose nothing but new objects. */
static void boehm_fork_after(void)
{
    atomic_word_store(&fresh.is_filling, 0);
}

const gc_host gc_host_boehm = {
    .collector = SH_COLLECTOR_BOEHM,
    .start = boehm_start,
    .stop = boehm_stop,
    .thread_enter = boehm_thread_enter,
    .thread_leave = boehm_thread_leave,
    .thread_answer = answer_collector_signals,
    .group_open = boehm_group_open,
    .handles_allocate = boehm_handles_allocate,
    .handles_at_once = 64,
    .scanned_allocate = boehm_scanned_allocate,
    .scanned_free = boehm_scanned_free,
    .reveal = boehm_reveal,
    .unpin = boehm_unpin,
    .collect = boehm_collect,
    .finalizer_add = boehm_finalizer_add,
    .finalizer_remove = boehm_finalizer_remove,
    .finalizer_take = boehm_finalizer_take,
    .finalizer_done = boehm_finalizer_done,
    .finalizer_condemn = boehm_finalizer_condemn,
    .finalizer_is_watching = boehm_finalizer_is_watching,
    .queue_drain = boehm_queue_drain,
    .queue_lost = boehm_queue_lost,
    .batch_close = boehm_batch_close,
    .batch_pending = boehm_batch_pending,
    .batch_abandon = boehm_batch_abandon,
    .condemned_take = boehm_condemned_take,
    .condemned_settle = boehm_condemned_settle,
    .condemned_return = boehm_condemned_return,
    .has_work = boehm_has_work,
    .handle_condemn = boehm_handle_condemn,
    .visit_watched = boehm_visit_watched,
    .pin = boehm_pin,
    .fork_before = nothing,
    .fork_after = boehm_fork_after,
};
