/* SPDX-License-Identifier: MIT */
#include "garbage.h"
#include <gc/gc.h>
#include <stdlib.h>

void *garbage_object(sh_collector collector, size_t size_bytes)
{
    return collector == SH_COLLECTOR_MANUAL ? calloc(1, size_bytes) : GC_MALLOC(size_bytes);
}

void garbage_drop_object(sh_collector collector, void *object)
{
    sh_status unused = collector == SH_COLLECTOR_MANUAL ? sh_host_drop_object(object) : SH_OK;
    (void)unused; /* refused where the runtime has stopped: it finished everything */
}

void garbage_drop_handle(sh_collector collector, sh_handle *h)
{
    sh_status unused = collector == SH_COLLECTOR_MANUAL ? sh_host_drop(h) : SH_OK;
    (void)unused;
}
