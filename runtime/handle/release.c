/* SPDX-License-Identifier: MIT */
/*
 * The one release path. Whoever holds the claim of a state word comes through release_claimed: the closer, the last
 * user, a refused entrant, the critical worker, unload.
 */
#include "base/checkpoint.h"
#include "contract/contract.h"
#include "finalization/handful.h"
#include "handle/context.h"
#include "handle/handle.h"
#include "handle/kind.h"
#include "handle/owner_map.h"
#include "platform/platform.h"
#include "thread/thread.h"
#include <errno.h>

/* ---- waiting for a release --------------------------------------------------------------------------------------- */

/* Invariant: count is how many threads are between entering and leaving release_wait. */
static struct {
    platform_mutex mutex;
    platform_condition released;
    bool condition_made;
    atomic_word count;
} waiters = {.mutex = PLATFORM_MUTEX_INIT};

static void lock_waiters(void)
{
    platform_mutex_lock(&waiters.mutex);
    platform_condition_init_once(&waiters.released, &waiters.condition_made);
}

/* The releaser has set RELEASED with a full step and looks for waiters; a waiter counts itself with a full step and
 * looks for RELEASED. One of the two sees the other. */
static void announce(void)
{
    if (atomic_word_load(&waiters.count) == 0)
        return;
    lock_waiters();
    platform_condition_broadcast(&waiters.released);
    platform_mutex_unlock(&waiters.mutex);
}

static bool is_released(const sh_handle *h)
{
    return (state_word_read(&h->state) & STATE_RELEASED) != 0;
}

void release_wait_for_any(int64_t deadline)
{
    (void)atomic_word_add_full(&waiters.count, 1);
    lock_waiters();
    (void)platform_condition_wait(&waiters.released, &waiters.mutex, deadline);
    platform_mutex_unlock(&waiters.mutex);
    (void)atomic_word_add_full(&waiters.count, (word_t)-1);
}

bool release_wait(const sh_handle *h, int64_t deadline)
{
    (void)atomic_word_add_full(&waiters.count, 1);
    lock_waiters();
    while (!is_released(h) && platform_condition_wait(&waiters.released, &waiters.mutex, deadline))
        continue;
    platform_mutex_unlock(&waiters.mutex);
    (void)atomic_word_add_full(&waiters.count, (word_t)-1);
    return is_released(h);
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

/* Touches h a last time. */
static void finish(sh_handle *h, bool failed)
{
    state_word_finish(&h->state, failed);
    announce();
}

/* One call of a kind's release. */
typedef struct release_call {
    sh_handle *h;
    sh_raw raw;
    int error;
} release_call;

/* Answers an errno value. */
static int run_release(const sh_handle *h, const handle_class *of, sh_raw raw)
{
    void *context = h->context_number == 0 ? NULL : context_get(h->context_number);
    return contract_call_release(of->kind, raw, context, class_birth(of));
}

static void run_release_call(void *data)
{
    release_call *call = data;
    call->error = run_release(call->h, handle_class_of(call->h), call->raw);
}

static void drop_context(sh_handle *h)
{
    if (h->context_number == 0)
        return; /* nor written: a late sh_set_handle on an unset handle reads it */
    context_drop(h->context_number);
    h->context_number = 0;
}

/* The thread is ending, and nobody can know how far the release had come: it counts as failed, and is not repeated. */
void release_torn(void *handle)
{
    sh_handle *h = handle;
    handle_raise(h, SH_EVENT_CONTRACT_BROKEN, EVENT_RELEASE_ENDED_THREAD, NULL);
    if (is_released(h))
        return; /* a stray value of a handle that is over */
    drop_context(h);
    finish(h, true);
}

static void release_ended_thread(void *data)
{
    release_torn(((const release_call *)data)->h);
}

static int run_release_guarded(sh_handle *h, sh_raw raw)
{
    release_call call = {.h = h, .raw = raw};
    platform_call_guarded(run_release_call, release_ended_thread, &call);
    return call.error;
}

/* errno survives it, and a cancellation waits until it is over: a thread that were torn out of its release would leave
 * nobody to release. */
static int run_release_held(sh_handle *h, sh_raw raw)
{
    int saved = errno;
    platform_cancel_token token = platform_cancel_hold();
    int error = run_release_guarded(h, raw);
    platform_cancel_restore(token);
    errno = saved;
    return error;
}

static void tell_of_failure(const sh_handle *h, int error)
{
    event_record record = handle_event(h, SH_EVENT_RELEASE_FAILED, EVENT_PLAIN, NULL);
    record.os_error = error;
    event_raise(&record);
}

static void tell_of_stranger(const sh_handle *h, const atomic_word *place)
{
    sh_handle *owner = owner_map_find(place);
    handle_raise(h, SH_EVENT_DOUBLE_WRAP, EVENT_NUMBER_TAKEN, owner);
    gc->unpin(owner);
}

/* Gives the right to close the number up. False: h did not have it, and an event tells so. */
static bool disown(sh_handle *h, const handle_class *of, sh_raw raw)
{
    atomic_word *place = owner_map_place(of, raw);
    if (owner_map_disown(h, place))
        return true;
    tell_of_stranger(h, place);
    return false;
}

/* On a worker the lanes hold cancellation back for many, and call release_torn should the thread end. */
static int run_release_there(sh_handle *h, const handle_class *of, sh_raw raw, bool on_worker)
{
    return on_worker ? run_release(h, of, raw) : run_release_held(h, raw);
}

/* Calls the kind's release. Answers an errno value. */
static int call_release(sh_handle *h, const handle_class *of, sh_raw raw, bool on_worker)
{
    if (!disown(h, of, raw))
        return 0;
    /* Our own can do none of what a program's is guarded against; but its contract is checked like any other. */
    bool plain = !CONTRACTS_ARE_CHECKED && of->kind->release == kind_release_descriptor;
    int error = plain ? platform_descriptor_close(raw) : run_release_there(h, of, raw, on_worker);
    if (error != 0)
        tell_of_failure(h, error);
    return error;
}

static sh_status release_as_claimer(sh_handle *h, const handle_class *of, bool on_worker)
{
    word_t bits = state_word_read(&h->state);
    ASSERT(handle_is_valid(h) && (bits & (STATE_CLAIMED | STATE_RELEASED)) == STATE_CLAIMED);
    int error = 0;
    if ((bits & STATE_HOLDS) != 0) {
        if ((bits & STATE_INVALIDATED) == 0 && of->owned)
            error = call_release(h, of, handle_raw(h), on_worker);
        /* An unset handle keeps its context until it dies: sh_set_handle may yet bring a value to release. */
        drop_context(h);
    }
    CHECKPOINT("handle.finish");
    finish(h, error != 0);
    return error == 0 ? SH_OK : SH_E_RELEASE;
}

sh_status release_claimed(sh_handle *h)
{
    return release_as_claimer(h, handle_class_of(h), false);
}

sh_status release_surrendered(sh_handle *h, sh_raw *out_raw)
{
    word_t bits = state_word_read(&h->state);
    ASSERT((bits & (STATE_CLAIMED | STATE_RELEASED | STATE_HOLDS)) == (STATE_CLAIMED | STATE_HOLDS));
    sh_raw raw = handle_raw(h);
    bool given = (bits & STATE_INVALIDATED) == 0 && disown(h, handle_class_of(h), raw);
    drop_context(h);
    finish(h, false);
    if (given)
        *out_raw = raw;
    return given ? SH_OK : SH_E_CLOSED;
}

sh_status release_stray(sh_handle *h, sh_raw raw)
{
    const handle_class *of = handle_class_of(h);
    return !of->owned || call_release(h, of, raw, false) == 0 ? SH_OK : SH_E_RELEASE;
}

/* ---- for the collector and the lanes ----------------------------------------------------------------------------- */

/* Closed and unused, and unclaimed: see state_word_leave_behind. */
static bool is_left_behind(word_t bits)
{
    return (bits & (STATE_CLOSED | STATE_CLAIMED | STATE_PINNED)) == STATE_CLOSED && state_count(bits) == 0;
}

/* Where the collector has stopped the world: reads two words and calls nothing. */
gc_verdict release_judge(const void *handle)
{
    const sh_handle *h = handle;
    word_t bits = state_word_read(&h->state);
    if ((bits & STATE_RELEASED) != 0)
        return h->context_number == 0 ? GC_FORGET : GC_CONDEMN;
    if ((bits & (STATE_CLAIMED | STATE_PINNED)) != 0)
        return GC_KEEP;
    /* Whoever has a reference gives it back, and releases; but not an unload that was waking it when it died. */
    return (bits & STATE_LEAKED) != 0 && !is_left_behind(bits) ? GC_KEEP : GC_CONDEMN;
}

/* Nobody has a lease on what nothing reaches, so its release needs no barrier; who gets at it once more, through a
 * finalizer, is a lessee anew. */
void release_judge_dead(void *const *handles, size_t count, gc_verdict *out_verdicts)
{
    for (size_t i = 0; i < count; i++) {
        sh_handle *h = handles[i];
        out_verdicts[i] = release_judge(h);
        if (out_verdicts[i] != GC_FORGET)
            state_word_forget_lessees(&h->state);
    }
}

static uint32_t class_number(const sh_handle *h)
{
    return atomic_half_load_acquire(&h->class_number); /* acquire is more than needed: nothing is read through it */
}

/* Dead with users on it: they may have the pointer where no collector looks, so nothing is closed under them. */
static gc_verdict keep_for_users(sh_handle *h, gc_reason reason, word_t *out_leak)
{
    bool counted = (state_word_read(&h->state) & (STATE_CLAIMED | STATE_PINNED | STATE_LEAKED)) == 0;
    if (reason == GC_DEATH && counted) {
        state_word_mark_leaked(&h->state); /* from here on, release_judge keeps it while it is in use */
        *out_leak = finalization_leak(SH_EVENT_LEAKED_REFERENCE, class_number(h));
    }
    return GC_KEEP;
}

/* Most were never leased, and the claim is in hand. */
static bool release_now(sh_handle *h, const handle_class *of, state_duty duty)
{
    if (duty == STATE_RELEASE) {
        (void)release_as_claimer(h, of, true);
        return true;
    }
    sh_status settled = duty == STATE_NOTHING ? SH_PENDING : settle(h, duty);
    return settled == SH_OK || settled == SH_E_RELEASE;
}

gc_verdict release_dead(void *handle, gc_reason reason, word_t *out_leak)
{
    sh_handle *h = handle;
    state_result closing = state_word_begin_close(&h->state, thread_lessee());
    word_t bits = state_word_read(&h->state);
    if (closing.duty == STATE_NOTHING && is_left_behind(bits))
        closing.duty = state_word_left(&h->state); /* as the last to leave */
    const handle_class *of = handle_class_of(h);
    if (release_now(h, of, closing.duty)) {
        bool leaked = reason == GC_DEATH && of->owned && (bits & STATE_HOLDS) != 0;
        if (leaked)
            *out_leak = finalization_leak(SH_EVENT_LEAKED_TO_FINALIZER, class_number(h));
    } else if (state_is_blank(bits)) {
        return GC_KEEP; /* its region may yet make a handle of it, which must be watched */
    } else if ((bits & STATE_RELEASED) == 0) {
        return keep_for_users(h, reason, out_leak);
    }
    if (reason == GC_UNLOAD && h->context_number != 0)
        return GC_KEEP; /* unset: see release_claimed */
    drop_context(h);
    return GC_FORGET;
}

size_t release_handful(handful *of)
{
    return handful_release(of, release_dead);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void handle_fork_before(void)
{
    class_fork_before();
    context_fork_before();
    wake_fork_before();
    lock_waiters();
}

void handle_fork_in_parent(void)
{
    platform_mutex_unlock(&waiters.mutex);
    wake_fork_after();
    context_fork_after();
    class_fork_after();
}

/* The threads that waited are gone. */
void handle_fork_in_child(void)
{
    platform_condition_init(&waiters.released);
    atomic_word_store(&waiters.count, 0);
    handle_fork_in_parent();
}
