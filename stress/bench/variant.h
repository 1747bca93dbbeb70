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

enum { PLAIN_24, PLAIN_32, NO_ORDER_24, NO_ORDER_32, SAFEHANDLE, VARIANTS };

extern const variant variant_plain_24, variant_plain_32, variant_no_order_24, variant_no_order_32, variant_safehandle;
extern const variant *const variants[VARIANTS];

/* What the variants without this library share: the collector alone. */
void collector_start(void);
void collector_collect(void);

#endif
