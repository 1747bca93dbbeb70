/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the pointer that a handle hands to its kind's release, kept aside, since most handles have none.
 *
 *   every function   any thread; keep and drop of one number are kept apart by the handle's life
 */
#ifndef HANDLE_CONTEXT_H
#define HANDLE_CONTEXT_H

#include <safehandle/status.h>
#include <stdint.h>

/* Number 0 stands for NULL and costs nothing. SH_E_NOMEM. */
sh_status context_keep(void *context, uint32_t *out_number);
void *context_get(uint32_t number);
void context_drop(uint32_t number);

/* Around fork; after serves parent and child. */
void context_fork_before(void);
void context_fork_after(void);

#endif
