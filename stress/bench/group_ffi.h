/* SPDX-License-Identifier: MIT */
/* What is called by the loops of loops_of_ffi.c. */
#ifndef BENCH_GROUP_FFI_H
#define BENCH_GROUP_FFI_H

#include "loop.h"

/* Once, before the loops are run. */
void ffi_loops_prepare(void);

/* With the descriptor of the subject, and with its handle. */
extern const loop loop_ffi_call, loop_call_make;

#endif
