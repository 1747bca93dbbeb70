/* SPDX-License-Identifier: MIT */
/*
 * A thread that sends signals to every thread of the process in turn, each signal STORM_HZ times a second on average:
 * what a busy machine delays is sent later.
 */
#ifndef TORTURE_SIGNAL_STORM_H
#define TORTURE_SIGNAL_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORM_HZ = 10000, STORM_MOST_THREADS = 64 };

typedef struct signal_storm {
    const int *signals;
    size_t signal_count;
    _Atomic uint64_t sent; /* of each */
    atomic_bool over;
    pthread_t thread;
} signal_storm;

/* The handlers must be installed. */
void signal_storm_start(signal_storm *storm);
void signal_storm_stop(signal_storm *storm);

#endif
