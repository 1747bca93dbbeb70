/* SPDX-License-Identifier: MIT */
/*
 * Making users leave who are blocked in a call on a closed handle. docs/closing.md says why it is done like this.
 */
#include "base/checkpoint.h"
#include "handle/context.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "thread/thread.h"
#include <errno.h>

enum {
    PROMPT_MS = 100,        /* for so long a round each millisecond: a user may be just before its system call */
    PROMPT_EVERY_MS = 1,    /* and once is not enough */
    LATER_EVERY_MS = 10,    /* who has not left by then is busy elsewhere, and each signal costs it a little */
    INTERRUPT_ALONE_MS = 20 /* what a kind's own interrupt gets before its descriptor is buried */
};

/* Invariant: mutex covers tombstone, and every burial together with the look at INVALIDATED before it. */
static struct {
    platform_mutex mutex;
    platform_tombstone tombstone;
    atomic_word signal; /* plain loads and stores: it is set before the threads are started that read it */
} wake = {.mutex = PLATFORM_MUTEX_INIT, .tombstone = {.number = -1}};

int wake_start(int signal)
{
    int error = platform_wake_install(signal);
    if (error != 0)
        return error;
    atomic_word_store(&wake.signal, (word_t)signal);
    platform_mutex_lock(&wake.mutex);
    platform_tombstone_open(&wake.tombstone);
    platform_mutex_unlock(&wake.mutex);
    return 0;
}

void wake_stop(void)
{
    platform_mutex_lock(&wake.mutex);
    platform_tombstone_close(&wake.tombstone);
    platform_mutex_unlock(&wake.mutex);
}

void wake_thread_begin(void)
{
    platform_wake_admit((int)atomic_word_load(&wake.signal));
}

/* ---- the number -------------------------------------------------------------------------------------------------- */

static bool is_owned_descriptor(const handle_class *of)
{
    return of->owned && (of->kind->flags & SH_KIND_FD) != 0;
}

static bool is_spared(const sh_handle *h)
{
    return (state_word_read(&h->state) & STATE_INVALIDATED) != 0;
}

/* The number may have been given away by who set h as invalid. The look and the burial are one step to wake_spare. */
static bool bury(const sh_handle *h)
{
    CHECKPOINT("handle.look");
    platform_mutex_lock(&wake.mutex);
    bool spared = is_spared(h);
    CHECKPOINT("handle.bury");
    /* may fail here: it is tried again in the next round */
    bool buried = !spared && platform_descriptor_bury(handle_raw(h), &wake.tombstone);
    platform_mutex_unlock(&wake.mutex);
    return buried;
}

bool wake_has_buried(const sh_handle *h)
{
    /* Only the users of another thread are woken. */
    bool had_others = (state_word_read(&h->state) & STATE_LEASED) == STATE_LEASED;
    if (!had_others || !is_owned_descriptor(handle_class_of(h)))
        return false;
    platform_mutex_lock(&wake.mutex);
    bool buried = platform_descriptor_is_buried(handle_raw(h), &wake.tombstone);
    platform_mutex_unlock(&wake.mutex);
    return buried;
}

void wake_spare(void)
{
    platform_mutex_lock(&wake.mutex);
    platform_mutex_unlock(&wake.mutex);
}

/* ---- the users --------------------------------------------------------------------------------------------------- */

typedef struct other_users {
    int64_t own_thread_id;
    bool any;
    bool signal_them;
} other_users;

/* The list that is walked has only threads that have not ended. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void visit_user(int64_t thread_id, const sh_site *since, void *data)
{
    (void)since;
    other_users *others = data;
    if (thread_id == others->own_thread_id)
        return;
    others->any = true;
    if (others->signal_them)
        platform_thread_wake(thread_id, (int)atomic_word_load(&wake.signal));
}

static bool visit_other_users(const sh_handle *h, bool signal_them)
{
    other_users others = {.own_thread_id = platform_thread_id(), .signal_them = signal_them};
    thread_visit_leases(h, visit_user, &others);
    return others.any;
}

/* ---- a round ----------------------------------------------------------------------------------------------------- */

/* First the tombstone, or a user who tries again after a signal would go on with the same number and be blocked again.
 */
static void wake_from_number(const sh_handle *h, wake_progress *progress)
{
    if (!progress->buried)
        progress->buried = visit_other_users(h, false) && bury(h);
    if (progress->buried)
        (void)visit_other_users(h, true);
}

static void run_interrupt(void *handle)
{
    const sh_handle *h = handle;
    /* may fail here: then the users come back by themselves, or the wait ends with its deadline */
    (void)handle_class_of(h)->kind->interrupt(handle_raw(h), context_get(h->context_number));
}

static void interrupt_ended_thread(void *handle)
{
    (void)reference_drop(handle);
}

static void wake_in_use(sh_handle *h, wake_progress *progress, int64_t elapsed_ms)
{
    const handle_class *of = handle_class_of(h);
    bool interrupts = of->kind->interrupt != NULL;
    if (interrupts)
        platform_call_guarded(run_interrupt, interrupt_ended_thread, h);
    if (is_owned_descriptor(of) && (!interrupts || elapsed_ms >= INTERRUPT_ALONE_MS))
        wake_from_number(h, progress);
}

/* Under a reference of its own, beside the users': without it the last of them could release the value, and whoever got
 * the number next would be interrupted, or buried. */
static void wake_under_reference(sh_handle *h, wake_progress *progress, int64_t elapsed_ms)
{
    CHECKPOINT("handle.wake");
    if (state_word_join(&h->state) != STATE_DONE)
        return;
    int saved = errno;
    platform_cancel_token token = platform_cancel_hold(); /* or the reference would be lost */
    if ((state_word_read(&h->state) & STATE_HOLDS) != 0 && !is_spared(h))
        wake_in_use(h, progress, elapsed_ms);
    platform_cancel_restore(token);
    errno = saved;
    if (progress->hands_over)
        progress->left_behind = state_word_leave_behind(&h->state) && !settle_sees_lease(h);
    else
        (void)reference_drop(h);
}

int64_t wake_users(sh_handle *h, wake_progress *progress)
{
    const handle_class *of = handle_class_of(h);
    if (of->kind->interrupt == NULL && !is_owned_descriptor(of))
        return PLATFORM_FOREVER;
    int64_t now = platform_now_ms();
    if (now < progress->due)
        return progress->due;
    if (progress->due == 0)
        progress->began = now;
    int64_t elapsed_ms = now - progress->began;
    progress->due = now + (elapsed_ms < PROMPT_MS ? PROMPT_EVERY_MS : LATER_EVERY_MS);
    wake_under_reference(h, progress, elapsed_ms);
    return progress->due;
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void wake_fork_before(void)
{
    platform_mutex_lock(&wake.mutex);
}

void wake_fork_after(void)
{
    platform_mutex_unlock(&wake.mutex);
}
