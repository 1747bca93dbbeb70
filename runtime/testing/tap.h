/* SPDX-License-Identifier: MIT */
/*
 * Plain test programs, for what Criterion cannot run: under ThreadSanitizer, and with fork. Speaks TAP.
 *
 *   static void some_case(void) { CHECK(1 + 1 == 2); }
 *   int main(void) { TAP_RUN(some_case); return tap_end(); }
 */
#ifndef TESTING_TAP_H
#define TESTING_TAP_H

#include "base/atomic.h"
#include <stdio.h>

static struct {
    int cases;
    int failed;
    atomic_word failures; /* in the running case; any thread */
} tap;

/* Any thread. Goes on, so that a case ends in order. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                   \
            (void)atomic_word_add(&tap.failures, 1);                                                                   \
        }                                                                                                              \
    } while (0)

#define TAP_RUN(run) tap_run(#run, run)

static inline void tap_run(const char *name, void (*run)(void))
{
    atomic_word_store(&tap.failures, 0);
    run();
    tap.cases++;
    int failed = atomic_word_load(&tap.failures) > 0;
    tap.failed += failed;
    (void)printf("%sok %d - %s\n", failed ? "not " : "", tap.cases, name);
    (void)fflush(stdout);
}

static inline void tap_skip(const char *name, const char *why)
{
    tap.cases++;
    (void)printf("ok %d - %s # SKIP %s\n", tap.cases, name, why);
}

static inline int tap_end(void)
{
    (void)printf("1..%d\n", tap.cases);
    return tap.failed == 0 ? 0 : 1;
}

#endif
