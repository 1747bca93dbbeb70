/* SPDX-License-Identifier: MIT */
/* Making a handle, and storing its value. */
#include "base/checkpoint.h"
#include "base/options.h"
#include "contract/contract.h"
#include "domain/domain.h"
#include "handle/context.h"
#include "handle/handle.h"
#include "handle/kind.h"
#include "handle/owner_map.h"
#include "handle/stock.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <safehandle/lease.h>

#undef sh_create
#undef sh_wrap
#undef sh_duplicate

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* What a handle is to be made of. Everything that can fail fails while this is gathered, and leaves nothing behind. */
typedef struct making {
    thread_record *record;
    handle_stock *reserve; /* the region's that it comes from; NULL: of what is at hand */
    handle_class wanted;
    uint32_t class_number;
    void *context;
} making;

static bool is_class(const thread_class *made_last, const handle_class *wanted)
{
    return made_last->kind == wanted->kind && made_last->site == wanted->site && made_last->group == wanted->group &&
           made_last->owned == wanted->owned;
}

/* A loop that makes handles makes them of one class. */
static sh_status find_class(making *made)
{
    thread_class *last = &made->record->made_last;
    const handle_class *wanted = &made->wanted;
    if (is_class(last, wanted)) {
        made->class_number = last->number;
        return SH_OK;
    }
    sh_status status = made->reserve != NULL ? class_intern_reserved(wanted, &made->class_number)
                                             : class_intern(wanted, &made->class_number);
    if (status == SH_OK)
        *last = (thread_class){.kind = wanted->kind,
                               .site = wanted->site,
                               .group = wanted->group,
                               .number = made->class_number,
                               .owned = wanted->owned};
    return status;
}

/* With wanted and context filled in, and the thread attached. */
static sh_status begin_making(making *made)
{
    made->record = thread_here();
    made->reserve = made->record->regions.stock == NULL ? NULL : stock_here(made->wanted.group);
    return find_class(made);
}

/* It allocates, or could have done so: a contract that forbids it is broken whatever is at hand. */
static sh_handle *draw(const making *made)
{
    contract_note_allocation();
    return stock_draw(&made->record->stock, made->wanted.group);
}

/* *out_blank has its class and context, and is the caller's alone: to everybody else it has ended. */
static sh_status take_blank(const making *made, sh_handle **out_blank)
{
    uint32_t context_number;
    sh_status status = made->reserve != NULL ? context_keep_reserved(made->context, &context_number)
                                             : context_keep(made->context, &context_number);
    if (status != SH_OK)
        return status;
    sh_handle *blank = made->reserve != NULL ? stock_take(made->reserve) : draw(made);
    if (blank == NULL) {
        context_drop(context_number);
        return SH_E_NOMEM;
    }
    atomic_half_store_release(&blank->class_number, made->class_number);
    blank->context_number = context_number;
    *out_blank = blank;
    return SH_OK;
}

/* A blank that nothing is made of after all. */
static void give_up_blank(sh_handle *blank)
{
    context_drop(blank->context_number);
    blank->context_number = 0;
    close_unborn(blank);
}

/* Whether the handle that was just born may stay. An unload that began meanwhile has seen it in use, or is seen here:
 * it pays for both sides (domain_begin_unload). */
static bool is_admitted(uint32_t group)
{
    platform_fence_light();
    CHECKPOINT("handle.born");
    return lifecycle_admit() == SH_OK && domain_admits(group);
}

static sh_status make_unset(making *made, sh_handle **out_handle)
{
    sh_handle *h;
    sh_status status = begin_making(made);
    if (status == SH_OK)
        status = take_blank(made, &h);
    if (status != SH_OK)
        return status;
    atomic_word_store(&h->raw, (word_t)made->wanted.kind->invalid_value);
    CHECKPOINT("handle.made");
    state_word_init(&h->state);
    if (!is_admitted(made->wanted.group)) {
        close_unborn(h);
        return SH_E_CLOSED;
    }
    *out_handle = h;
    return SH_OK;
}

/* Looks at what the caller gave, and attaches the thread. */
static sh_status check(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                       const sh_site *site_or_null, making *out_making)
{
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
    *out_making = (making){.wanted = wanted, .context = options.context};
    return status;
}

sh_status create_checked(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                         const sh_site *site_or_null, sh_handle **out_handle)
{
    if (kind == NULL || out_handle == NULL)
        return SH_E_ARGUMENT;
    making made;
    sh_status status = check(kind, options_or_null, options_size_bytes, site_or_null, &made);
    return status != SH_OK ? status : make_unset(&made, out_handle);
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

/* ---- wrapping ---------------------------------------------------------------------------------------------------- */

/* It should not have been born: the caller keeps the value. SH_OK: an unload that came after the birth releases it. */
static sh_status undo_birth(sh_handle *h, sh_raw raw)
{
    bool replaced = !owner_map_has(h, raw);
    if (close_as_invalid(h) && replaced) {
        sh_handle *owner = owner_map_find(h, raw);
        handle_raise(h, SH_EVENT_DOUBLE_WRAP, EVENT_OWNER_STALE, owner);
        gc->unpin(owner);
    }
    if ((state_word_read(&h->state) & STATE_INVALIDATED) == 0)
        return SH_OK;
    drop_unborn(h);
    return SH_E_CLOSED;
}

/* Born with its value in it, so that nothing has to be published. */
static sh_status make_holding(const making *made, sh_handle *blank, sh_raw raw)
{
    atomic_word_store(&blank->raw, (word_t)raw);
    sh_handle *owner = owner_map_claim(blank, raw);
    if (owner != NULL) {
        handle_raise(owner, SH_EVENT_DOUBLE_WRAP, EVENT_WRAP_REFUSED, blank);
        gc->unpin(owner);
        give_up_blank(blank);
        return SH_E_OWNED;
    }
    CHECKPOINT("handle.made");
    state_word_init_holding(&blank->state);
    /* Whoever gets the number from the kernel meanwhile pays for both sides, too (owner_map_replace). */
    return is_admitted(made->wanted.group) && owner_map_has(blank, raw) ? SH_OK : undo_birth(blank, raw);
}

sh_status sh_wrap_at(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                     size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_handle)
{
    if (kind == NULL || out_handle == NULL)
        return SH_E_ARGUMENT;
    making made;
    sh_handle *h;
    sh_status status = check(kind, options_or_null, options_size_bytes, site_or_null, &made);
    if (status == SH_OK)
        status = begin_making(&made);
    if (status == SH_OK && kind_refuses(kind, raw))
        status = SH_E_INVALID;
    if (status == SH_OK)
        status = take_blank(&made, &h);
    if (status == SH_OK)
        status = make_holding(&made, h, raw);
    if (status == SH_OK)
        *out_handle = h;
    return status;
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
    making made = {.wanted = {.kind = of->kind, .site = site, .owned = true, .group = of->group},
                   .context = context_get(h->context_number)};
    sh_handle *copy;
    sh_status status = make_unset(&made, &copy);
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
