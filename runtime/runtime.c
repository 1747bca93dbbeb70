/* SPDX-License-Identifier: MIT */
/* Start and stop: the only file that knows all rooms. */
#include "base/options.h"
#include "event/event.h"
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "handle/owner_map.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <safehandle.h>

#undef sh_init

enum {
    DEFAULT_DEADLINE_MS = 2000,
    LOOK_MS = 20,         /* between two looks at what is left at shutdown */
    LAST_EVENTS_MS = 1000 /* what the sink gets for the last events, beyond the deadline */
};

/* Invariant: mutex covers options and keeps start, stop and restart apart. */
static struct {
    platform_mutex mutex;
    sh_options options;
    bool fork_handlers_set;
} runtime = {.mutex = PLATFORM_MUTEX_INIT};

/* ---- what the rooms ask of each other ---------------------------------------------------------------------------- */

static bool begin_thread(void)
{
    thread_record *unused;
    return thread_attach(true, &unused) == SH_OK;
}

static void end_thread(void)
{
    (void)thread_detach();
}

static const platform_thread_hooks hooks = {begin_thread, end_thread};

static const gc_client collector_client = {.judge = release_judge, .deaths_found = finalization_wake};

static const finalization_client lanes_client = {
    .hooks = &hooks,
    .describe = handle_describe,
    .release = release_dead,
    .release_torn = release_torn,
};

static void give_back_lease(void *handle)
{
    (void)reference_drop(handle);
}

/* ---- fork: locks in the order in which they are taken ------------------------------------------------------------ */

static void before_fork(void)
{
    platform_mutex_lock(&runtime.mutex);
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
    platform_mutex_unlock(&runtime.mutex);
}

static void after_fork_in_child(void)
{
    event_fork_in_child();
    gc->fork_after();
    handle_fork_in_child();
    thread_fork_in_child();
    finalization_fork_in_child();
    if (atomic_word_load(&runtime_lifecycle.state) == LIFECYCLE_RUNNING)
        lifecycle_set(LIFECYCLE_FORKED);
    platform_mutex_unlock(&runtime.mutex);
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
    return SH_OK;
}

static bool same_options(const sh_options *a, const sh_options *b)
{
    return a->collector == b->collector && a->finalizer_deadline_ms == b->finalizer_deadline_ms &&
           a->confirm_death == b->confirm_death && a->collect == b->collect && a->collect_data == b->collect_data;
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

/* The handles of an earlier start stay with the host that made them. */
static sh_status choose_host(sh_collector collector)
{
    const gc_host *wanted = find_host(collector);
    if (gc != NULL && gc != wanted)
        return SH_E_ARGUMENT;
    gc = wanted;
    return SH_OK;
}

static sh_status restart_after_fork(void)
{
    platform_mutex_lock(&runtime.mutex);
    sh_status status = SH_OK;
    if (atomic_word_load(&runtime_lifecycle.state) == LIFECYCLE_FORKED) {
        status = start_threads() == 0 ? SH_OK : SH_E_NOMEM;
        if (status == SH_OK)
            lifecycle_set(LIFECYCLE_RUNNING);
    }
    platform_mutex_unlock(&runtime.mutex);
    if (status == SH_OK)
        thread_bury_orphans();
    return status;
}

static sh_status start(const sh_options *options)
{
    runtime.options = *options;
    runtime_lifecycle.restart = restart_after_fork;
    sh_status status = choose_host(options->collector);
    if (status == SH_OK)
        status = gc->start(&collector_client, options);
    if (status == SH_OK)
        status = set_fork_handlers();
    if (status != SH_OK)
        return status;
    if (thread_start(give_back_lease) != 0 || !owner_map_start() || start_threads() != 0) {
        gc->stop();
        return SH_E_NOMEM;
    }
    lifecycle_set(LIFECYCLE_RUNNING);
    return SH_OK;
}

sh_status sh_init_at(const sh_options *options_or_null, size_t options_size_bytes)
{
    sh_options options;
    sh_status status = check_options(options_or_null, options_size_bytes, &options);
    if (status != SH_OK)
        return status;
    platform_mutex_lock(&runtime.mutex);
    if (atomic_word_load(&runtime_lifecycle.state) == LIFECYCLE_STOPPED)
        status = start(&options);
    else if (options_or_null != NULL && !same_options(&options, &runtime.options))
        status = SH_E_ARGUMENT;
    platform_mutex_unlock(&runtime.mutex);
    return status != SH_OK ? status : sh_thread_attach();
}

sh_status sh_init(const sh_options *options_or_null)
{
    return sh_init_at(options_or_null, sizeof *options_or_null);
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static void count_unreleased(const void *handle, void *out_count)
{
    if (!sh_is_released(handle))
        (*(size_t *)out_count)++;
}

static size_t unreleased(void)
{
    size_t count = 0;
    gc->visit_watched(count_unreleased, &count);
    return count;
}

static void report_unreleased(const void *handle, void *unused)
{
    (void)unused;
    if (!sh_is_released(handle))
        handle_raise(handle, SH_EVENT_LEAKED_REFERENCE, EVENT_LEFT_AT_SHUTDOWN, NULL);
}

static bool wait_for_users(int64_t deadline)
{
    while (unreleased() > 0) {
        int64_t now = platform_now_ms();
        if (now >= deadline)
            return false;
        release_wait_for_any(deadline - now > LOOK_MS ? now + LOOK_MS : deadline);
    }
    return true;
}

/* Normal finalizers first: the lanes see to it that no handle is released before they have run. */
static bool unload_everything(int64_t deadline)
{
    gc->finalizer_condemn_all();
    gc->handle_condemn_all();
    bool lanes_empty = finalization_wait_idle(deadline);
    return wait_for_users(deadline) && lanes_empty;
}

static void stop(int64_t deadline)
{
    gc->visit_watched(report_unreleased, NULL);
    int64_t last = platform_deadline(LAST_EVENTS_MS);
    finalization_stop(deadline > last ? deadline : last);
    event_stop(deadline > last ? deadline : last);
    gc->stop();
}

sh_status sh_shutdown(int64_t timeout_ms)
{
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    sh_status status = lifecycle_admit();
    if (status != SH_OK)
        return status;
    int64_t deadline = platform_deadline(timeout_ms);
    platform_mutex_lock(&runtime.mutex);
    status = SH_E_CLOSED;
    if (atomic_word_load(&runtime_lifecycle.state) == LIFECYCLE_RUNNING) {
        lifecycle_set(LIFECYCLE_STOPPED);
        status = unload_everything(deadline) ? SH_OK : SH_E_TIMEOUT;
        stop(deadline);
    }
    platform_mutex_unlock(&runtime.mutex);
    return status;
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
    if (status == SH_OK)
        gc->collection_begin();
    return status;
}

sh_status sh_host_collection_end(void)
{
    sh_status status = admit_manual_host();
    return status != SH_OK ? status : gc->collection_end();
}
