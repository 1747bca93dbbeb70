/* SPDX-License-Identifier: MIT */
/* Leases: what the inlined part leaves to the library, and who holds them. docs/leases.md */
/* Before every other: tests step into the inlined parts, too. */
#define SH_INLINE_POINT(name) CHECKPOINT(name)
#define SH_INLINE_STORED(word, before) STORED((word), (before))

#include "base/checkpoint.h"
#include "handle/handle.h"
#include "handle/kind.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <safehandle/inline.h>

#undef sh_lease_begin
#undef sh_lease_begin_kind
#undef sh_lease_end

_Static_assert(offsetof(sh_handle, state) == offsetof(struct sh_handle_head, state) &&
                   offsetof(sh_handle, raw) == offsetof(struct sh_handle_head, raw),
               "the inlined parts know the first words of a handle");
_Static_assert(SH_STATE_CLOSED == STATE_CLOSED && SH_STATE_HOLDS == STATE_HOLDS &&
                   SH_STATE_DRAINING == STATE_DRAINING && SH_STATE_USERS_FENCE == STATE_USERS_FENCE &&
                   SH_STATE_ONE == STATE_ONE && SH_STATE_REFUSING == STATE_REFUSING &&
                   SH_STATE_NEGATIVE == STATE_NEGATIVE && SH_STATE_LEASED_HERE_TOO == (STATE_LEASED | STATE_HOLDS),
               "the inlined parts know the state word");

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static sh_status status_of(state_answer answer)
{
    return answer == STATE_DONE ? SH_OK : answer == STATE_UNSET ? SH_E_INVALID : SH_E_CLOSED;
}

/* With the slot written. While its domain is unloaded, a handle is still open to the finalizers. */
static sh_status admit(sh_handle *h, const lease_slots *here)
{
    /* Full: where there is no barrier, and while the domain is unloaded, nobody else orders the slot before the look.
     */
    atomic_fence_full();
    state_lessee lessee = {.own = lease_slots_lessee(here),
                           .users_fence = atomic_word_load(&platform_barrier_missing) != 0,
                           .draining = thread_is_ours()};
    return status_of(state_word_lease(&h->state, lessee));
}

static sh_status find_slot(lease_slots **out_here, lease_slot **out_slot)
{
    thread_record *record = thread_here();
    sh_status status = record != NULL ? SH_OK : thread_attach(false, &record);
    if (status != SH_OK)
        return status;
    *out_here = &record->leases;
    *out_slot = lease_slot_find(*out_here);
    return *out_slot != NULL ? SH_OK : SH_E_NOMEM;
}

struct sh_lease_entry sh_lease_enter(sh_handle *h, const sh_site *site_or_null)
{
    ASSERT(handle_is_valid(h));
    lease_slots *here;
    lease_slot *slot;
    sh_status status = find_slot(&here, &slot);
    if (status != SH_OK)
        return (struct sh_lease_entry){NULL, status};
    lease_slot_write(slot, h, site_or_null);
    STORED(&slot->handle, (uintptr_t)0);
    status = admit(h, here);
    if (status == SH_OK)
        return (struct sh_lease_entry){slot, SH_OK};
    lease_slot_clear(slot);
    STORED(&slot->handle, (uintptr_t)h);
    lease_left(h); /* who looked may have been kept from releasing by this slot, or by that of the inlined part */
    return (struct sh_lease_entry){NULL, status};
}

static __attribute__((noinline)) sh_status begin_slowly(sh_lease *lease, sh_handle *h, const sh_site *site_or_null,
                                                        sh_raw *out_raw)
{
    struct sh_lease_entry entry = sh_lease_enter(h, site_or_null);
    return entry.slot != NULL ? sh_lease_grant_inline(lease, h, entry.slot, out_raw) : entry.status;
}

sh_status sh_lease_begin_at(sh_lease *lease, sh_handle *h, const sh_site *site_or_null, sh_raw *out_raw)
{
    if (lease == NULL || h == NULL || out_raw == NULL)
        return SH_E_ARGUMENT;
    lease_slot *slot = sh_lease_try_inline(h, site_or_null);
    /* By tail calls, so that nothing is saved on the short way. */
    return slot != NULL ? sh_lease_grant_inline(lease, h, slot, out_raw)
                        : begin_slowly(lease, h, site_or_null, out_raw);
}

sh_status sh_lease_begin(sh_lease *lease, sh_handle *h, sh_raw *out_raw)
{
    return sh_lease_begin_at(lease, h, NULL, out_raw);
}

sh_status sh_lease_begin_kind_at(sh_lease *lease, sh_handle *h, const sh_kind *kind, const sh_site *site_or_null,
                                 sh_raw *out_raw)
{
    if (h == NULL || kind == NULL)
        return SH_E_ARGUMENT;
    return kind_is_a(handle_class_of(h)->kind, kind) ? sh_lease_begin_at(lease, h, site_or_null, out_raw) : SH_E_KIND;
}

sh_status sh_lease_begin_kind(sh_lease *lease, sh_handle *h, const sh_kind *kind, sh_raw *out_raw)
{
    return sh_lease_begin_kind_at(lease, h, kind, NULL, out_raw);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

void lease_left(void *handle)
{
    sh_handle *h = handle;
    /* Full: the slot is clear before this look, and before that of any other leaver who finds this one gone. */
    atomic_fence_full();
    CHECKPOINT("handle.left");
    state_duty duty = state_word_left(&h->state);
    if (duty != STATE_NOTHING)
        (void)settle(h, duty);
}

void sh_lease_leave(sh_handle *h)
{
    lease_left(h);
}

void sh_lease_end(sh_lease *lease)
{
    sh_lease_end_inline(lease);
}

/* Counted first, while the slot still protects it. */
sh_status sh_lease_detach(sh_lease *lease)
{
    sh_handle *h = lease == NULL ? NULL : lease->handle;
    if (h == NULL)
        return SH_E_ARGUMENT;
    if (state_word_join(&h->state) != STATE_DONE)
        return SH_E_OVERFLOW;
    lease_slot_clear(lease->slot);
    lease->handle = NULL;
    lease->slot = NULL;
    return SH_OK;
}

/* ---- holders ----------------------------------------------------------------------------------------------------- */

typedef struct holder_list {
    sh_holder *holders;
    size_t capacity;
    size_t count;
} holder_list;

SH_RELIABILITY(will_not_corrupt_state, success)
static void add_holder(int64_t thread_id, const sh_site *since, void *data)
{
    holder_list *list = data;
    if (list->count < list->capacity)
        list->holders[list->count] = (sh_holder){thread_id, since == NULL ? (sh_site){NULL, 0} : *since};
    list->count++;
}

sh_status sh_holders(const sh_handle *h, sh_holder *out_holders, size_t capacity, size_t *out_lease_count,
                     size_t *out_counted_references)
{
    if (h == NULL || (out_holders == NULL && capacity > 0) || out_lease_count == NULL || out_counted_references == NULL)
        return SH_E_ARGUMENT;
    /* In the child of a fork, gives back the leases of threads that it does not have. */
    (void)lifecycle_admit(); /* may fail here: they are counted once more */
    holder_list list = {out_holders, capacity, 0};
    thread_visit_leases(h, add_holder, &list);
    word_t bits = state_word_read(&h->state);
    *out_lease_count = list.count;
    /* A negative count is an over-release that is being undone: nobody holds anything. */
    *out_counted_references = (bits & STATE_NEGATIVE) != 0 ? 0 : state_count(bits);
    return SH_OK;
}
