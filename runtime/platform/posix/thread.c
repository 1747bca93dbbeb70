/* SPDX-License-Identifier: MIT */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Small against a program's own stacks, large enough for a user's finalizer. */
enum { STACK_SIZE_BYTES = 512 * 1024, RETRY_MS = 100 };

typedef struct thread_start {
    const platform_thread_plan *plan;
    void *data;
} thread_start;

static pthread_key_t end_key;

static void thread_torn_away(void *argument)
{
    const thread_start *start = argument;
    start->plan->ended(start->data, false);
}

static void *thread_main(void *argument)
{
    thread_start start = *(thread_start *)argument;
    free(argument);
    (void)platform_cancel_hold();
    (void)pthread_setname_np(pthread_self(), start.plan->name);
    pthread_cleanup_push(thread_torn_away, &start);
    start.plan->run(start.data);
    pthread_cleanup_pop(0);
    start.plan->ended(start.data, true);
    return NULL;
}

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

int platform_thread_start(const platform_thread_plan *plan, void *data)
{
    KEEP_ERRNO;
    if (FAILS_HERE("platform.thread"))
        return EAGAIN;
    thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return ENOMEM;
    *start = (thread_start){plan, data};

    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* A signal meant for the program must not find a thread of ours. A collector's own are opened again when the thread
     * enters it. The new thread inherits the mask, so there is no moment without it. */
    platform_signal_mask before;
    platform_signals_block(&before);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, thread_main, start);
    platform_signals_restore(&before);
    (void)pthread_attr_destroy(&attributes);
    if (error != 0)
        free(start);
    return error;
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
