/* SPDX-License-Identifier: MIT */
/*
 * Another thread's step between two of this one's: at a checkpoint that the calling thread comes to. So a thread is
 * brought to what lies there only by a race, each time.
 *
 *   every function   any thread, for itself
 */
#ifndef TORTURE_STEPPING_H
#define TORTURE_STEPPING_H

#include <safehandle.h>

/* For whoever has the hook of the checkpoints (tearing.h, stopping.h): what was to be done here is done. */
void stepping_reach(const char *checkpoint);

/* Takes a reference on h while another thread is in the middle of giving one back that nobody had, and so comes to
 * core.negative. SH_OK, or what went wrong on either side. errno stays as it is, and it is no cancellation point. */
sh_status stepping_beside_over_release(sh_handle *h);

/* Stores number, which is an owner's, in late, which is closed; before it is released there, it is stored in other. So
 * it comes to handle.find. SH_E_CLOSED, or what went wrong with other. */
sh_status stepping_beside_new_owner(sh_handle *late, sh_raw number, sh_handle *other);

#endif
