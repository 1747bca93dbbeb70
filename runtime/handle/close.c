/* SPDX-License-Identifier: MIT */
/* Closing, waiting for it, and invalidating. */
#include "base/checkpoint.h"
#include "handle/context.h"
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

sh_status sh_close(sh_handle *h)
{
    if (h == NULL)
        return SH_E_ARGUMENT;
    state_result closing = state_word_begin_close(&h->state);
    if (closing.must_release)
        return release_claimed(h);
    if (sh_is_released(h))
        return SH_OK;
    /* Its users may be threads that a fork left behind: being admitted gives their leases back. */
    (void)lifecycle_admit();
    return sh_is_released(h) ? released_status(h) : SH_PENDING;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

enum { INTERRUPT_EVERY_MS = 1 }; /* a user may be between its look at a flag and its system call: once is not enough */

/* Under a reference of its own, beside the users': without it the last of them could release the value, and the
 * interrupt would hit whoever got the number next. */
void close_wake_users(sh_handle *h)
{
    CHECKPOINT("handle.interrupt");
    if (handle_class_of(h)->kind->interrupt == NULL || state_word_join(&h->state) != STATE_DONE)
        return;
    int saved = errno;
    platform_cancel_token token = platform_cancel_hold(); /* or the reference would be lost */
    if ((state_word_read(&h->state) & STATE_HOLDS) != 0)
        (void)handle_class_of(h)->kind->interrupt(handle_raw(h), context_get(h->context_number));
    platform_cancel_restore(token);
    errno = saved;
    (void)reference_drop(h);
}

static bool wait_interrupting(sh_handle *h, int64_t deadline)
{
    for (;;) {
        close_wake_users(h);
        int64_t turn = platform_deadline(INTERRUPT_EVERY_MS);
        if (release_wait(h, turn < deadline ? turn : deadline))
            return true;
        if (platform_now_ms() >= deadline)
            return false;
    }
}

sh_status sh_close_wait(sh_handle *h, int64_t timeout_ms)
{
    sh_status status = sh_close(h);
    if (status == SH_OK)
        return released_status(h);
    if (status != SH_PENDING || thread_leases(h))
        return status;
    int64_t deadline = platform_deadline(timeout_ms);
    bool can_interrupt = handle_class_of(h)->kind->interrupt != NULL;
    bool released = can_interrupt ? wait_interrupting(h, deadline) : release_wait(h, deadline);
    return released ? released_status(h) : SH_E_TIMEOUT;
}

/* ---- invalidating ------------------------------------------------------------------------------------------------ */

bool close_as_invalid(sh_handle *h)
{
    state_result closing = state_word_invalidate(&h->state);
    if (closing.answer != STATE_DONE)
        return false;
    (void)owner_map_disown(h, handle_raw(h));
    if (closing.must_release)
        (void)release_claimed(h);
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
    /* A host without a collector has to be told that nothing reaches it. */
    if (gc->drop_handle != NULL)
        (void)gc->drop_handle(h);
}
