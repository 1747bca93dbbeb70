/* SPDX-License-Identifier: MIT */
/* Start and stop: the only file that knows all rooms. */
#include "base/options.h"
#include "contract/contract.h"
#include "domain/domain.h"
#include "event/event.h"
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "handle/owner_map.h"
#include "handle/stock.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include "unload/unload.h"
#include <safehandle.h>

#undef sh_init

enum {
    DEFAULT_DEADLINE_MS = 2000,
    DEFAULT_EXIT_DEADLINE_MS = 1000,
    LAST_EVENTS_MS = 1000 /* what the sink gets for the last events, beyond the deadline */
};

/* Invariant: mutex covers every field, and every change of the lifecycle. It is not held while anybody is waited for
 * who may call us: a finalizer may fork, and a user may ask to start again. */
static struct {
    platform_mutex mutex;
    platform_condition stopped;
    bool condition_made;
    sh_options options;
    bool fork_handlers_set;
    bool exit_handler_set;
    int64_t stopping_thread_id; /* while the lifecycle is stopping */
} runtime = {.mutex = PLATFORM_MUTEX_INIT};

static void lock_runtime(void)
{
    platform_mutex_lock(&runtime.mutex);
    platform_condition_init_once(&runtime.stopped, &runtime.condition_made);
}

static void unlock_runtime(void)
{
    platform_mutex_unlock(&runtime.mutex);
}

static bool state_is(lifecycle_state state)
{
    return atomic_word_load(&runtime_lifecycle.state) == (word_t)state;
}

/* ---- what the rooms ask of each other ---------------------------------------------------------------------------- */

static bool begin_thread(void)
{
    thread_record *unused;
    wake_thread_begin();
    return thread_attach(true, &unused) == SH_OK;
}

static const platform_thread_hooks hooks = {begin_thread, thread_end_ours};

SH_RELIABILITY(will_not_corrupt_state, success)
static uint32_t group_of(const void *handle)
{
    return handle_class_of(handle)->group;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static bool admits(uint32_t group)
{
    return (state_is(LIFECYCLE_RUNNING) || state_is(LIFECYCLE_FORKED)) && domain_admits_now(group);
}

static const gc_client collector_client = {.judge = release_judge,
                                           .judge_dead = release_judge_dead,
                                           .deaths_found = finalization_wake,
                                           .group_of = group_of,
                                           .admits = admits};

static bool is_released(const void *handle)
{
    return sh_is_released(handle);
}

static const finalization_client lanes_client = {
    .hooks = &hooks,
    .group_of = group_of,
    .is_released = is_released,
    .describe = handle_describe,
    .release = release_handful,
    .release_torn = release_torn,
};

SH_RELIABILITY(will_not_corrupt_state, success)
static void give_blanks_back(thread_record *ended)
{
    while (ended->regions.stock != NULL)
        stock_return(ended);
    stock_empty(&ended->stock);
}

static const thread_client threads_client = {
    .lease_left = lease_left, .left = domain_left, .give_blanks_back = give_blanks_back};

/* ---- fork: locks in the order in which they are taken ------------------------------------------------------------ */

static void before_fork(void)
{
    lock_runtime();
    domain_fork_before();
    finalization_fork_before();
    thread_fork_before();
    handle_fork_before();
    gc->fork_before();
    event_fork_before();
}

static void after_fork_in_parent(void)
{
    event_fork_in_parent();
    gc->fork_after();
    handle_fork_in_parent();
    thread_fork_in_parent();
    finalization_fork_in_parent();
    domain_fork_after();
    unlock_runtime();
}

static void after_fork_in_child(void)
{
    event_fork_in_child();
    gc->fork_after();
    handle_fork_in_child();
    thread_fork_in_child();
    finalization_fork_in_child();
    domain_fork_after();
    platform_condition_init(&runtime.stopped);
    if (state_is(LIFECYCLE_RUNNING))
        lifecycle_set(LIFECYCLE_FORKED);
    else if (state_is(LIFECYCLE_STOPPING))
        lifecycle_set(LIFECYCLE_STOPPED); /* the thread that was stopping is the parent's */
    unlock_runtime();
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

/* A thread of ours may be; and the stop calls an interrupt, or a release, on its own thread. With the mutex held. */
static bool is_waited_for_by_the_stop(void)
{
    return thread_is_ours() || runtime.stopping_thread_id == platform_thread_id();
}

/* While somebody stops the runtime: with the mutex held. False: the deadline; or the stop waits for this thread. */
static bool wait_stopped(int64_t deadline)
{
    while (state_is(LIFECYCLE_STOPPING))
        if (is_waited_for_by_the_stop() || !platform_condition_wait(&runtime.stopped, &runtime.mutex, deadline))
            return false;
    return true;
}

static void report_unreleased(void *handle, void *unused)
{
    (void)unused;
    if (!sh_is_released(handle))
        handle_raise(handle, SH_EVENT_LEAKED_REFERENCE, EVENT_LEFT_AT_SHUTDOWN, NULL);
}

static void stop(int64_t deadline)
{
    /* Under the mutex, and so not beside a fork: it takes the lock of the events before that of the collector. */
    lock_runtime();
    gc->visit_watched(GC_EVERY_GROUP, report_unreleased, NULL);
    unlock_runtime();
    int64_t last = platform_deadline(LAST_EVENTS_MS);
    finalization_stop(deadline > last ? deadline : last);
    event_stop(deadline > last ? deadline : last);
    wake_stop();
    gc->stop();
}

/* SH_E_CLOSED: it is not running, or somebody else stops it, who is waited for. */
static sh_status begin_stop(int64_t deadline)
{
    /* Starts our threads again after a fork; and a collection that the unload brings about stops its thread. */
    sh_status status = sh_thread_attach();
    if (status != SH_OK && status != SH_E_CLOSED)
        return status;
    lock_runtime();
    if (status == SH_OK && state_is(LIFECYCLE_RUNNING)) {
        lifecycle_set(LIFECYCLE_STOPPING);
        runtime.stopping_thread_id = platform_thread_id();
    } else {
        (void)wait_stopped(deadline);
        status = SH_E_CLOSED;
    }
    unlock_runtime();
    return status;
}

static void end_stop(void)
{
    lock_runtime();
    lifecycle_set(LIFECYCLE_STOPPED);
    platform_condition_broadcast(&runtime.stopped);
    unlock_runtime();
}

typedef struct stop_call {
    int64_t deadline;
    sh_status unloaded;
} stop_call;

static void unload_all(void *data)
{
    stop_call *call = data;
    domain_begin_unload_all();
    call->unloaded = unload_run(GC_EVERY_GROUP, call->deadline, NULL);
}

/* Also when an interrupt has ended the thread: or nobody could start again. */
static void finish_stop(void *data)
{
    stop(((const stop_call *)data)->deadline);
    end_stop();
}

static sh_status unload_and_stop(stop_call *call)
{
    sh_status status = begin_stop(call->deadline);
    if (status != SH_OK)
        return status;
    platform_call_guarded(unload_all, finish_stop, call);
    finish_stop(call);
    return call->unloaded == SH_OK ? SH_OK : SH_E_TIMEOUT;
}

static sh_status stop_within(int64_t timeout_ms)
{
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    stop_call call = {.deadline = platform_deadline(timeout_ms)};
    platform_cancel_token token = platform_cancel_hold(); /* who is torn away in the middle leaves a stop for ever */
    sh_status status = unload_and_stop(&call);
    platform_cancel_restore(token);
    return status;
}

sh_status sh_shutdown(int64_t timeout_ms)
{
    return stop_within(timeout_ms);
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static const gc_host *find_host(sh_collector collector)
{
    if (collector == SH_COLLECTOR_MANUAL)
        return &gc_host_manual;
#ifdef SH_HAVE_BOEHM
    return &gc_host_boehm;
#else
    return collector == SH_COLLECTOR_DEFAULT ? &gc_host_manual : NULL;
#endif
}

/* Fills in the defaults. */
static sh_status check_options(const sh_options *given_or_null, size_t size_bytes, sh_options *out_options)
{
    if (!options_read(out_options, sizeof *out_options, given_or_null, size_bytes))
        return SH_E_UNSUPPORTED;
    if ((unsigned)out_options->collector > SH_COLLECTOR_MANUAL)
        return SH_E_ARGUMENT;
    const gc_host *host = find_host(out_options->collector);
    if (host == NULL)
        return SH_E_UNSUPPORTED;
    if (out_options->collect != NULL && host->collector != SH_COLLECTOR_MANUAL)
        return SH_E_ARGUMENT;
    out_options->collector = host->collector;
    if (out_options->finalizer_deadline_ms == 0)
        out_options->finalizer_deadline_ms = DEFAULT_DEADLINE_MS;
    if (out_options->exit_deadline_ms == 0)
        out_options->exit_deadline_ms = DEFAULT_EXIT_DEADLINE_MS;
    if (out_options->wake_signal == 0)
        out_options->wake_signal = PLATFORM_WAKE_SIGNAL;
    return SH_OK;
}

static bool same_options(const sh_options *a, const sh_options *b)
{
    return a->collector == b->collector && a->finalizer_deadline_ms == b->finalizer_deadline_ms &&
           a->confirm_death == b->confirm_death && a->collect == b->collect && a->collect_data == b->collect_data &&
           a->exit_deadline_ms == b->exit_deadline_ms && a->wake_signal == b->wake_signal &&
           a->no_membarrier == b->no_membarrier;
}

static int start_threads(void)
{
    int error = event_start(&hooks);
    if (error == 0)
        error = finalization_start(&lanes_client, runtime.options.finalizer_deadline_ms);
    if (error != 0)
        event_stop(PLATFORM_FOREVER);
    return error;
}

static sh_status set_fork_handlers(void)
{
    if (!runtime.fork_handlers_set &&
        platform_fork_register(before_fork, after_fork_in_parent, after_fork_in_child) == 0)
        runtime.fork_handlers_set = true;
    return runtime.fork_handlers_set ? SH_OK : SH_E_NOMEM;
}

/* In the child of a fork that has not used us since, nothing is unloaded: the parent's releases are the parent's. What
 * another thread is stopping is waited for, or the process would end in the middle of it. */
static void at_exit(void)
{
    if (state_is(LIFECYCLE_RUNNING) || state_is(LIFECYCLE_STOPPING))
        (void)stop_within(runtime.options.exit_deadline_ms);
}

static sh_status set_exit_handler(void)
{
    if (!runtime.exit_handler_set && platform_exit_register(at_exit) == 0)
        runtime.exit_handler_set = true;
    return runtime.exit_handler_set ? SH_OK : SH_E_NOMEM;
}

/* The handles of an earlier start stay with the host that made them. */
static sh_status choose_host(sh_collector collector)
{
    const gc_host *wanted = find_host(collector);
    if (gc != NULL && gc != wanted)
        return SH_E_ARGUMENT;
    if (gc == NULL) /* later on, threads that end or leave a region read it at any time */
        gc = wanted;
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static sh_status restart_after_fork(void)
{
    lock_runtime();
    sh_status status = SH_OK;
    if (state_is(LIFECYCLE_FORKED)) {
        status = start_threads() == 0 ? SH_OK : SH_E_NOMEM;
        if (status == SH_OK)
            lifecycle_set(LIFECYCLE_RUNNING);
    }
    unlock_runtime();
    if (status == SH_OK)
        thread_bury_orphans();
    return status;
}

/* The collector's own signals are refused as well: it has its handlers by now. */
static sh_status start_above_host(int wake_signal)
{
    sh_status status = set_fork_handlers();
    if (status == SH_OK)
        status = set_exit_handler();
    if (status != SH_OK)
        return status;
    if (wake_start(wake_signal) != 0)
        return SH_E_ARGUMENT;
    platform_barrier_start(!runtime.options.no_membarrier);
    thread_record *unused;
    /* The calling thread before our own: without it nothing may have been started. */
    if (thread_start(&threads_client) == 0 && domain_start() && owner_map_start() &&
        thread_attach(false, &unused) == SH_OK && start_threads() == 0)
        return SH_OK;
    wake_stop();
    return SH_E_NOMEM;
}

static sh_status start(const sh_options *options)
{
    contract_start();
    runtime.options = *options;
    runtime_lifecycle.restart = restart_after_fork;
    sh_status status = choose_host(options->collector);
    if (status == SH_OK)
        status = gc->start(&collector_client, options);
    if (status != SH_OK)
        return status;
    status = start_above_host(options->wake_signal);
    if (status == SH_OK)
        lifecycle_set(LIFECYCLE_RUNNING);
    else
        gc->stop();
    return status;
}

/* With options filled in. */
static sh_status start_or_join(const sh_options *options, bool any_will_do)
{
    sh_status status = SH_OK;
    lock_runtime();
    if (!wait_stopped(PLATFORM_FOREVER))
        status = SH_E_CLOSED;
    else if (state_is(LIFECYCLE_STOPPED))
        status = start(options);
    else if (!any_will_do && !same_options(options, &runtime.options))
        status = SH_E_ARGUMENT;
    unlock_runtime();
    return status != SH_OK ? status : sh_thread_attach();
}

sh_status sh_init_at(const sh_options *options_or_null, size_t options_size_bytes, unsigned inlined_layout)
{
    if (inlined_layout != SH_INLINE_LAYOUT && inlined_layout != 0)
        return SH_E_UNSUPPORTED;
    sh_options options;
    sh_status status = check_options(options_or_null, options_size_bytes, &options);
    if (status != SH_OK)
        return status;
    platform_cancel_token token = platform_cancel_hold(); /* opening a descriptor is a cancellation point */
    status = start_or_join(&options, options_or_null == NULL);
    platform_cancel_restore(token);
    return status;
}

sh_status sh_init(const sh_options *options_or_null)
{
    return sh_init_at(options_or_null, sizeof *options_or_null, 0);
}

/* ---- threads, events, the manual host ---------------------------------------------------------------------------- */

sh_status sh_thread_attach(void)
{
    sh_status status = lifecycle_admit();
    thread_record *unused;
    return status != SH_OK ? status : thread_attach(false, &unused);
}

sh_status sh_thread_detach(void)
{
    return thread_detach();
}

const char *sh_version(void)
{
    return SH_VERSION;
}

void sh_set_event_sink(sh_event_sink *sink, void *data)
{
    event_sink_set(sink, data);
}

static sh_status admit_manual_host(void)
{
    sh_status status = lifecycle_admit();
    return status != SH_OK ? status : gc->drop_handle == NULL ? SH_E_UNSUPPORTED : SH_OK;
}

sh_status sh_host_drop(sh_handle *h)
{
    sh_status status = admit_manual_host();
    return status != SH_OK ? status : h == NULL ? SH_E_ARGUMENT : gc->drop_handle(h);
}

sh_status sh_host_drop_object(void *object)
{
    sh_status status = admit_manual_host();
    return status != SH_OK ? status : object == NULL ? SH_E_ARGUMENT : gc->drop_object(object);
}

sh_status sh_host_collection_begin(void)
{
    sh_status status = admit_manual_host();
    if (status == SH_OK)
        status = sh_thread_attach();
    return status != SH_OK ? status : gc->collection_begin();
}

sh_status sh_host_collection_end(void)
{
    sh_status status = admit_manual_host();
    /* A stop does not end what this thread has begun: it would gather for ever. */
    if (status == SH_E_CLOSED && gc != NULL && gc->collection_end != NULL)
        return gc->collection_end() == SH_OK ? SH_OK : SH_E_CLOSED;
    return status != SH_OK ? status : gc->collection_end();
}
