/* SPDX-License-Identifier: MIT */
/*
 * A thread that gets no memory: malloc and its kin, mmap, and the collector's allocations that the library uses answer
 * that there is none, on the calling thread, from begin to end. The program that is linked with it has functions of
 * these names in front of the system's.
 */
#ifndef TORTURE_NO_MEMORY_H
#define TORTURE_NO_MEMORY_H

#include <stddef.h>

void no_memory_begin(void);

/* Answers how often the thread asked for memory meanwhile. */
size_t no_memory_end(void);

#endif
