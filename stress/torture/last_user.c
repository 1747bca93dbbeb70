/* SPDX-License-Identifier: MIT */
#include "last_user.h"
#include "../die.h"
#include "garbage.h"
#include "ledger.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct last_user {
    sh_handle *used;
    bool manual; /* freed by its finalizer */
} last_user;

static _Atomic uint64_t failures;

static bool can_refer(sh_handle *h)
{
    bool taken = false;
    (void)sh_dangerous_add_ref(h, &taken);
    return taken && sh_dangerous_release(h) == SH_OK;
}

static void use_last(void *object, void *unused)
{
    (void)unused;
    last_user *self = object;
    sh_status status;
    bool released = false;
    SH_WITH_HANDLE (self->used, raw, status)
        released = ledger_is_released(raw);
    if (status != SH_OK || released || !can_refer(self->used))
        (void)atomic_fetch_add(&failures, 1);
    if (self->manual)
        free(self);
}

sh_status last_user_register(sh_collector collector, sh_handle *h)
{
    last_user *made = garbage_object(collector, sizeof *made);
    if (made == NULL)
        die("there is no memory for an object");
    *made = (last_user){.used = h, .manual = collector == SH_COLLECTOR_MANUAL};
    return sh_finalizer_register(made, use_last, NULL);
}

uint64_t last_user_failures(void)
{
    return atomic_load(&failures);
}
