/* SPDX-License-Identifier: MIT */
/*
 * Releases that are written in Scheme. The library releases on whichever thread was the last user, often on a worker of
 * its own, and a release must neither allocate nor fail: so the value is noted in a ring that had room for it since its
 * handle was made, and the procedure is called at the next safe point (deferred.c).
 */
#include "binding.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct noted_release {
    const kind_record *record;
    sh_raw raw;
} noted_release;

/* Invariant, under lock: reserved + noted <= capacity, so that what is reserved can be noted without memory. */
static struct {
    pthread_mutex_t lock;
    noted_release *ring;
    size_t capacity;
    size_t first;
    size_t noted;
    size_t reserved;
} releases = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool ring_grow(size_t least)
{
    size_t capacity = releases.capacity == 0 ? 64 : releases.capacity;
    while (capacity < least)
        capacity *= 2;
    noted_release *ring = malloc(capacity * sizeof *ring);
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < releases.noted; i++)
        ring[i] = releases.ring[(releases.first + i) % releases.capacity];
    free(releases.ring);
    releases.ring = ring;
    releases.capacity = capacity;
    releases.first = 0;
    return true;
}

void release_reserve(size_t count)
{
    (void)pthread_mutex_lock(&releases.lock);
    size_t least = releases.reserved + releases.noted + count;
    bool there = least <= releases.capacity || ring_grow(least);
    if (there)
        releases.reserved += count;
    (void)pthread_mutex_unlock(&releases.lock);
    if (!there)
        scm_report_out_of_memory();
}

void release_forget(size_t count)
{
    (void)pthread_mutex_lock(&releases.lock);
    releases.reserved -= count;
    (void)pthread_mutex_unlock(&releases.lock);
}

int release_note(sh_raw raw, void *context)
{
    (void)pthread_mutex_lock(&releases.lock);
    releases.reserved--;
    releases.ring[(releases.first + releases.noted) % releases.capacity] = (noted_release){context, raw};
    releases.noted++;
    (void)pthread_mutex_unlock(&releases.lock);
    deferred_announce();
    return 0;
}

/* (kind . raw) of the oldest one, which is the caller's from now on; #f: there is none. */
static SCM release_take(void)
{
    noted_release oldest = {NULL, 0};
    (void)pthread_mutex_lock(&releases.lock);
    if (releases.noted > 0) {
        oldest = releases.ring[releases.first];
        releases.first = (releases.first + 1) % releases.capacity;
        releases.noted--;
    }
    (void)pthread_mutex_unlock(&releases.lock);
    return oldest.record == NULL ? SCM_BOOL_F : scm_cons(oldest.record->object, scm_from_intptr_t(oldest.raw));
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&releases.lock);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&releases.lock);
}

/* What was noted is the parent's to release. What is reserved stays so, for the handles that the child has, too. */
static void after_fork_in_child(void)
{
    releases.first = releases.noted = 0;
    after_fork();
}

void release_init(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
    DEFINE("%take-release", 0, 0, release_take);
}
