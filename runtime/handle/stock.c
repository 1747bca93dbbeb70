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

/* As many as there is memory for, at most count. */
static size_t make_blanks(uint32_t group, void **out_blanks, size_t count)
{
    const handle_class wanted = {.kind = &blank_kind, .group = group};
    uint32_t class_number;
    if (class_intern(&wanted, &class_number) != SH_OK)
        return 0;
    sh_handle blank = {.context_number = 0};
    state_word_init_blank(&blank.state);
    atomic_word_store(&blank.raw, (word_t)blank_kind.invalid_value);
    atomic_half_store_release(&blank.class_number, class_number);
    return gc->handles_allocate(&blank, sizeof blank, group, out_blanks, count);
}

static bool fill(handle_stock *stock)
{
    stock->left = make_blanks(stock->group, (void **)stock->blanks, stock->count);
    return stock->left == stock->count;
}

/* A collector finds a blank dead, and forgets it; a host without one has to be told. */
static void forget_blank(void *blank)
{
    if (gc->drop_handle != NULL)
        (void)gc->drop_handle(blank); /* may fail here: only for one that was told before */
}

static void free_stock(handle_stock *stock)
{
    while (stock->left > 0)
        forget_blank(stock->blanks[--stock->left]);
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

/* ---- at hand ----------------------------------------------------------------------------------------------------- */

enum { FIRST_FILL = 8 }; /* by then it is seen whether the thread makes more of them */

void stock_empty(thread_stock *at_hand)
{
    while (at_hand->left > 0) {
        forget_blank(at_hand->blanks[--at_hand->left]);
        at_hand->blanks[at_hand->left] = NULL;
    }
}

static size_t fill_count(const thread_stock *at_hand, uint32_t group)
{
    size_t most = gc->handles_at_once < THREAD_BLANKS ? gc->handles_at_once : THREAD_BLANKS;
    bool first = !at_hand->has_filled || at_hand->group != group;
    return first && FIRST_FILL < most ? FIRST_FILL : most;
}

/* The collector may run a finalizer of the program's while they are made, which makes handles, too: those one by one.
 * They are written where they stay: a copy on the stack, or in a register that ends there, would keep handles alive. */
sh_handle *stock_draw_refilled(thread_stock *at_hand, uint32_t group)
{
    void *single;
    if (at_hand->is_filling)
        return make_blanks(group, &single, 1) == 1 ? single : NULL;
    at_hand->is_filling = true;
    size_t count = fill_count(at_hand, group);
    stock_empty(at_hand);
    size_t made = make_blanks(group, at_hand->blanks, count);
    at_hand->is_filling = false;
    at_hand->has_filled = made > 0 || (at_hand->has_filled && at_hand->group == group);
    at_hand->group = group;
    at_hand->left = (uint32_t)made;
    return made > 0 ? stock_draw(at_hand, group) : NULL;
}
