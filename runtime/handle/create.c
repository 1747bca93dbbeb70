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
static inline sh_status find_class(making *made)
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

/* It allocates, or could have done so: a contract that forbids it is broken whatever is at hand. */
static inline sh_handle *draw(const making *made)
{
    contract_note_allocation();
    return stock_draw(&made->record->stock, made->wanted.group);
}

/* *out_blank has its class and context, and is the caller's alone: to everybody else it has ended. */
static inline sh_status take_blank(const making *made, sh_handle **out_blank)
{
    uint32_t context_number = 0;
    sh_status status = made->context == NULL   ? SH_OK
                       : made->reserve != NULL ? context_keep_reserved(made->context, &context_number)
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
static inline bool is_admitted(uint32_t group)
{
    platform_fence_light();
    CHECKPOINT("handle.born");
    return lifecycle_admit() == SH_OK && domain_admits(group);
}

/* With everything but record, reserve and class filled in. */
static inline sh_status begin(making *made, thread_record *record)
{
    made->record = record;
    made->reserve = record->regions.stock == NULL ? NULL : stock_here(made->wanted.group);
    return find_class(made);
}

static inline sh_status make_unset(const handle_class *of, sh_handle *blank, sh_handle **out_handle)
{
    atomic_word_store(&blank->raw, (word_t)of->kind->invalid_value);
    CHECKPOINT("handle.made");
    state_word_init(&blank->state);
    if (!is_admitted(of->group)) {
        close_unborn(blank);
        return SH_E_CLOSED;
    }
    *out_handle = blank;
    return SH_OK;
}

/* Looks at what the caller gave, attaches the thread, and finds the class. */
static sh_status begin_making(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                              const sh_site *site_or_null, making *out_making)
{
    sh_create_options options;
    if (!options_read(&options, sizeof options, options_or_null, options_size_bytes))
        return SH_E_UNSUPPORTED;
    sh_status status = lifecycle_admit();
    thread_record *record;
    if (status == SH_OK)
        status = thread_attach(false, &record);
    if (status != SH_OK)
        return status;
    handle_class wanted = {.kind = kind, .site = site_or_null, .owned = !options.not_owned};
    status = domain_admit(options.domain, &wanted.group);
    if (status != SH_OK)
        return status;
    *out_making = (making){.wanted = wanted, .context = options.context};
    return begin(out_making, record);
}

/* The usual case, which is over in a few steps: the defaults, outside of regions, another handle of the class that the
 * thread made last, and a blank for it at hand. NULL: it is something else, or it is refused. */
static inline thread_record *find_usual(const sh_kind *kind, const sh_create_options *options_or_null,
                                        const sh_site *site_or_null)
{
    thread_record *record = thread_here();
    if (options_or_null != NULL || record == NULL || record->regions.stock != NULL || record->stock.left == 0)
        return NULL;
    const thread_class *last = &record->made_last;
    uint32_t group = record->stock.group;
    bool same = last->kind == kind && last->site == site_or_null && last->owned && last->group == group &&
                domain_here(record) == group;
    return same && lifecycle_is_running() && domain_admits(group) ? record : NULL;
}

static inline sh_handle *draw_usual(thread_record *record)
{
    contract_note_allocation();
    sh_handle *blank = stock_draw(&record->stock, record->stock.group);
    atomic_half_store_release(&blank->class_number, record->made_last.number);
    return blank;
}

sh_status create_checked(const sh_kind *kind, const sh_create_options *options_or_null, size_t options_size_bytes,
                         const sh_site *site_or_null, sh_handle **out_handle)
{
    if (kind == NULL || out_handle == NULL)
        return SH_E_ARGUMENT;
    thread_record *record = find_usual(kind, options_or_null, site_or_null);
    making made = {.wanted = {.kind = kind}};
    sh_handle *blank;
    if (record != NULL) {
        made.wanted.group = record->made_last.group;
        blank = draw_usual(record);
    } else {
        sh_status status = begin_making(kind, options_or_null, options_size_bytes, site_or_null, &made);
        if (status == SH_OK)
            status = take_blank(&made, &blank);
        if (status != SH_OK)
            return status;
    }
    return make_unset(&made.wanted, blank, out_handle);
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
    sh_handle *stale = owner_map_replace(h, owner_map_place(handle_class_of(h), raw));
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
static sh_status undo_birth(sh_handle *h, const atomic_word *place)
{
    bool replaced = !owner_map_has(h, place);
    if (close_as_invalid(h) && replaced) {
        sh_handle *owner = owner_map_find(place);
        handle_raise(h, SH_EVENT_DOUBLE_WRAP, EVENT_OWNER_STALE, owner);
        gc->unpin(owner);
    }
    if ((state_word_read(&h->state) & STATE_INVALIDATED) == 0)
        return SH_OK;
    drop_unborn(h);
    return SH_E_CLOSED;
}

static sh_status refuse_second_owner(sh_handle *blank, sh_handle *owner)
{
    handle_raise(owner, SH_EVENT_DOUBLE_WRAP, EVENT_WRAP_REFUSED, blank);
    gc->unpin(owner);
    give_up_blank(blank);
    return SH_E_OWNED;
}

/* Born with its value in it, so that nothing has to be published. */
static inline sh_status make_holding(const handle_class *of, sh_handle *blank, sh_raw raw)
{
    atomic_word *place = owner_map_place(of, raw);
    atomic_word_store(&blank->raw, (word_t)raw);
    sh_handle *owner = owner_map_claim(blank, place);
    if (owner != NULL)
        return refuse_second_owner(blank, owner);
    CHECKPOINT("handle.made");
    state_word_init_holding(&blank->state);
    /* Whoever gets the number from the kernel meanwhile pays for both sides, too (owner_map_replace). */
    return is_admitted(of->group) && owner_map_has(blank, place) ? SH_OK : undo_birth(blank, place);
}

static sh_status wrap_unusual(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                              size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_handle)
{
    if (kind == NULL)
        return SH_E_ARGUMENT;
    making made;
    sh_handle *h;
    sh_status status = begin_making(kind, options_or_null, options_size_bytes, site_or_null, &made);
    if (status == SH_OK && kind_refuses(kind, raw))
        status = SH_E_INVALID;
    if (status == SH_OK)
        status = take_blank(&made, &h);
    if (status == SH_OK)
        status = make_holding(&made.wanted, h, raw);
    if (status == SH_OK)
        *out_handle = h;
    return status;
}

sh_status sh_wrap_at(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                     size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_handle)
{
    if (out_handle == NULL)
        return SH_E_ARGUMENT;
    thread_record *record = find_usual(kind, options_or_null, site_or_null);
    if (record == NULL)
        return wrap_unusual(kind, raw, options_or_null, options_size_bytes, site_or_null, out_handle);
    if (kind_refuses(kind, raw))
        return SH_E_INVALID;
    const handle_class of = {.kind = kind, .group = record->made_last.group, .owned = true};
    sh_handle *h = draw_usual(record);
    sh_status status = make_holding(&of, h, raw);
    if (status == SH_OK)
        *out_handle = h;
    return status;
}

sh_status sh_wrap(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null, sh_handle **out_handle)
{
    return sh_wrap_at(kind, raw, options_or_null, sizeof *options_or_null, NULL, out_handle);
}

/* ---- duplicating ------------------------------------------------------------------------------------------------- */

sh_status create_like(const sh_handle *h, const sh_site *site, sh_handle **out_handle)
{
    const handle_class *of = handle_class_of(h);
    making made = {.wanted = {.kind = of->kind, .site = site, .owned = true, .group = of->group},
                   .context = context_get(h->context_number)};
    sh_handle *blank;
    sh_status status = begin(&made, thread_here()); /* attached: it leases h */
    if (status == SH_OK)
        status = take_blank(&made, &blank);
    return status == SH_OK ? make_unset(&made.wanted, blank, out_handle) : status;
}

static int duplicate_raw(void *original, sh_raw *out_copy)
{
    const sh_handle *h = original;
    return handle_class_of(h)->kind->duplicate(handle_raw(h), out_copy);
}

static sh_status duplicate_used(sh_handle *h, const sh_site *site, sh_handle **out_copy)
{
    if (handle_class_of(h)->kind->duplicate == NULL)
        return SH_E_UNSUPPORTED;
    sh_handle *copy;
    sh_status status = create_like(h, site, &copy);
    if (status == SH_OK)
        status = open_into(&copy, 1, duplicate_raw, h);
    if (status != SH_OK)
        return status;
    /* Whoever closed h meanwhile may have buried its number first (wake.c): then this is a copy of the tombstone. */
    if (sh_is_closed(h)) {
        close_unborn(copy);
        return SH_E_CLOSED;
    }
    *out_copy = copy;
    return SH_OK;
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
