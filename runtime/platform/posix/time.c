/* SPDX-License-Identifier: MIT */
#include "platform/platform.h"
#include <errno.h>
#include <time.h>

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t platform_now_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}

int64_t platform_now_coarse_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC_COARSE);
}

int64_t platform_deadline(int64_t timeout_ms)
{
    int64_t now = platform_now_ms();
    return timeout_ms < 0 || timeout_ms > PLATFORM_FOREVER - now ? PLATFORM_FOREVER : now + timeout_ms;
}

void platform_sleep_ms(int64_t duration_ms)
{
    int saved = errno;
    struct timespec rest = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
    errno = saved;
}
