/* SPDX-License-Identifier: MIT */
#include "stopping.h"
#include "base/checkpoint.h"
#include "stepping.h"
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MOST_NAMES = 64 };

/* Invariant: names[0 .. count) are different, but for one that two threads saw first at the same time. wanted is the
 * checkpoint at which the next thread stops, NULL for none; whoever takes it from there posts reached, once. */
static struct {
    _Atomic(const char *) names[MOST_NAMES];
    atomic_size_t count;
    _Atomic(const char *) wanted;
    sem_t reached;
    sem_t go_on;
} stops;

static bool wait_for(sem_t *semaphore)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += STOPPING_LIMIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int saved = errno;
    int result;
    do {
        result = sem_clockwait(semaphore, CLOCK_MONOTONIC, &until);
    } while (result != 0 && errno == EINTR);
    errno = saved;
    return result == 0;
}

static void note(const char *name)
{
    size_t count = atomic_load(&stops.count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(atomic_load(&stops.names[i]), name) == 0)
            return;
    const char *none = NULL;
    if (count < MOST_NAMES && atomic_compare_exchange_strong(&stops.names[count], &none, name))
        (void)atomic_fetch_add(&stops.count, 1);
}

static void stop_where_wanted(const char *name)
{
    const char *wanted = atomic_load(&stops.wanted);
    if (wanted == NULL || strcmp(wanted, name) != 0 || !atomic_compare_exchange_strong(&stops.wanted, &wanted, NULL))
        return;
    (void)sem_post(&stops.reached);
    (void)wait_for(&stops.go_on);
}

/* Makes nothing fail. */
static bool reach_checkpoint(const char *name)
{
    note(name);
    stop_where_wanted(name);
    stepping_reach(name); /* last: what is between two steps of another thread is stopped there, too */
    return false;
}

void stopping_start(void)
{
    (void)sem_init(&stops.reached, 0, 0);
    (void)sem_init(&stops.go_on, 0, 0);
    checkpoint_set_hook(reach_checkpoint);
}

void stopping_end(void)
{
    checkpoint_set_hook(NULL);
}

size_t stopping_count(void)
{
    return atomic_load(&stops.count);
}

const char *stopping_name(size_t index)
{
    return atomic_load(&stops.names[index]);
}

bool stopping_await(const char *name)
{
    while (sem_trywait(&stops.go_on) == 0)
        continue; /* of one who did not wait for it */
    atomic_store(&stops.wanted, name);
    if (wait_for(&stops.reached))
        return true;
    const char *still = name;
    if (atomic_compare_exchange_strong(&stops.wanted, &still, NULL))
        return false;
    (void)wait_for(&stops.reached); /* it came at the last moment, and is about to post */
    return true;
}

bool stopping_is_wanted(const char *name)
{
    const char *wanted = atomic_load(&stops.wanted);
    return wanted != NULL && strcmp(wanted, name) == 0;
}

void stopping_let_go(void)
{
    (void)sem_post(&stops.go_on);
}
