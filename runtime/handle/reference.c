/* SPDX-License-Identifier: MIT */
/* Counted references, and looking at a handle. */
#include "handle/handle.h"
#include "handle/kind.h"
#include "thread/thread.h"
#include <safehandle/inline.h>

#undef sh_dangerous_add_ref
#undef sh_dangerous_release

bool handle_is_valid(const sh_handle *h)
{
    word_t bits = state_word_read(&h->state); /* before the value: HOLDS comes after it, and it stays */
    bool holds = (bits & STATE_HOLDS) != 0;
    return state_word_is_valid(bits) && !(holds && kind_refuses(handle_class_of(h)->kind, handle_raw(h)));
}

void handle_describe(const void *handle, event_record *out_record)
{
    const sh_handle *h = handle;
    const handle_class *of = handle_class_of(h);
    out_record->kind = of->kind;
    out_record->raw = handle_raw(h);
    out_record->birth = class_birth(of);
}

event_record handle_event(const sh_handle *h, sh_event_type type, event_detail detail, const sh_handle *other_or_null)
{
    event_record record = {.type = type, .detail = detail, .count = 1};
    handle_describe(h, &record);
    if (other_or_null != NULL)
        record.other = class_birth(handle_class_of(other_or_null));
    return record;
}

void handle_raise(const sh_handle *h, sh_event_type type, event_detail detail, const sh_handle *other_or_null)
{
    event_record record = handle_event(h, type, detail, other_or_null);
    event_raise(&record);
}

/* ---- references -------------------------------------------------------------------------------------------------- */

/* While its domain is unloaded, a handle is still open to the finalizers, which may have to flush through it. */
static bool finalizer_enters(sh_handle *h)
{
    return thread_is_ours() && state_word_enter_draining(&h->state) == STATE_DONE;
}

static sh_status refused(sh_handle *h, state_result entry)
{
    if (entry.duty != STATE_NOTHING) {
        (void)settle(h, entry.duty);
        return SH_E_CLOSED;
    }
    switch (entry.answer) {
    case STATE_TOO_LATE:
        return finalizer_enters(h) ? SH_OK : SH_E_CLOSED;
    case STATE_SATURATED:
        handle_raise(h, SH_EVENT_SATURATED, EVENT_PLAIN, NULL);
        return SH_E_OVERFLOW;
    case STATE_AT_LIMIT:
        return SH_E_OVERFLOW;
    default:
        return SH_E_UNBALANCED;
    }
}

/* What the inlined part has begun, and what it saw. */
sh_status sh_dangerous_add_ref_refused(sh_handle *h, uint64_t seen)
{
    ASSERT(handle_is_valid(h));
    state_result entry = state_word_refuse(&h->state, seen);
    return entry.answer == STATE_DONE ? SH_OK : refused(h, entry);
}

static sh_status left(sh_handle *h, state_result leaving)
{
    if (leaving.answer == STATE_UNBALANCED)
        /* Before the release: the handle may be gone after it. */
        handle_raise(h, SH_EVENT_UNBALANCED_RELEASE, EVENT_PLAIN, NULL);
    sh_status released = leaving.duty == STATE_NOTHING ? SH_OK : settle(h, leaving.duty);
    return leaving.answer == STATE_UNBALANCED ? SH_E_UNBALANCED : released == SH_E_RELEASE ? SH_E_RELEASE : SH_OK;
}

sh_status sh_dangerous_release_last(sh_handle *h, uint64_t seen)
{
    return left(h, state_word_leave(&h->state, seen));
}

sh_status reference_drop(sh_handle *h)
{
    return left(h, state_word_drop_ref(&h->state));
}

sh_status sh_dangerous_add_ref(sh_handle *h, bool *success)
{
    ASSERT(h == NULL || handle_is_valid(h));
    return sh_dangerous_add_ref_inline(h, success);
}

sh_status sh_dangerous_release(sh_handle *h)
{
    return sh_dangerous_release_inline(h);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

sh_raw sh_dangerous_get_handle(const sh_handle *h)
{
    return h == NULL ? -1 : handle_raw(h);
}

bool sh_is_closed(const sh_handle *h)
{
    return h == NULL || (state_word_read(&h->state) & STATE_CLOSED) != 0;
}

bool sh_is_invalid(const sh_handle *h)
{
    return h == NULL || kind_refuses(handle_class_of(h)->kind, handle_raw(h));
}

bool sh_is_released(const sh_handle *h)
{
    return h == NULL || (state_word_read(&h->state) & STATE_RELEASED) != 0;
}

bool sh_owns_handle(const sh_handle *h)
{
    return h != NULL && handle_class_of(h)->owned;
}

const sh_kind *sh_kind_of(const sh_handle *h)
{
    return h == NULL ? NULL : handle_class_of(h)->kind;
}

bool sh_is_kind(const sh_handle *h, const sh_kind *kind)
{
    return h != NULL && kind != NULL && kind_is_a(handle_class_of(h)->kind, kind);
}
