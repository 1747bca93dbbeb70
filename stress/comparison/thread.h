/* SPDX-License-Identifier: MIT */
/* Threads that the collector knows. */
#ifndef COMPARISON_THREAD_H
#define COMPARISON_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

pthread_t thread_start(void *(*run)(void *data), void *data);
/* Waits for its end. True: it was cancelled. */
bool thread_join(pthread_t thread);

/* Waits until the thread sleeps in the kernel. */
void thread_wait_asleep(pid_t thread_id);

/* deep_run on a thread of its own, whose stack is gone afterwards. */
void thread_run_apart(void (*run)(void *data), void *data);

#endif
