/* SPDX-License-Identifier: MIT */
#include "variant.h"
#include <gc/gc.h>

enum { SIZE_BYTES = 24 };

const variant *const variants[VARIANTS] = {
    [UNWATCHED] = &variant_unwatched,
    [NO_ORDER] = &variant_no_order,
    [HANDLE] = &variant_handle,
};

void collector_start(void)
{
    GC_set_finalize_on_demand(1);
    GC_INIT();
}

void collector_collect(void)
{
    GC_gcollect();
}

void *collector_make(void)
{
    return GC_MALLOC_ATOMIC(SIZE_BYTES);
}
