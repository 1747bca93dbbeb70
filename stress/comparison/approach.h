/* SPDX-License-Identifier: MIT */
/*
 * An approach: one way in which a garbage-collected program holds a descriptor. Every accident runs the same code with
 * all of them.
 *
 * An owner is an object in the collector's heap; what it looks like is the approach's own business. Owners are made and
 * used on threads that the collector knows.
 *
 * Source: document 002, which tells of the first four and ends at the fifth.
 */
#ifndef COMPARISON_APPROACH_H
#define COMPARISON_APPROACH_H

#include <safehandle.h>
#include <stdbool.h>

/* Gives a descriptor that is fresh from the kernel, or -1. May be torn away by a cancellation, as any such call. */
typedef int open_call(void *data);

/*
 * One call that takes the number; lives on the stack of the thread that makes the call.
 * Invariant: between use_begin and use_end, kept is what the approach keeps reachable meanwhile, and NULL when the
 * number is all that is left.
 */
typedef struct use {
    int number;
    void *kept;
    sh_lease lease; /* approach_safehandle.c only */
} use;

typedef struct approach {
    const char *name;

    /* NULL: memory ran out, or nothing was opened. */
    void *(*open)(open_call *call, void *data);
    /* An owner for a number that is open already. */
    void *(*wrap)(int number);
    /* What the approach makes of document 000's MakeFred: a second object for the handle that first has. */
    void *(*wrap_again)(void *first, int number);

    /* False: the owner is closed, and there is nothing to use. */
    bool (*use_begin)(void *owner, use *u);
    void (*use_end)(use *u);

    void (*close)(void *owner);

    /* Has run(object) called when object has died, before or after its owner as the approach does it. NULL for
     * approaches whose owner is the stream itself: why_no_stream says so. */
    bool (*when_dead)(void *object, sh_finalizer *run);
    const char *why_no_stream;
} approach;

extern const approach approach_intptr, approach_keepalive, approach_handleref, approach_handleprotector,
    approach_safehandle;

#endif
