/* SPDX-License-Identifier: MIT */
/* Objects and nothing else: what the others are measured against. Scanned for pointers, as most objects are. */
#include "variant.h"
#include <gc/gc.h>
#include <stddef.h>

static void *make_24(void)
{
    return GC_MALLOC(24);
}

static void *make_32(void)
{
    return GC_MALLOC(32);
}

static void settle(void)
{
}

static long ended(void)
{
    return 0;
}

const variant variant_plain_24 = {
    .name = "plain-24",
    .start = collector_start,
    .make = make_24,
    .collect = collector_collect,
    .settle = settle,
    .ended = ended,
};

const variant variant_plain_32 = {
    .name = "plain-32",
    .start = collector_start,
    .make = make_32,
    .collect = collector_collect,
    .settle = settle,
    .ended = ended,
};
