/* SPDX-License-Identifier: MIT */
/* A raw handle: the call gets the number, and whoever made the call has no more use for the owner. */
#include "raw_owner.h"

static bool use_begin(void *owner, use *u)
{
    *u = (use){.number = raw_owner_number(owner), .kept = NULL};
    return u->number >= 0;
}

static void use_end(use *u)
{
    (void)u;
}

const approach approach_intptr = {
    .name = "intptr",
    .open = raw_owner_open,
    .wrap = raw_owner_wrap,
    .wrap_again = raw_owner_wrap_again,
    .use_begin = use_begin,
    .use_end = use_end,
    .close = raw_owner_close,
    .why_no_stream = RAW_OWNER_NO_STREAM,
};
