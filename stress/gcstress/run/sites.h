/* SPDX-License-Identifier: MIT */
/* Which call sites have been seen: a checkpoint, and who called whom to come there. */
#ifndef GCSTRESS_SITES_H
#define GCSTRESS_SITES_H

#include <stdbool.h>

/* On the only thread, before the first look: what walks the stack is loaded by the first walk. */
void sites_start(void);

/* Any thread. True once for each site; never where the collector's lock is held. */
bool sites_is_new(const char *where);

#endif
