/* SPDX-License-Identifier: MIT */
/* Making a handle, and storing its value. */
#include "base/checkpoint.h"
#include "base/options.h"
#include "domain/domain.h"
#include "handle/context.h"
#include "handle/handle.h"
#include "handle/kind.h"
#include "handle/owner_map.h"
#include "handle/stock.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <safehandle/lease.h>

#undef sh_create
#undef sh_wrap
#undef sh_duplicate

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* From new memory: it is whole before the host watches it. */
static sh_handle *allocate(const handle_class *wanted, uint32_t class_number, uint32_t context_number)
{
    sh_handle born = {.context_number = context_number};
    state_word_init(&born.state);
    atomic_word_store(&born.raw, (word_t)wanted->kind->invalid_value);
    atomic_half_store_release(&born.class_number, class_number);
    return gc->handle_allocate(&born, sizeof born, wanted->group);
}

/* From what a constrained region has prepared: it is watched already, so state comes last. */
static sh_handle *take(handle_stock *stock, const handle_class *wanted, uint32_t class_number, uint32_t context_number)
{
    sh_handle *h = stock_take(stock);
    atomic_word_store(&h->raw, (word_t)wanted->kind->invalid_value);
    atomic_half_store_release(&h->class_number, class_number);
    h->context_number = context_number;
    state_word_init(&h->state);
    atomic_fence_full(); /* before the second look at the domain: no lock of the host's lies between */
    return h;
}

/* Everything that can fail fails here, and leaves nothing behind. */
static sh_status make(const handle_class *wanted, void *context, sh_handle **out_handle)
{
    handle_stock *stock = stock_here(wanted->group);
    uint32_t class_number;
    sh_status status =
        stock != NULL ? class_intern_reserved(wanted, &class_number) : class_intern(wanted, &class_number);
    if (status != SH_OK)
        return status;
    uint32_t context_number;
    status = stock != NULL ? context_keep_reserved(context, &context_number) : context_keep(context, &context_number);
    if (status != SH_OK)
        return status;
    sh_handle *h = stock != NULL ? take(stock, wanted, class_number, context_number)
                                 : allocate(wanted, class_number, context_number);
    if (h == NULL) {
        context_drop(context_number);
        return SH_E_NOMEM;
    }
    *out_handle = h;
    return SH_OK;
}

/* An unload that began meanwhile has seen the handle, or is seen here: the host's lock, under which it looks and which
 * making took, lies between; or, where a region had made it before, a full fence on both sides. */
static sh_status make_admitted(const handle_class *wanted, void *context, sh_handle **out_handle)
{
    sh_handle *h;
    sh_status status = make(wanted, context, &h);
    if (status != SH_OK)
        return status;
    CHECKPOINT("handle.made");
    if (lifecycle_admit() != SH_OK || !domain_admits(wanted->group)) {
        close_unborn(h);
        return SH_E_CLOSED;
    }
    *out_handle = h;
    return SH_OK;
}

sh_status create_checked(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                         const sh_site *site_or_null, sh_handle **out_handle)
{
    if (kind == NULL || out_handle == NULL)
        return SH_E_ARGUMENT;
    sh_create_options options;
    if (!options_read(&options, sizeof options, options_or_null, options_size_bytes))
        return SH_E_UNSUPPORTED;
    sh_status status = lifecycle_admit();
    if (status != SH_OK)
        return status;
    handle_class wanted = {.kind = kind, .site = site_or_null, .owned = !options.not_owned};
    status = domain_admit(options.domain, &wanted.group);
    thread_record *unused;
    if (status == SH_OK)
        status = thread_attach(false, &unused);
    return status != SH_OK ? status : make_admitted(&wanted, options.context, out_handle);
}

sh_status sh_create_at(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                       const sh_site *site_or_null, sh_handle **out_handle)
{
    return create_checked(kind, options_or_null, options_size_bytes, site_or_null, out_handle);
}

sh_status sh_create(const sh_kind *kind, const sh_create_options *options_or_null, sh_handle **out_handle)
{
    return sh_create_at(kind, options_or_null, sizeof *options_or_null, NULL, out_handle);
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

/* The first to store wins: raw holds the invalid value until then. Full: ordered before the publication. */
static bool store(sh_handle *h, sh_raw raw)
{
    return atomic_word_swap_if(&h->raw, (word_t)handle_class_of(h)->kind->invalid_value, (word_t)raw);
}

static void unstore(sh_handle *h)
{
    atomic_word_store_release(&h->raw, (word_t)handle_class_of(h)->kind->invalid_value);
}

sh_status sh_set_handle(sh_handle *h, sh_raw raw)
{
    if (h == NULL)
        return SH_E_ARGUMENT;
    if (kind_refuses(handle_class_of(h)->kind, raw))
        return SH_E_INVALID;
    if (!store(h, raw))
        return SH_E_ARGUMENT;
    sh_handle *stale = owner_map_replace(h, raw);
    if (stale != NULL && close_as_invalid(stale))
        handle_raise(stale, SH_EVENT_DOUBLE_WRAP, EVENT_OWNER_STALE, h);
    gc->unpin(stale);
    if (state_word_publish(&h->state) == STATE_DONE)
        return SH_OK;
    (void)release_stray(h, raw);
    unstore(h);
    return SH_E_CLOSED;
}

static sh_status adopt(sh_handle *h, sh_raw raw)
{
    (void)store(h, raw); /* nobody else has h yet */
    sh_handle *owner = owner_map_claim(h, raw);
    if (owner != NULL) {
        unstore(h);
        handle_raise(owner, SH_EVENT_DOUBLE_WRAP, EVENT_WRAP_REFUSED, h);
        gc->unpin(owner);
        return SH_E_OWNED;
    }
    if (state_word_publish(&h->state) == STATE_DONE)
        return SH_OK;
    (void)owner_map_disown(h, raw);
    unstore(h);
    return SH_E_CLOSED;
}

sh_status sh_wrap_at(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                     size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_handle)
{
    sh_handle *h;
    sh_status status = out_handle == NULL ? SH_E_ARGUMENT
                                          : create_checked(kind, options_or_null, options_size_bytes, site_or_null, &h);
    if (status != SH_OK)
        return status;
    status = kind_refuses(kind, raw) ? SH_E_INVALID : adopt(h, raw);
    if (status != SH_OK) {
        close_unborn(h);
        return status;
    }
    *out_handle = h;
    return SH_OK;
}

sh_status sh_wrap(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null, sh_handle **out_handle)
{
    return sh_wrap_at(kind, raw, options_or_null, sizeof *options_or_null, NULL, out_handle);
}

/* ---- duplicating ------------------------------------------------------------------------------------------------- */

static int duplicate_raw(void *original, sh_raw *out_copy)
{
    const sh_handle *h = original;
    return handle_class_of(h)->kind->duplicate(handle_raw(h), out_copy);
}

static sh_status duplicate_used(sh_handle *h, const sh_site *site, sh_handle **out_copy)
{
    const handle_class *of = handle_class_of(h);
    if (of->kind->duplicate == NULL)
        return SH_E_UNSUPPORTED;
    handle_class wanted = {.kind = of->kind, .site = site, .owned = true, .group = of->group};
    sh_handle *copy;
    sh_status status = make_admitted(&wanted, context_get(h->context_number), &copy);
    if (status == SH_OK)
        status = open_into(&copy, 1, duplicate_raw, h);
    if (status == SH_OK)
        *out_copy = copy;
    return status;
}

sh_status sh_duplicate_at(sh_handle *h, const sh_site *site_or_null, sh_handle **out_copy)
{
    if (h == NULL || out_copy == NULL)
        return SH_E_ARGUMENT;
    /* A lease, and not a counted reference: it comes back also when the kind's duplicate ends the thread. */
    sh_lease lease;
    sh_raw unused;
    sh_status status = sh_lease_begin_at(&lease, h, site_or_null, &unused);
    if (status != SH_OK)
        return status;
    status = duplicate_used(h, site_or_null, out_copy);
    sh_lease_end(&lease);
    return status;
}

sh_status sh_duplicate(sh_handle *h, sh_handle **out_copy)
{
    return sh_duplicate_at(h, NULL, out_copy);
}
