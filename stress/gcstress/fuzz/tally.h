/* SPDX-License-Identifier: MIT */
/* Which states the runs have come through, so that inputs that reach a new one are kept. */
#ifndef GCSTRESS_FUZZ_TALLY_H
#define GCSTRESS_FUZZ_TALLY_H

#include "scene.h"

/* At a choice: where it is, what each thread does, and how the handle is that both mean, if they mean the same. */
void tally_note(const scene *in, const char *where, size_t running);

/* How many different ones there were in all runs of this process. */
size_t tally_states(void);

#endif
