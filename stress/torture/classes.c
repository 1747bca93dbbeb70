/* SPDX-License-Identifier: MIT */
#include "classes.h"
#include <stddef.h>

extern const torture_class torture_cancel;
extern const torture_class torture_exec;
extern const torture_class torture_faults;
extern const torture_class torture_fork;
extern const torture_class torture_hangs;
extern const torture_class torture_limits;
extern const torture_class torture_recycle;
extern const torture_class torture_region_abort;
extern const torture_class torture_region_cancel;
extern const torture_class torture_region_memory;
extern const torture_class torture_signals;
extern const torture_class torture_unload;

const torture_class *const torture_classes[] = {
    &torture_cancel,
    &torture_exec,
    &torture_faults,
    &torture_fork,
    &torture_hangs,
    &torture_limits,
    &torture_recycle,
    &torture_region_abort,
    &torture_region_cancel,
    &torture_region_memory,
    &torture_signals,
    &torture_unload,
    NULL,
};
