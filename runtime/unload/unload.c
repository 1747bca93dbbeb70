/* SPDX-License-Identifier: MIT */
#include "unload/unload.h"
#include "base/checkpoint.h"
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "thread/thread.h"

enum { LOOK_EVERY_MS = 20 }; /* where nobody can be woken */

/* ---- refusing ---------------------------------------------------------------------------------------------------- */

static bool is_open(const sh_handle *h)
{
    word_t bits = state_word_read(&h->state);
    return (bits & (STATE_HOLDS | STATE_RELEASED | STATE_INVALIDATED)) == STATE_HOLDS && handle_class_of(h)->owned;
}

static void count_open(void *handle, void *in_out_count)
{
    *(size_t *)in_out_count += is_open(handle);
}

/* Invariant: leased is true when one of them may be leased by somebody who has not fenced. */
typedef struct refusal {
    size_t open;
    bool leased;
} refusal;

static void refuse_users(void *handle, void *in_out_refusal)
{
    sh_handle *h = handle;
    refusal *refused = in_out_refusal;
    state_word_drain(&h->state);
    count_open(h, &refused->open);
    word_t bits = state_word_read(&h->state);
    refused->leased = refused->leased || ((bits & STATE_LEASED) != 0 && (bits & STATE_USERS_FENCE) == 0);
}

static void note_fence(void *handle, void *unused)
{
    (void)unused;
    sh_handle *h = handle;
    word_t bits = state_word_read(&h->state);
    if ((bits & (STATE_DRAINING | STATE_CLAIMED)) == STATE_DRAINING)
        (void)state_word_fenced(&h->state); /* may have to look: whoever closes it does that */
}

/* Whoever began its release, it is open until that returns. */
static void count_running(const event_record *subject, void *in_out_count)
{
    (void)subject;
    (*(size_t *)in_out_count)++;
}

static void count_running_too(const event_record *subject, void *in_out_refusal)
{
    count_running(subject, &((refusal *)in_out_refusal)->open);
}

static const finalization_visitor counting = {.watched = count_open, .running = count_running};
static const finalization_visitor refusing = {.watched = refuse_users, .running = count_running_too};

/* Those that a worker is releasing included, here and below. */
static size_t count_open_handles(uint32_t group)
{
    size_t open = 0;
    finalization_visit_handles(group, &counting, &open);
    return open;
}

/* One barrier for all of them, or each would need its own when it is closed. Answers how many are open. */
static size_t refuse_all(uint32_t group)
{
    refusal refused = {.open = 0};
    finalization_visit_handles(group, &refusing, &refused);
    CHECKPOINT("unload.refused");
    if (refused.leased && platform_barrier())
        gc->visit_watched(group, note_fence, NULL);
    return refused.open;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A round, where one is due, for every handle that somebody else may give back; answers how many those are. The time is
 * looked at for each: a round walks all leases for every handle, and takes seconds where there are ten thousand of
 * both. *in_out_next: becomes the time of the next round where that is earlier. *out_left_behind: a handle's last user
 * has left while it was being woken. */
static size_t wake_others(const left_over_list *left, const wake_progress *rounds, int64_t deadline,
                          int64_t *in_out_next, bool *out_left_behind)
{
    *out_left_behind = false;
    size_t others = left->total - left->count;
    for (size_t i = 0; i < left->count; i++) {
        if (thread_leases(left->handles[i]))
            continue;
        others++;
        wake_progress progress = *rounds;
        if (platform_now_ms() < deadline)
            *in_out_next = earlier(*in_out_next, wake_users(left->handles[i], &progress));
        *out_left_behind = *out_left_behind || progress.left_behind;
    }
    return others;
}

/* It also looks when any handle was released, one of another domain perhaps: a round is due by the clock alone.
 * SH_E_CLOSED: the lanes have stopped, so that what waits in them waits for ever. */
static sh_status wait_for_users(uint32_t group, int64_t deadline, left_over_list *left)
{
    int64_t began = platform_now_ms();
    wake_progress rounds = {.began = began, .due = began, .hands_over = true};
    for (;;) {
        int64_t next = platform_now_ms() + LOOK_EVERY_MS;
        *left = left_over_take(group);
        bool left_behind;
        size_t others = wake_others(left, &rounds, deadline, &next, &left_behind) + left->running;
        left_over_drop(left);
        if (left_behind)
            gc->handle_condemn(group); /* a worker releases it: that may take longer than this thread has */
        if (others == 0)
            return left->total == 0 ? SH_OK : SH_PENDING;
        if (platform_now_ms() >= deadline)
            return SH_E_TIMEOUT;
        if (finalization_is_stopping())
            return SH_E_CLOSED;
        rounds.due = next;
        release_wait_for_any(earlier(next, deadline));
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Normal finalizers get three quarters of the time, so that the releases have the last one. */
static int64_t finalizers_share_ms(int64_t deadline)
{
    int64_t left_ms = deadline - platform_now_ms();
    return left_ms > 0 ? left_ms / 4 * 3 : 0;
}

/* What is to be undone when an interrupt, or a release, ends the thread. */
typedef struct unload_call {
    uint32_t group;
    int64_t deadline;
    finalization_hurry hurry; /* on its room's list exactly while hurries is true */
    bool hurries;
    left_over_list left;
    sh_status status;
} unload_call;

static void end_hurry(unload_call *call)
{
    if (call->hurries)
        finalization_hurry_end(&call->hurry);
    call->hurries = false;
}

/* Normal finalizers first: the lanes see to it that no handle is released before they have run. */
static void run(void *data)
{
    unload_call *call = data;
    call->hurries = call->deadline != PLATFORM_FOREVER;
    if (call->hurries)
        finalization_hurry_begin(&call->hurry, finalizers_share_ms(call->deadline));
    gc->finalizer_condemn(call->group);
    CHECKPOINT("unload.condemn");
    gc->handle_condemn(call->group);
    (void)finalization_wait_batch(call->deadline);
    call->status = wait_for_users(call->group, call->deadline, &call->left);
    end_hurry(call);
}

static void run_ended_thread(void *data)
{
    unload_call *call = data;
    left_over_drop(&call->left);
    end_hurry(call);
}

sh_status unload_run(uint32_t group, int64_t deadline, sh_unload_report *out_report_or_null)
{
    size_t open_before = refuse_all(group);
    unload_call call = {.group = group, .deadline = deadline};
    platform_call_guarded(run, run_ended_thread, &call);
    if (out_report_or_null != NULL) {
        sh_unload_report report = {.released = 0};
        size_t open_after = count_open_handles(group);
        report.released = open_before > open_after ? open_before - open_after : 0;
        left_over_report(group, &report);
        *out_report_or_null = report;
    }
    return call.status;
}
