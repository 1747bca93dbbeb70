/* SPDX-License-Identifier: MIT */
/* Objects and nothing else: what the others are measured against. */
#include "variant.h"

static void settle(void)
{
}

static long ended(void)
{
    return 0;
}

const variant variant_unwatched = {
    .name = "unwatched",
    .start = collector_start,
    .make = collector_make,
    .collect = collector_collect,
    .settle = settle,
    .ended = ended,
};
