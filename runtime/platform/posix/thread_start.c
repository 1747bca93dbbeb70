/* SPDX-License-Identifier: MIT */
/* Threads of our own. */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <stdlib.h>

/* Small against a program's own stacks, large enough for a user's finalizer. */
enum { STACK_SIZE_BYTES = 512 * 1024 };

typedef struct thread_start {
    const platform_thread_plan *plan;
    void *data;
} thread_start;

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
