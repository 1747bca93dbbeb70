/* SPDX-License-Identifier: MIT */
/* Closing, waiting for it, and invalidating. */
#include "handle/handle.h"
#include "handle/owner_map.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <errno.h>

static sh_status released_status(const sh_handle *h)
{
    return (state_word_read(&h->state) & STATE_FAILED) != 0 ? SH_E_RELEASE : SH_OK;
}

/* It stays open for ever. */
static void tell_of_no_barrier(const sh_handle *h)
{
    handle_raise(h, SH_EVENT_LEAKED_REFERENCE, EVENT_NO_BARRIER, NULL);
}

sh_status sh_close(sh_handle *h)
{
    if (h == NULL)
        return SH_E_ARGUMENT;
    state_result closing = state_word_begin_close(&h->state, thread_lessee());
    if (closing.duty != STATE_NOTHING) {
        sh_status status = settle(h, closing.duty);
        if (status == SH_E_SYSTEM && closing.answer == STATE_DONE)
            tell_of_no_barrier(h);
        if (status == SH_E_SYSTEM)
            errno = (int)atomic_word_load(&platform_barrier_missing);
        if (status != SH_PENDING)
            return status;
    }
    if (sh_is_released(h))
        return SH_OK;
    /* Its users may be threads that a fork left behind: being admitted gives their leases back. */
    (void)lifecycle_admit(); /* may fail here: then it stays pending, and the next caller tries again */
    return sh_is_released(h) ? released_status(h) : SH_PENDING;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* Looks first: at timeout 0 nobody is woken, since nobody would see it through. */
static bool wait_waking(sh_handle *h, int64_t deadline)
{
    wake_progress progress = {.due = 0};
    int64_t due = 0;
    for (;;) {
        if (release_wait(h, due < deadline ? due : deadline))
            return true;
        if (platform_now_ms() >= deadline)
            return false;
        due = wake_users(h, &progress);
    }
}

sh_status sh_close_wait(sh_handle *h, int64_t timeout_ms)
{
    sh_status status = sh_close(h);
    if (status == SH_OK)
        return released_status(h);
    /* A finalizer that waited for a user would keep all others waiting. */
    if (status != SH_PENDING || thread_is_ours() || thread_leases(h))
        return status;
    return wait_waking(h, platform_deadline(timeout_ms)) ? released_status(h) : SH_E_TIMEOUT;
}

/* ---- surrendering ------------------------------------------------------------------------------------------------ */

static bool is_in_use(const sh_handle *h)
{
    return state_count(state_word_read(&h->state)) > 0 || settle_sees_lease(h);
}

/* With the claim. Who waited for the close while there was another user may have buried the number. */
static sh_status surrender_claimed(sh_handle *h, sh_raw *out_raw)
{
    if (!wake_has_buried(h))
        return release_surrendered(h, out_raw);
    (void)release_claimed(h); /* may fail here: an event says so */
    return SH_E_TIMEOUT;
}

sh_status close_surrender(sh_handle *h, sh_raw *out_raw)
{
    if (!sh_owns_handle(h))
        return SH_E_ARGUMENT;
    ASSERT((state_word_read(&h->state) & STATE_HOLDS) != 0);
    if (is_in_use(h))
        return SH_E_TIMEOUT;
    state_result closing = state_word_begin_close(&h->state, thread_lessee());
    if (closing.answer != STATE_DONE) {
        (void)settle(h, closing.duty); /* may fail here: who closed it was told */
        return SH_E_CLOSED;
    }
    sh_status claimed = settle_claim(h, closing.duty);
    if (claimed == SH_OK)
        return surrender_claimed(h, out_raw);
    if (claimed == SH_E_SYSTEM) {
        tell_of_no_barrier(h);
        errno = (int)atomic_word_load(&platform_barrier_missing);
    }
    return claimed == SH_PENDING ? SH_E_TIMEOUT : claimed;
}

/* ---- invalidating ------------------------------------------------------------------------------------------------ */

bool close_as_invalid(sh_handle *h)
{
    state_result closing = state_word_invalidate(&h->state, thread_lessee());
    if (closing.answer != STATE_DONE)
        return false;
    wake_spare(); /* the caller may give the number away now */
    (void)owner_map_disown(h, owner_map_place(handle_class_of(h), handle_raw(h)));
    if (closing.duty != STATE_NOTHING)
        (void)settle(h, closing.duty); /* may fail here: without a barrier it is never known to be out of use */
    return true;
}

void sh_set_handle_as_invalid(sh_handle *h)
{
    if (h != NULL)
        (void)close_as_invalid(h);
}

void close_unborn(sh_handle *h)
{
    (void)sh_close(h);
    drop_unborn(h);
}

void drop_unborn(sh_handle *h)
{
    /* A host without a collector has to be told that nothing reaches it. */
    if (gc->drop_handle != NULL)
        (void)gc->drop_handle(h); /* may fail here: only for one that was told before, and this is the first time */
}
