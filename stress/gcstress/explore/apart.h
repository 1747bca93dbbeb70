/* SPDX-License-Identifier: MIT */
/* Work in a process of its own, where the library is started once more: what crashes, hangs or stands still there is a
 * finding, and what it has written into shared memory by then is not lost. */
#ifndef GCSTRESS_APART_H
#define GCSTRESS_APART_H

#include <stddef.h>

/* Zeroed, and the same memory in both processes. Ends the program where there is none. */
void *apart_allocate(size_t size_bytes);
/* Null does nothing. */
void apart_free(void *shared, size_t size_bytes);

/* NULL: it has returned; else what became of it, in one sentence that is valid until the next call. look is called here
 * now and then meanwhile. */
const char *apart_run(void (*work)(void *data), void (*look_or_null)(void *data), void *data);

/* There, before each run: it has so many seconds from now on. */
enum { APART_HANG_SECONDS = 20 };
void apart_begin_run(void);

/* Of a clock that never goes back. */
double apart_now_seconds(void);

#endif
