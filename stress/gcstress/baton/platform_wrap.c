/* SPDX-License-Identifier: MIT */
/*
 * The part of platform.h by which one thread waits for another, under the baton: linked with --wrap, so that the
 * library's own threads are strands like the program's, and no wait hides from the chooser. A thread that is no strand
 * gets what it would have got.
 */
#include "../wrap.h"
#include "baton.h"
#include "locks.h"
#include "platform/platform.h"
#include "store_buffer.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* ---- locks ------------------------------------------------------------------------------------------------------- */

static _Thread_local unsigned held; /* of a thread that is no strand */

unsigned locks_held(void)
{
    return held;
}

WRAP(void, platform_mutex_lock, (platform_mutex * mutex))
{
    if (!baton_is_held()) {
        __real_platform_mutex_lock(mutex);
        held++;
        return;
    }
    store_buffer_drain(); /* as every locked instruction does */
    while (pthread_mutex_trylock(mutex) != 0)
        (void)baton_wait(mutex, BATON_FOREVER, "platform.mutex");
}

WRAP(void, platform_mutex_unlock, (platform_mutex * mutex))
{
    __real_platform_mutex_unlock(mutex);
    if (baton_is_held())
        baton_wake(mutex);
    else
        held--;
}

WRAP(void, platform_condition_broadcast, (platform_condition * condition))
{
    if (baton_is_held())
        baton_wake(condition);
    else
        __real_platform_condition_broadcast(condition);
}

WRAP(bool, platform_condition_wait, (platform_condition * condition, platform_mutex *mutex, int64_t deadline))
{
    if (!baton_is_held())
        return __real_platform_condition_wait(condition, mutex, deadline);
    __wrap_platform_mutex_unlock(mutex);
    bool woken = baton_wait(condition, deadline, "platform.condition");
    __wrap_platform_mutex_lock(mutex);
    return woken;
}

/* ---- the barrier ------------------------------------------------------------------------------------------------- */

/* The kernel's membarrier has the other processors fence; what else is asked of it is none of ours. */
WRAP(long, syscall, (long number, long first, long second, long third, long fourth, long fifth, long sixth))
{
    long answer = __real_syscall(number, first, second, third, fourth, fifth, sixth);
    if (number == SYS_membarrier && answer == 0 && baton_is_held())
        store_buffer_drain_all();
    return answer;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

WRAP(void, platform_signal_post, (platform_signal * signal))
{
    __real_platform_signal_post(signal);
    if (baton_is_held())
        baton_wake(signal);
}

WRAP(bool, platform_signal_wait, (platform_signal * signal, int64_t deadline))
{
    if (!baton_is_held())
        return __real_platform_signal_wait(signal, deadline);
    int saved = errno;
    bool in_time = true;
    bool taken;
    while (!(taken = sem_trywait(signal) == 0) && in_time)
        in_time = baton_wait(signal, deadline, "platform.signal");
    errno = saved;
    return taken;
}

/* ---- the clock --------------------------------------------------------------------------------------------------- */

WRAP(int64_t, platform_now_ms, (void))
{
    return baton_is_held() ? baton_now_ms() : __real_platform_now_ms();
}

WRAP(int64_t, platform_now_coarse_ms, (void))
{
    return baton_is_held() ? baton_now_ms() : __real_platform_now_coarse_ms();
}

WRAP(int64_t, platform_deadline, (int64_t timeout_ms))
{
    int64_t now = __wrap_platform_now_ms();
    return timeout_ms < 0 || timeout_ms > PLATFORM_FOREVER - now ? PLATFORM_FOREVER : now + timeout_ms;
}

WRAP(void, platform_sleep_ms, (int64_t duration_ms))
{
    if (!baton_is_held()) {
        __real_platform_sleep_ms(duration_ms);
        return;
    }
    int unshared; /* nobody else waits for it */
    (void)baton_wait(&unshared, __wrap_platform_deadline(duration_ms), "platform.sleep");
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

WRAP(int, platform_thread_start, (const platform_thread_plan *plan, void *data))
{
    if (!baton_is_held())
        return __real_platform_thread_start(plan, data);
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
