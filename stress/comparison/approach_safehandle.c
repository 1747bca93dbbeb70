/* SPDX-License-Identifier: MIT */
/* This library: the handle is made before the open, a lease guards every call, and the finalizer is a critical one. */
#include "approach.h"
#include <errno.h>

typedef struct opening {
    open_call *call;
    void *data;
} opening;

static int open_raw(void *data, sh_raw *out_raw)
{
    const opening *asked = data;
    int number = asked->call(asked->data);
    if (number < 0)
        return errno;
    *out_raw = number;
    return 0;
}

static void *open_with(open_call *call, void *data)
{
    opening asked = {call, data};
    sh_handle *h;
    return sh_open_with(&sh_kind_fd, open_raw, &asked, NULL, &h) == SH_OK ? h : NULL;
}

static void *wrap(int number)
{
    sh_handle *h;
    return sh_wrap(&sh_kind_fd, number, NULL, &h) == SH_OK ? h : NULL;
}

/* The library refuses a second owner, and offers what document 000's author was looking for. */
static void *wrap_again(void *first, int number)
{
    sh_handle *h;
    sh_status status = sh_wrap(&sh_kind_fd, number, NULL, &h);
    if (status == SH_E_OWNED)
        status = sh_duplicate(first, &h);
    return status == SH_OK ? h : NULL;
}

static bool use_begin(void *owner, use *u)
{
    sh_raw raw;
    if (sh_lease_begin(&u->lease, owner, &raw) != SH_OK)
        return false;
    u->number = (int)raw;
    u->kept = owner; /* the lease does */
    return true;
}

static void use_end(use *u)
{
    sh_lease_end(&u->lease);
}

static void close_handle(void *owner)
{
    (void)sh_close(owner);
}

static bool when_dead(void *object, sh_finalizer *run)
{
    return sh_finalizer_register(object, run, NULL) == SH_OK;
}

const approach approach_safehandle = {
    .name = "safehandle",
    .open = open_with,
    .wrap = wrap,
    .wrap_again = wrap_again,
    .use_begin = use_begin,
    .use_end = use_end,
    .close = close_handle,
    .when_dead = when_dead,
};
