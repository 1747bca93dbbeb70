/* SPDX-License-Identifier: MIT */
#include "thread.h"
#include "../child.h"
#include "../deep.h"
#include "../die.h"
#include <gc/gc.h> /* GC_THREADS: pthread_create and pthread_join are the collector's from here on */
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 60000 };

pthread_t thread_start(void *(*run)(void *data), void *data)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, data);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
    return thread;
}

bool thread_join(pthread_t thread)
{
    void *result;
    int error = pthread_join(thread, &result);
    if (error != 0)
        die("pthread_join: %s", strerror(error));
    return result == PTHREAD_CANCELED;
}

/* 'S' in "tid (name) S ...": asleep, and a signal may interrupt it. */
static char state_of(pid_t thread_id)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread_id);
    FILE *stat = fopen(path, "re");
    if (stat == NULL)
        die("%s cannot be read", path);
    char state = '?';
    int found = fscanf(stat, "%*d %*[^)]) %c", &state);
    (void)fclose(stat);
    return found == 1 ? state : '?';
}

void thread_wait_asleep(pid_t thread_id)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;
    while (state_of(thread_id) != 'S') {
        if (clock_now_ms() >= deadline)
            die("a thread did not reach its system call within %d seconds", PATIENCE_MS / 1000);
        (void)sched_yield();
    }
}

typedef struct errand {
    void (*run)(void *data);
    void *data;
} errand;

static void *do_errand(void *argument)
{
    const errand *asked = argument;
    deep_run(asked->run, asked->data);
    return NULL;
}

void thread_run_apart(void (*run)(void *data), void *data)
{
    errand asked = {run, data};
    (void)thread_join(thread_start(do_errand, &asked));
}
