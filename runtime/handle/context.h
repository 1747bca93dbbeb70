/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the pointer that a handle hands to its kind's release, kept aside, since most handles have none.
 *
 *   every function   any thread; keep and drop of one number are kept apart by the handle's life
 */
#ifndef HANDLE_CONTEXT_H
#define HANDLE_CONTEXT_H

#include <safehandle/contract.h>
#include <safehandle/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Number 0 stands for NULL and costs nothing. SH_E_NOMEM. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status context_keep(void *context, uint32_t *out_number);

/* Room for so many more, which nobody else takes until context_unreserve: false when there is no memory. Who has such
 * room calls context_keep_reserved, which as long as it lasts cannot fail. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool context_reserve(size_t count);
SH_RELIABILITY(will_not_corrupt_state, success)
void context_unreserve(size_t count);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status context_keep_reserved(void *context, uint32_t *out_number);

SH_RELIABILITY(will_not_corrupt_state, success)
void *context_get(uint32_t number);
SH_RELIABILITY(will_not_corrupt_state, success)
void context_drop(uint32_t number);

/* Around fork; after serves parent and child. */
void context_fork_before(void);
void context_fork_after(void);

#endif
