/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: constrained regions and aborts. */
#include "cancel_acts.h"
#include "cancel_expect.h"
#include "garbage.h"
#include "reserve.h"
#include <stddef.h>
#include <unistd.h>

enum { ANNOUNCED_HANDLES = 3, ANNOUNCED_LEASES = 1 };

static sh_status enter(sh_region *region)
{
    sh_function functions[RESERVE_FUNCTIONS];
    sh_reserve reserve = reserve_everything(ANNOUNCED_HANDLES, ANNOUNCED_LEASES, functions);
    return sh_region_enter(region, &reserve);
}

/* One of the announced handles is left over. */
static void make_constrained(const form *of)
{
    sh_region outer = {.thread = NULL}, inner = {.thread = NULL};
    sh_handle *h, *copy = NULL;
    sh_lease lease;
    sh_raw raw;
    EXPECT(SH_OK, enter(&outer));
    EXPECT(SH_OK, sh_region_enter(&inner, NULL));
    h = cancel_wrap_number();
    EXPECT(SH_OK, sh_duplicate(h, &copy));
    EXPECT(SH_OK, sh_lease_begin(&lease, h, &raw));
    EXPECT(SH_OK, sh_thread_abort(gettid()));
    EXPECT(SH_OK, sh_safepoint());
    sh_lease_end(&lease);
    EXPECT(SH_OK, sh_region_leave(&inner));
    EXPECT(SH_OK, sh_close(copy));
    EXPECT(SH_E_ABORTED, sh_region_leave(&outer));
    EXPECT(SH_OK, sh_thread_abort(gettid()));
    EXPECT(SH_E_ABORTED, sh_safepoint());
    garbage_drop_handle(of->collector, copy);
    cancel_end(of, h);
}

const cancel_act cancel_region_acts[] = {
    {.name = "a region", .run = make_constrained},
    {0},
};
