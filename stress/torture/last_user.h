/* SPDX-License-Identifier: MIT */
/*
 * A finalizer that uses a handle as its domain is unloaded: users are refused by then, and finalizers are not.
 *
 *   any thread may call any of these at any time
 */
#ifndef TORTURE_LAST_USER_H
#define TORTURE_LAST_USER_H

#include <safehandle.h>
#include <stdint.h>

/* Registers one on an object of its own, in the domain of the thread. h: a ledger's, which lives until it has run. */
sh_status last_user_register(sh_collector collector, sh_handle *h);

/* How many were refused, or found the number released. */
uint64_t last_user_failures(void);

#endif
