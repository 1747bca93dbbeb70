/* SPDX-License-Identifier: MIT */
/* What an unload could not release: finding it, and telling of it. */
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "unload/unload.h"

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static void take_unreleased(void *handle, void *data)
{
    left_over_list *list = data;
    if (sh_is_released(handle))
        return;
    list->total++;
    if (list->count == list->capacity)
        return;
    gc->pin(handle);
    list->handles[list->count++] = handle;
}

static void take_running(const event_record *subject, void *data)
{
    (void)subject;
    ((left_over_list *)data)->running++;
}

static const finalization_visitor taking = {.watched = take_unreleased, .running = take_running};

size_t left_over_count(uint32_t group)
{
    left_over_list none = {.capacity = 0};
    finalization_visit_handles(group, &taking, &none);
    return none.total + none.running;
}

/* Nothing is allocated inside the visit, where locks are held: so it counts first. */
left_over_list left_over_take(uint32_t group)
{
    left_over_list list = {.capacity = left_over_count(group)};
    if (list.capacity > 0)
        list.handles = gc->scanned_allocate(list.capacity * sizeof(sh_handle *));
    if (list.handles == NULL)
        list.capacity = 0;
    finalization_visit_handles(group, &taking, &list);
    return list;
}

void left_over_drop(left_over_list *list)
{
    for (size_t i = 0; list->handles != NULL && i < list->count; i++)
        gc->unpin(list->handles[i]);
    if (list->handles != NULL)
        gc->scanned_free(list->handles);
    list->handles = NULL;
    list->capacity = 0;
    list->count = 0;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void tell_holders(const sh_handle *h, sh_left_over *out)
{
    size_t capacity = 0;
    if (sh_holders(h, NULL, 0, &capacity, &out->counted_references) == SH_OK && capacity > 0)
        out->holders = platform_memory_allocate(capacity * sizeof *out->holders);
    if (out->holders == NULL)
        capacity = 0;
    if (sh_holders(h, out->holders, capacity, &out->lease_count, &out->counted_references) == SH_OK)
        out->holder_count = out->lease_count < capacity ? out->lease_count : capacity;
}

static sh_left_over tell_one(const sh_handle *h)
{
    event_record record;
    handle_describe(h, &record);
    sh_left_over told = {.kind = record.kind, .raw = record.raw, .birth = record.birth};
    told.releasing = (state_word_read(&h->state) & STATE_CLAIMED) != 0;
    tell_holders(h, &told);
    return told;
}

/* Invariant: report->left_overs has room for capacity. */
typedef struct running_report {
    sh_unload_report *report;
    size_t capacity;
} running_report;

static void tell_running(const event_record *subject, void *data)
{
    running_report *into = data;
    sh_unload_report *report = into->report;
    report->left_over++;
    if (report->left_over_count < into->capacity)
        report->left_overs[report->left_over_count++] =
            (sh_left_over){.kind = subject->kind, .raw = subject->raw, .birth = subject->birth, .releasing = true};
}

static void pass_over(void *handle, void *data)
{
    (void)handle;
    (void)data;
}

static const finalization_visitor telling = {.watched = pass_over, .running = tell_running};

void left_over_report(uint32_t group, sh_unload_report *report)
{
    left_over_list list = left_over_take(group);
    running_report into = {.report = report, .capacity = list.count + list.running};
    if (into.capacity > 0)
        report->left_overs = platform_memory_allocate(into.capacity * sizeof *report->left_overs);
    if (report->left_overs == NULL)
        into.capacity = 0;
    report->left_over = list.total;
    for (size_t i = 0; i < list.count && report->left_over_count < into.capacity; i++)
        report->left_overs[report->left_over_count++] = tell_one(list.handles[i]);
    left_over_drop(&list);
    finalization_visit_handles(group, &telling, &into);
}
