/* SPDX-License-Identifier: MIT */
/* HandleRef: number and owner are passed together, and whoever marshals the call keeps the owner for its length. */
#include "raw_owner.h"
#include <gc/gc.h>

/* Document 002's struct of the same name, made anew for each call. */
typedef struct handle_ref {
    void *wrapper;
    int handle;
} handle_ref;

static void marshal(use *u, handle_ref passed)
{
    *u = (use){.number = passed.handle, .kept = passed.wrapper};
}

static bool use_begin(void *owner, use *u)
{
    marshal(u, (handle_ref){.wrapper = owner, .handle = raw_owner_number(owner)});
    return u->number >= 0;
}

static void use_end(use *u)
{
    GC_reachable_here(u->kept);
}

const approach approach_handleref = {
    .name = "handleref",
    .open = raw_owner_open,
    .wrap = raw_owner_wrap,
    .wrap_again = raw_owner_wrap_again,
    .use_begin = use_begin,
    .use_end = use_end,
    .close = raw_owner_close,
    .why_no_stream = RAW_OWNER_NO_STREAM,
};
