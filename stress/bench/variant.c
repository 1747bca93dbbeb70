/* SPDX-License-Identifier: MIT */
#include "variant.h"
#include <gc/gc.h>

const variant *const variants[VARIANTS] = {
    [PLAIN_24] = &variant_plain_24,       [PLAIN_32] = &variant_plain_32,     [NO_ORDER_24] = &variant_no_order_24,
    [NO_ORDER_32] = &variant_no_order_32, [SAFEHANDLE] = &variant_safehandle,
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
