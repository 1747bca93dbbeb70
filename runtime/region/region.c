/* SPDX-License-Identifier: MIT */
/* Entering and leaving constrained regions. */
#include "base/assert.h"
#include "base/options.h"
#include "gc/gc_host.h"
#include "handle/stock.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include <errno.h>
#include <safehandle/region.h>

#undef sh_region_enter

enum { MOST_LEASES = 1 << 20 }; /* more than any thread nests */

/* As thread_regions and sh_region state it. */
static bool regions_are_valid(const thread_regions *open)
{
    bool nothing = open->signals_depth == 0 && open->lease_count == 0 && open->stock == NULL;
    return open->signals_depth <= open->depth && (open->depth > 0 || nothing);
}

/* ---- what can fail ----------------------------------------------------------------------------------------------- */

/* Beside the caller's array, which is written when nothing can fail any more: asking the loader again could.
 * SH_E_ARGUMENT: one of them is none. */
static sh_status find_functions(const sh_reserve *reserve, platform_function ***out_found)
{
    const sh_function *functions = reserve->functions;
    size_t count = reserve->function_count;
    platform_function **found = count == 0 ? NULL : platform_memory_allocate(count * sizeof *found);
    if (count > 0 && found == NULL)
        return SH_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        found[i] = functions[i].name == NULL ? NULL : platform_function_find(functions[i].name);
        if (found[i] == NULL) {
            platform_memory_free(found);
            return SH_E_ARGUMENT;
        }
    }
    *out_found = found;
    return SH_OK;
}

static void hand_back(platform_function **found, const sh_reserve *reserve)
{
    for (size_t i = 0; i < reserve->function_count; i++)
        reserve->functions[i].address = found[i];
    platform_memory_free(found);
}

static sh_status grow_stack(size_t size_bytes)
{
    int error = size_bytes == 0 ? 0 : platform_stack_touch(size_bytes);
    switch (error) {
    case 0:
        return SH_OK;
    case ENOMEM:
        return SH_E_NOMEM;
    case ENOTSUP:
        return SH_E_UNSUPPORTED;
    default:
        errno = error;
        return SH_E_SYSTEM;
    }
}

/* One more where there are handles: sh_duplicate leases what it duplicates. */
static sh_status prepare_leases(thread_record *record, const sh_reserve *reserve)
{
    size_t before = record->regions.lease_count;
    if (reserve->lease_count > MOST_LEASES || before > MOST_LEASES)
        return SH_E_NOMEM;
    record->regions.lease_count += reserve->lease_count + (reserve->handle_count > 0);
    if (thread_leases_prepare(record))
        return SH_OK;
    record->regions.lease_count = before;
    return SH_E_NOMEM;
}

/* What has to be given back comes last. */
static sh_status prepare(thread_record *record, const sh_reserve *reserve)
{
    size_t before = record->regions.lease_count;
    sh_status status = grow_stack(reserve->stack_bytes);
    if (status == SH_OK)
        status = prepare_leases(record, reserve);
    if (status != SH_OK || reserve->handle_count == 0)
        return status;
    status = stock_prepare(record, reserve->handle_count);
    if (status != SH_OK)
        record->regions.lease_count = before;
    return status;
}

static sh_status here(thread_record **out_record)
{
    sh_status status = lifecycle_admit();
    return status != SH_OK ? status : thread_attach(false, out_record);
}

/* ---- what cannot ------------------------------------------------------------------------------------------------- */

static void block_signals(thread_regions *open)
{
    if (open->signals_depth != 0)
        return;
    platform_signals_block(&open->signals_before);
    gc->thread_answer();
    open->signals_depth = open->depth;
}

static void begin(thread_record *record, const sh_reserve *reserve, platform_cancel_token cancellation_before)
{
    thread_regions *open = &record->regions;
    if (open->depth++ == 0)
        open->cancellation_before = cancellation_before;
    if (reserve->block_signals)
        block_signals(open);
    ASSERT(regions_are_valid(open));
}

/* This one and those inside of it. Last what may run other code, so that it finds everything as it will stay: when
 * signals are let through, a handler may jump out of here, and nothing is done after it. */
static void end(sh_region *region, thread_record *record)
{
    thread_regions *open = &record->regions;
    while (open->stock != region->outer_stock)
        stock_return(record);
    open->lease_count = region->outer_lease_count;
    open->depth = region->depth - 1;
    *region = (sh_region){.thread = NULL};
    bool opens_signals = open->signals_depth > open->depth;
    if (opens_signals)
        open->signals_depth = 0;
    ASSERT(regions_are_valid(open));
    if (open->depth == 0)
        platform_cancel_restore(open->cancellation_before); /* asynchronous, it may end the thread */
    if (opens_signals)
        platform_signals_restore(&open->signals_before);
}

/* ---- enter and leave --------------------------------------------------------------------------------------------- */

/* With cancellation held back. */
static sh_status enter(sh_region *region, const sh_reserve *reserve, platform_cancel_token cancellation_before)
{
    thread_record *record;
    sh_status status = here(&record);
    if (status != SH_OK)
        return status;
    sh_region entered = {.thread = record,
                         .outer_stock = record->regions.stock,
                         .outer_lease_count = record->regions.lease_count,
                         .depth = record->regions.depth + 1};
    platform_function **functions;
    status = find_functions(reserve, &functions);
    if (status != SH_OK)
        return status;
    status = prepare(record, reserve);
    if (status != SH_OK) {
        platform_memory_free(functions);
        return status;
    }
    hand_back(functions, reserve);
    begin(record, reserve, cancellation_before);
    *region = entered;
    return SH_OK;
}

sh_status sh_region_enter_at(sh_region *region, const sh_reserve *reserve_or_null, size_t reserve_size_bytes)
{
    sh_reserve reserve;
    if (region == NULL)
        return SH_E_ARGUMENT;
    if (!options_read(&reserve, sizeof reserve, reserve_or_null, reserve_size_bytes))
        return SH_E_UNSUPPORTED;
    if (reserve.functions == NULL && reserve.function_count > 0)
        return SH_E_ARGUMENT;
    platform_cancel_token before = platform_cancel_hold(); /* the system reads a file to find out about a stack */
    sh_status status = enter(region, &reserve, before);
    if (status != SH_OK)
        platform_cancel_restore(before);
    return status;
}

sh_status sh_region_enter(sh_region *region, const sh_reserve *reserve_or_null)
{
    return sh_region_enter_at(region, reserve_or_null, sizeof *reserve_or_null);
}

/* The calling thread's record when the region is open on it. */
static thread_record *record_of(const sh_region *region)
{
    thread_record *record = thread_here();
    bool open = region != NULL && record != NULL && region->thread == record && region->depth <= record->regions.depth;
    return open ? record : NULL;
}

sh_status sh_region_leave(sh_region *region)
{
    thread_record *record = record_of(region);
    if (record == NULL || region->depth != record->regions.depth)
        return SH_E_ARGUMENT;
    end(region, record);
    return sh_safepoint(); /* last: an abort that was taken before a jump would never be told */
}

void sh_region_end(sh_region *region)
{
    thread_record *record = record_of(region);
    if (record != NULL)
        end(region, record);
}
