/* SPDX-License-Identifier: MIT */
/* Where there is no libffi, nothing is measured beside it. */
#include "group.h"

static void run(bool quick, measurement *out)
{
    (void)quick;
    (void)out;
}

const group group_ffi = {.name = "calls by libffi", .run = run};
