/* SPDX-License-Identifier: MIT */
/* The unwatched objects, with the collector's own unordered finalizers, which a thread of the program runs. */
#include "../die.h"
#include "variant.h"
#include <gc/gc.h> /* GC_THREADS: pthread_create is the collector's */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <string.h>

/* Invariant: each post of due is answered by one of drained; count is written by the draining thread between them. */
static struct {
    sem_t due;
    sem_t drained;
    long count;
} finalization;

static void count_one(void *object, void *unused)
{
    (void)object;
    (void)unused;
    finalization.count++;
}

static void *drain(void *unused)
{
    for (;;) {
        (void)sem_wait(&finalization.due);
        (void)GC_invoke_finalizers();
        (void)sem_post(&finalization.drained);
    }
    return unused;
}

static void start(void)
{
    collector_start();
    (void)sem_init(&finalization.due, 0, 0);
    (void)sem_init(&finalization.drained, 0, 0);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, drain, NULL);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
}

static void *make(void)
{
    void *object = collector_make();
    if (object != NULL)
        GC_register_finalizer_no_order(object, count_one, NULL, NULL, NULL);
    return object;
}

static void settle(void)
{
    (void)sem_post(&finalization.due);
    (void)sem_wait(&finalization.drained);
}

static long ended(void)
{
    return finalization.count;
}

const variant variant_no_order = {
    .name = "no-order",
    .ends = true,
    .start = start,
    .make = make,
    .collect = collector_collect,
    .settle = settle,
    .ended = ended,
};
