/* SPDX-License-Identifier: MIT */
/*
 * Five ways to hold a file, as the compiler and the machine know them. A READ becomes
 *
 *   intptr            NUMBER n, v     NEW buffer      CALL n
 *   keepalive         NUMBER n, v     NEW buffer      CALL n          KEEP v
 *   handleref         PACK p, v       NEW buffer      CALL_PACK p
 *   handleprotector   ENTER n, v      NEW buffer      CALL n          LEAVE v
 *   safehandle        LEASE n, v      NEW buffer      CALL n          UNLEASE
 *
 * Source: document 002.
 */
#ifndef EXAMPLE_APPROACH_H
#define EXAMPLE_APPROACH_H

#include "heap.h"
#include "instruction.h"

/* Called with the interpreter's lock, which they let go for their calls of the system and of the library. */
typedef struct approach {
    const char *name;
    const instruction *reading;
    void (*adopt)(object *owner); /* has its number open, and is a root of the calling machine */
    void (*close)(object *owner);
} approach;

/* NULL-terminated. */
extern const char *const approach_names[];
const approach *approach_find(const char *name);

/* The end of an ENTER. */
void approach_leave(object *protector);

#endif
