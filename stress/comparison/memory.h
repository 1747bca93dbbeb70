/* SPDX-License-Identifier: MIT */
/* The collector's heap, empty on demand. */
#ifndef COMPARISON_MEMORY_H
#define COMPARISON_MEMORY_H

/* From here to memory_refill no small allocation of the calling thread succeeds. Not reentrant. */
void memory_exhaust(void);
void memory_refill(void);

#endif
