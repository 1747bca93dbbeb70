/* SPDX-License-Identifier: MIT */
/* A variant: one sort of object of which a million are made, dropped and, where it has an end of its own, ended. */
#ifndef BENCH_VARIANT_H
#define BENCH_VARIANT_H

#include <stdbool.h>

typedef struct variant {
    const char *name;
    bool ends; /* something is run for each dead object: a finalizer, or a release */
    void (*start)(void);
    /* Allocates and registers one; NULL: memory ran out. */
    void *(*make)(void);
    void (*collect)(void);
    /* Waits until everything that is due for the dead has run. */
    void (*settle)(void);
    /* How many ends there were so far; after settle. */
    long (*ended)(void);
} variant;

enum { UNWATCHED, NO_ORDER, HANDLE, VARIANTS };

extern const variant variant_unwatched, variant_no_order, variant_handle;
extern const variant *const variants[VARIANTS];

/* What the variants without this library share: the collector alone, and leaf objects of the size of a handle, which it
 * marks and does not look into. */
void collector_start(void);
void collector_collect(void);
void *collector_make(void);

#endif
