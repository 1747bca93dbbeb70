/* SPDX-License-Identifier: MIT */
#include "handle/stock.h"
#include "domain/domain.h"
#include "handle/context.h"
#include "handle/handle.h"

SH_RELIABILITY(will_not_corrupt_state, success)
static int release_nothing(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

/* What a blank is, to whoever meets it in a visit. */
static const sh_kind blank_kind = {
    .name = "announced", .invalid_value = -1, .is_invalid = sh_invalid_minus_one, .release = release_nothing};

/* ---- places ------------------------------------------------------------------------------------------------------ */

static bool reserve_places(size_t count)
{
    if (!class_reserve(count))
        return false;
    if (context_reserve(count))
        return true;
    class_unreserve(count);
    return false;
}

static void unreserve_places(size_t count)
{
    class_unreserve(count);
    context_unreserve(count);
}

/* ---- blanks ------------------------------------------------------------------------------------------------------ */

static sh_handle *make_blank(uint32_t class_number, uint32_t group)
{
    sh_handle blank = {.context_number = 0};
    state_word_init_blank(&blank.state);
    atomic_word_store(&blank.raw, (word_t)blank_kind.invalid_value);
    atomic_half_store_release(&blank.class_number, class_number);
    return gc->handle_allocate(&blank, sizeof blank, group);
}

static bool fill(handle_stock *stock)
{
    const handle_class wanted = {.kind = &blank_kind, .group = stock->group};
    uint32_t class_number;
    if (class_intern(&wanted, &class_number) != SH_OK)
        return false;
    while (stock->left < stock->count) {
        sh_handle *blank = make_blank(class_number, stock->group);
        if (blank == NULL)
            return false;
        stock->blanks[stock->left++] = blank;
    }
    return true;
}

/* A collector finds the blanks dead, and forgets them; a host without one has to be told. */
static void free_stock(handle_stock *stock)
{
    while (gc->drop_handle != NULL && stock->left > 0)
        (void)gc->drop_handle(stock->blanks[--stock->left]); /* may fail here: only for one that was told before */
    gc->scanned_free(stock);
}

/* ---- the stock --------------------------------------------------------------------------------------------------- */

sh_status stock_prepare(thread_record *record, size_t count)
{
    ASSERT(count > 0);
    uint32_t group;
    sh_status status = domain_admit(NULL, &group);
    if (status != SH_OK)
        return status;
    if (!reserve_places(count)) /* refuses counts so large that the size below would not fit, too */
        return SH_E_NOMEM;
    handle_stock *stock = gc->scanned_allocate(sizeof *stock + count * sizeof(sh_handle *));
    bool filled = false;
    if (stock != NULL) {
        stock->count = count;
        stock->group = group;
        filled = fill(stock);
        if (!filled)
            free_stock(stock);
    }
    if (!filled) {
        unreserve_places(count);
        return SH_E_NOMEM;
    }
    stock->outer = record->regions.stock;
    record->regions.stock = stock;
    return SH_OK;
}

void stock_return(thread_record *record)
{
    handle_stock *returned = record->regions.stock;
    record->regions.stock = returned->outer;
    unreserve_places(returned->count);
    free_stock(returned);
}

handle_stock *stock_here(uint32_t group)
{
    handle_stock *stock = thread_here()->regions.stock;
    while (stock != NULL && (stock->left == 0 || stock->group != group))
        stock = stock->outer;
    return stock;
}

sh_handle *stock_take(handle_stock *stock)
{
    sh_handle *taken = stock->blanks[--stock->left];
    stock->blanks[stock->left] = NULL;
    return taken;
}
