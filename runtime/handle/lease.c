/* SPDX-License-Identifier: MIT */
/* Leases: a counted reference with a name in its thread's record, and who holds them. */
#include "handle/handle.h"
#include "handle/kind.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <safehandle/lease.h>

#undef sh_lease_begin
#undef sh_lease_begin_kind

static sh_status here(thread_record **out_record)
{
    thread_record *record = thread_here();
    if (record == NULL)
        return thread_attach(false, out_record);
    *out_record = record;
    return SH_OK;
}

sh_status sh_lease_begin_at(sh_lease *lease, sh_handle *h, const sh_site *site_or_null, sh_raw *out_raw)
{
    if (lease == NULL || h == NULL || out_raw == NULL)
        return SH_E_ARGUMENT;
    thread_record *record;
    sh_status status = here(&record);
    if (status != SH_OK)
        return status;
    thread_lease *place = thread_lease_take(record);
    if (place == NULL)
        return SH_E_NOMEM;
    status = reference_take_set(h);
    if (status != SH_OK) {
        thread_lease_clear(record, place);
        return status;
    }
    thread_lease_publish(place, h, site_or_null);
    *lease = (sh_lease){.handle = h, .slot = place};
    *out_raw = handle_raw(h);
    return SH_OK;
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

/* Takes the lease out of the thread's record; its reference stays. NULL: there is none. */
static sh_handle *forget(sh_lease *lease)
{
    sh_handle *h = lease == NULL ? NULL : lease->handle;
    if (h == NULL)
        return NULL;
    thread_lease_clear(thread_here(), lease->slot);
    *lease = (sh_lease){.handle = NULL};
    return h;
}

void sh_lease_end(sh_lease *lease)
{
    sh_handle *h = forget(lease);
    if (h != NULL)
        (void)reference_drop(h);
}

sh_status sh_lease_detach(sh_lease *lease)
{
    return forget(lease) == NULL ? SH_E_ARGUMENT : SH_OK;
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
    /* A negative count is an over-release that is being undone: nobody holds anything. */
    size_t references = (bits & STATE_NEGATIVE) != 0 ? 0 : state_count(bits);
    *out_lease_count = list.count;
    *out_counted_references = references > list.count ? references - list.count : 0;
    return SH_OK;
}
