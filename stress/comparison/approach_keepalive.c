/* SPDX-License-Identifier: MIT */
/* A raw handle, and GC.KeepAlive(owner) after every call. */
#include "raw_owner.h"

static bool use_begin(void *owner, use *u)
{
    *u = (use){.number = raw_owner_number(owner), .kept = owner};
    return u->number >= 0;
}

static void use_end(use *u)
{
    sh_keep_alive(u->kept);
}

const approach approach_keepalive = {
    .name = "keepalive",
    .open = raw_owner_open,
    .wrap = raw_owner_wrap,
    .wrap_again = raw_owner_wrap_again,
    .use_begin = use_begin,
    .use_end = use_end,
    .close = raw_owner_close,
    .why_no_stream = RAW_OWNER_NO_STREAM,
};
