/* SPDX-License-Identifier: MIT */
/* The library's checkpoints, as its sources have them; made when it is built. */
#ifndef GCSTRESS_CHECKPOINTS_H
#define GCSTRESS_CHECKPOINTS_H

/* NULL-terminated, in the order of their letters. */
extern const char *const checkpoint_names[];

#endif
