/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: named places where a test may step in. They are nothing at all in a release build.
 *
 *   CHECKPOINT("core.claim")        a test may run other code here: another thread's step, at exactly this moment
 *   FAILS_HERE("platform.pages")    a test may make what follows fail, as the system would
 *
 * The name is "room.what". One hook serves both; it is installed before other threads start.
 */
#ifndef BASE_CHECKPOINT_H
#define BASE_CHECKPOINT_H

#include <stdbool.h>

#ifdef SH_CHECKPOINTS

/* Returns true to make a FAILS_HERE fail. The answer to a CHECKPOINT is ignored. */
typedef bool checkpoint_hook(const char *name);

void checkpoint_set_hook(checkpoint_hook *hook_or_null);
bool checkpoint_reach(const char *name);

#define CHECKPOINT(name) ((void)checkpoint_reach(name))
#define FAILS_HERE(name) checkpoint_reach(name)

#else

#define CHECKPOINT(name) ((void)0)
#define FAILS_HERE(name) false

#endif

#endif
