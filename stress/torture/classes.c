/* SPDX-License-Identifier: MIT */
#include "classes.h"
#include <stddef.h>

extern const torture_class torture_hangs;
extern const torture_class torture_limits;

const torture_class *const torture_classes[] = {
    &torture_hangs,
    &torture_limits,
    NULL,
};
