/* SPDX-License-Identifier: MIT */
/*
 * Collections on the manual host: those of the program, which begins and ends them and reports deaths in between, and
 * those that it is asked for.
 */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "gc/manual/manual.h"
#include <stdlib.h>

/* NULL outside a collection. Initial-exec: see thread/lease_slots.c. */
static _Thread_local __attribute__((tls_model("initial-exec"))) gathering *begun_here;

gathering *manual_gathering_here(void)
{
    return begun_here;
}

gathering *manual_gathering_after(const list_node *link)
{
    return link->next == &manual.gatherings ? NULL : LIST_OWNER(link->next, gathering, link);
}

sh_status manual_collection_begin(void)
{
    KEEP_ERRNO;
    if (begun_here != NULL) {
        begun_here->depth++;
        return SH_OK;
    }
    gathering *begun = FAILS_HERE("gc.gathering") ? NULL : malloc(sizeof *begun);
    if (begun == NULL)
        return SH_E_NOMEM;
    *begun = (gathering){.depth = 1};
    list_init(&begun->link);
    list_init(&begun->handles);
    manual_lock();
    list_append(&manual.gatherings, &begun->link);
    manual_unlock();
    begun_here = begun;
    return SH_OK;
}

static void publish_gathered(void)
{
    gathering *ended = begun_here;
    begun_here = NULL;
    manual_lock();
    manual_finalizers_make_due(&ended->finalizers);
    manual_handles_judge(&ended->handles);
    list_remove(&ended->link);
    manual_unlock();
    free(ended);
    manual.client.deaths_found();
}

sh_status manual_collection_end(void)
{
    if (begun_here == NULL)
        return SH_E_ARGUMENT;
    if (--begun_here->depth == 0)
        publish_gathered();
    return SH_OK;
}

/* A thread that ends inside a collection has still reported its deaths. */
void manual_thread_leave(void)
{
    if (begun_here != NULL)
        publish_gathered();
}

void manual_collect(void)
{
    if (manual.collect != NULL)
        manual.collect(manual.collect_data);
}
