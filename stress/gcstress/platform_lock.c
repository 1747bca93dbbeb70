/* SPDX-License-Identifier: MIT */
/*
 * What platform/posix/lock.c, time.c and thread_start.c do, under the baton: the part of platform.h by which one thread
 * waits for another. Linked in their place, so that the library's own threads are strands like the program's, and no
 * wait hides from the chooser.
 */
#include "baton.h"
#include "platform/platform.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- locks ------------------------------------------------------------------------------------------------------- */

void platform_mutex_lock(platform_mutex *mutex)
{
    while (pthread_mutex_trylock(mutex) != 0)
        (void)baton_wait(mutex, BATON_FOREVER, "platform.mutex");
}

void platform_mutex_unlock(platform_mutex *mutex)
{
    (void)pthread_mutex_unlock(mutex);
    baton_wake(mutex);
}

void platform_condition_init(platform_condition *condition)
{
    (void)pthread_cond_init(condition, NULL); /* only its address is used */
}

void platform_condition_init_once(platform_condition *condition, bool *made)
{
    if (!*made)
        platform_condition_init(condition);
    *made = true;
}

void platform_condition_broadcast(platform_condition *condition)
{
    baton_wake(condition);
}

bool platform_condition_wait(platform_condition *condition, platform_mutex *mutex, int64_t deadline)
{
    platform_mutex_unlock(mutex);
    bool woken = baton_wait(condition, deadline, "platform.condition");
    platform_mutex_lock(mutex);
    return woken;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

void platform_signal_init(platform_signal *signal)
{
    (void)sem_init(signal, 0, 0);
}

void platform_signal_post(platform_signal *signal)
{
    int saved = errno;
    (void)sem_post(signal);
    baton_wake(signal);
    errno = saved;
}

bool platform_signal_wait(platform_signal *signal, int64_t deadline)
{
    int saved = errno;
    bool in_time = true;
    bool taken;
    while (!(taken = sem_trywait(signal) == 0) && in_time)
        in_time = baton_wait(signal, deadline, "platform.signal");
    errno = saved;
    return taken;
}

void platform_signal_drain(platform_signal *signal)
{
    int saved = errno;
    while (sem_trywait(signal) == 0)
        continue;
    errno = saved;
}

/* ---- the clock --------------------------------------------------------------------------------------------------- */

int64_t platform_now_ms(void)
{
    return baton_now_ms();
}

int64_t platform_now_coarse_ms(void)
{
    return baton_now_ms();
}

void platform_sleep_ms(int64_t duration_ms)
{
    int unshared; /* nobody else waits for it */
    (void)baton_wait(&unshared, platform_deadline(duration_ms), "platform.sleep");
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* They change nothing that anybody waits for: one looks at the clock, the other tells what has happened. */
static bool is_quiet(const char *name)
{
    return strcmp(name, "sh-supervisor") == 0 || strcmp(name, "sh-events") == 0;
}

typedef struct thread_start {
    const platform_thread_plan *plan;
    void *data;
    size_t strand;
} thread_start;

static void thread_torn_away(void *argument)
{
    const thread_start *start = argument;
    start->plan->ended(start->data, false);
    baton_end();
}

static void *thread_main(void *argument)
{
    thread_start start = *(thread_start *)argument;
    free(argument);
    baton_begin(start.strand);
    (void)platform_cancel_hold();
    pthread_cleanup_push(thread_torn_away, &start);
    start.plan->run(start.data);
    pthread_cleanup_pop(0);
    start.plan->ended(start.data, true);
    baton_end();
    return NULL;
}

int platform_thread_start(const platform_thread_plan *plan, void *data)
{
    thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return ENOMEM;
    *start = (thread_start){plan, data, baton_new(plan->name, is_quiet(plan->name))};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_main, start);
    if (error == 0)
        error = pthread_detach(thread);
    else
        free(start);
    return error;
}
