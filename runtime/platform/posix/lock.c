/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "platform/platform.h"
#include <errno.h>
#include <time.h>

static struct timespec moment(int64_t deadline)
{
    return (struct timespec){.tv_sec = (time_t)(deadline / 1000), .tv_nsec = (long)(deadline % 1000 * 1000000)};
}

void platform_mutex_lock(platform_mutex *mutex)
{
    int error = pthread_mutex_lock(mutex);
    ASSERT(error == 0);
    (void)error;
}

void platform_mutex_unlock(platform_mutex *mutex)
{
    int error = pthread_mutex_unlock(mutex);
    ASSERT(error == 0);
    (void)error;
}

void platform_condition_init(platform_condition *condition)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void platform_condition_init_once(platform_condition *condition, bool *made)
{
    if (!*made)
        platform_condition_init(condition);
    *made = true;
}

void platform_condition_broadcast(platform_condition *condition)
{
    (void)pthread_cond_broadcast(condition);
}

bool platform_condition_wait(platform_condition *condition, platform_mutex *mutex, int64_t deadline)
{
    platform_cancel_token token = platform_cancel_hold();
    struct timespec until = moment(deadline);
    int error = deadline == PLATFORM_FOREVER ? pthread_cond_wait(condition, mutex)
                                             : pthread_cond_timedwait(condition, mutex, &until);
    platform_cancel_restore(token);
    return error != ETIMEDOUT;
}

void platform_signal_init(platform_signal *signal)
{
    (void)sem_init(signal, 0, 0);
}

void platform_signal_post(platform_signal *signal)
{
    int saved = errno;
    (void)sem_post(signal); /* fails only when two thousand million posts are waiting: one more tells nothing new */
    errno = saved;
}

bool platform_signal_wait(platform_signal *signal, int64_t deadline)
{
    int saved = errno;
    platform_cancel_token token = platform_cancel_hold();
    struct timespec until = moment(deadline);
    int result;
    do {
        result = deadline == PLATFORM_FOREVER ? sem_wait(signal) : sem_clockwait(signal, CLOCK_MONOTONIC, &until);
    } while (result != 0 && errno == EINTR); /* the collector's own signals interrupt a wait */
    platform_cancel_restore(token);
    errno = saved;
    return result == 0;
}

void platform_signal_drain(platform_signal *signal)
{
    int saved = errno;
    while (sem_trywait(signal) == 0)
        continue;
    errno = saved;
}
