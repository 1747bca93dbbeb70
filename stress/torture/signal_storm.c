/* SPDX-License-Identifier: MIT */
#include "signal_storm.h"
#include "../die.h"
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TICK_NS = 1000000000 / STORM_HZ, LOOK_AGAIN = 100 /* signals between two looks at who is there */ };

typedef struct targets {
    pid_t threads[STORM_MOST_THREADS];
    size_t count;
} targets;

static void find_targets(targets *out_found)
{
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        die("/proc/self/task cannot be read");
    out_found->count = 0;
    for (const struct dirent *each; (each = readdir(tasks)) != NULL && out_found->count < STORM_MOST_THREADS;) {
        pid_t thread = (pid_t)strtol(each->d_name, NULL, 10);
        if (thread > 0 && thread != gettid())
            out_found->threads[out_found->count++] = thread;
    }
    (void)closedir(tasks);
}

/* A thread that has ended meanwhile gets none. */
static void send_to_next(const signal_storm *storm, const targets *to, uint64_t turn)
{
    for (size_t i = 0; i < storm->signal_count; i++)
        (void)syscall(SYS_tgkill, getpid(), to->threads[(turn + i) % to->count], storm->signals[i]);
}

static uint64_t elapsed_ticks(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t elapsed_ns = (int64_t)(now.tv_sec - since->tv_sec) * 1000000000 + now.tv_nsec - since->tv_nsec;
    return (uint64_t)(elapsed_ns / TICK_NS);
}

static void *rage(void *data)
{
    signal_storm *storm = data;
    struct timespec begun, tick = {.tv_nsec = TICK_NS};
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    targets to = {.count = 0};
    for (uint64_t sent = 0; !atomic_load(&storm->over);) {
        if (sent % LOOK_AGAIN == 0)
            find_targets(&to);
        if (sent >= elapsed_ticks(&begun)) {
            (void)nanosleep(&tick, NULL);
            continue;
        }
        send_to_next(storm, &to, sent++);
        atomic_store(&storm->sent, sent);
    }
    return NULL;
}

void signal_storm_start(signal_storm *storm)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&storm->thread, NULL, rage, storm) != 0)
        die("a thread cannot be started");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void signal_storm_stop(signal_storm *storm)
{
    atomic_store(&storm->over, true);
    (void)pthread_join(storm->thread, NULL);
}
