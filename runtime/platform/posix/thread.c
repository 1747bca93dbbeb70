/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { RETRY_MS = 100 };

static pthread_key_t end_key;

void platform_signals_block(platform_signal_mask *out_before)
{
    static const int left_open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof left_open / sizeof *left_open; i++)
        (void)sigdelset(&blocked, left_open[i]);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, out_before);
}

void platform_signals_restore(const platform_signal_mask *before)
{
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

bool platform_thread_begin(const platform_thread_hooks *hooks, bool (*wanted)(void *data), void *data)
{
    while (!hooks->begin()) {
        if (!wanted(data))
            return false;
        platform_sleep_ms(RETRY_MS);
    }
    return true;
}

int64_t platform_thread_id(void)
{
    return gettid();
}

int platform_thread_end_register(void (*at_end)(void *value))
{
    KEEP_ERRNO;
    return pthread_key_create(&end_key, at_end);
}

int platform_thread_end_set(void *value_or_null)
{
    KEEP_ERRNO;
    return FAILS_HERE("platform.thread-end") ? ENOMEM : pthread_setspecific(end_key, value_or_null);
}

platform_cancel_token platform_cancel_hold(void)
{
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void platform_cancel_restore(platform_cancel_token token)
{
    int disabled;
    (void)pthread_setcancelstate(token, &disabled);
}

void platform_call_guarded(void (*run)(void *data), void (*torn)(void *data), void *data)
{
    pthread_cleanup_push(torn, data);
    run(data);
    pthread_cleanup_pop(0);
}

int platform_fork_register(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    KEEP_ERRNO;
    return pthread_atfork(before, in_parent, in_child);
}
