/* SPDX-License-Identifier: MIT */
#include "classes.h"
#include <stddef.h>

extern const torture_class torture_exec;
extern const torture_class torture_faults;
extern const torture_class torture_hangs;
extern const torture_class torture_limits;
extern const torture_class torture_region_abort;
extern const torture_class torture_region_cancel;
extern const torture_class torture_region_memory;
extern const torture_class torture_unload;

const torture_class *const torture_classes[] = {
    &torture_exec,          &torture_faults,       &torture_hangs,
    &torture_limits,        &torture_region_abort, &torture_region_cancel,
    &torture_region_memory, &torture_unload,       NULL,
};
