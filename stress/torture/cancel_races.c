/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: what a thread comes to only between two steps of another. */
#include "cancel_acts.h"
#include "cancel_expect.h"
#include "garbage.h"
#include "stepping.h"
#include <stddef.h>

static void meet_an_over_release(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    EXPECT(SH_OK, stepping_beside_over_release(h));
    EXPECT(SH_OK, sh_dangerous_release(h));
    cancel_end(of, h);
}

/* A value comes too late for its handle, is about to be closed, and has become somebody else's by then. */
static void lose_a_late_value(const form *of)
{
    sh_handle *stale = NULL, *late = NULL, *other = NULL;
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &stale));
    EXPECT(SH_OK, sh_create(&sh_kind_event, NULL, &late));
    EXPECT(SH_OK, sh_create(&sh_kind_event, NULL, &other));
    EXPECT(SH_OK, sh_close(late));
    EXPECT(SH_E_CLOSED, stepping_beside_new_owner(late, sh_dangerous_get_handle(stale), other));
    cancel_end(of, other);
    garbage_drop_handle(of->collector, late);
    garbage_drop_handle(of->collector, stale);
}

const cancel_act cancel_race_acts[] = {
    {.name = "an over-release of another thread", .run = meet_an_over_release},
    {.name = "a late value with another owner", .run = lose_a_late_value},
    {0},
};
