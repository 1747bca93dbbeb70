/* SPDX-License-Identifier: MIT */
/*
 * The Boehm host: joins a collector or starts it, and gives what the files beside it do the collector's lock.
 *
 * Settings of the collector belong to whoever started it. When we join, we set two things that take nothing from the
 * host: threads may register, and our function is put before its collection callback, which we call in turn.
 */
#include "gc/boehm/boehm.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "gc/boehm/watch.h"
#include <signal.h>

boehm_state boehm;

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
    boehm_handle_kind_make();
    boehm_listen();
    return SH_OK;
}

static void boehm_stop(void)
{
    KEEP_ERRNO;
    boehm_listen_no_more();
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

typedef struct outside_call {
    void (*run)(void *data);
    void *data;
} outside_call;

static void *call_run(void *argument)
{
    const outside_call *call = argument;
    call->run(call->data);
    return NULL;
}

static void boehm_call_outside(void (*run)(void *data), void *data)
{
    outside_call call = {run, data};
    (void)GC_do_blocking(call_run, &call);
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

const gc_host gc_host_boehm = {
    .collector = SH_COLLECTOR_BOEHM,
    .start = boehm_start,
    .stop = boehm_stop,
    .thread_enter = boehm_thread_enter,
    .thread_leave = boehm_thread_leave,
    .thread_answer = answer_collector_signals,
    .call_outside = boehm_call_outside,
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
