/* SPDX-License-Identifier: MIT */
/* What a constrained region announces that uses all that can be announced. Any thread. */
#ifndef TORTURE_RESERVE_H
#define TORTURE_RESERVE_H

#include <safehandle.h>
#include <stddef.h>

enum { RESERVE_FUNCTIONS = 2 };

/* So many handles and leases, a stack, no signals meanwhile, and two functions of the C library. functions: named here;
 * they stay until the region is left. */
sh_reserve reserve_everything(size_t handle_count, size_t lease_count, sh_function functions[RESERVE_FUNCTIONS]);

#endif
