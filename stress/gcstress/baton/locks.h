/* SPDX-License-Identifier: MIT */
/* The locks of the library that a thread holds. */
#ifndef GCSTRESS_LOCKS_H
#define GCSTRESS_LOCKS_H

/* By the calling thread. */
unsigned locks_held(void);

#endif
