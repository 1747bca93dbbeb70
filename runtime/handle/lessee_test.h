/* SPDX-License-Identifier: MIT */
/*
 * A thread that leases a handle and calls something on its descriptor, and the descriptors for it to be blocked on.
 * Included by one test program each, which are plain programs for ThreadSanitizer.
 *
 *   number_in_use, and thread_id of a user   any thread
 *   the rest of a user                       its thread; whoever started it, before that and once it is joined
 */
#ifndef HANDLE_LESSEE_H
#define HANDLE_LESSEE_H

#include "base/atomic.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LONG_MS = 10000, /* a hang */
    SHORT_MS = 150,  /* what is waited for in vain */
    WORST_MS = 2000, /* on a machine that is busy elsewhere; docs/figures.md has the measured ones */
};

static sh_options options;

static inline int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* On the host that the program's argument names. */
static inline bool start_library(int argument_count, char **arguments)
{
    bool manual = argument_count > 1 && strcmp(arguments[1], "manual") == 0;
    options = (sh_options){.collector = manual ? SH_COLLECTOR_MANUAL : SH_COLLECTOR_BOEHM};
    (void)signal(SIGPIPE, SIG_DFL); /* nobody may get one */
    return sh_init(&options) == SH_OK;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

/* number is what is leased; peer keeps it from ending by itself; third is for a listener behind number. -1: none. */
typedef struct ends {
    int number;
    int peer;
    int third;
} ends;

static inline void close_others(const ends *of)
{
    if (of->peer >= 0)
        (void)close(of->peer);
    if (of->third >= 0)
        (void)close(of->third);
}

static inline ends pipe_to_read(void)
{
    int both[2];
    CHECK(pipe2(both, O_CLOEXEC) == 0);
    return (ends){both[0], both[1], -1};
}

static inline ends unix_pair(void)
{
    int both[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    return (ends){both[0], both[1], -1};
}

/* ---- a user ------------------------------------------------------------------------------------------------------ */

static inline int call_read(int number)
{
    char bytes[64];
    return read(number, bytes, sizeof bytes) < 0 ? errno : 0;
}

/* number + 1, while it must not be given out again; or 0 */
static atomic_word number_in_use;

typedef struct user {
    sh_handle *h;
    int (*call)(int number);
    bool stubborn;
    bool blocks_signal;
    pthread_t thread;
    atomic_word thread_id; /* once it leases */
    int error;
    int64_t left_us;
} user;

static inline void *use(void *argument)
{
    user *self = argument;
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGURG);
    if (self->blocks_signal)
        (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    sh_lease lease;
    sh_raw raw = -1;
    CHECK(sh_lease_begin(&lease, self->h, &raw) == SH_OK);
    atomic_word_store_release(&self->thread_id, (word_t)platform_thread_id());
    do /* what came back well (part of a write) goes on until it does not */
        self->error = self->call((int)raw);
    while (self->error == 0 || (self->error == EINTR && self->stubborn));
    self->left_us = now_us();
    atomic_word_store_release(&number_in_use, 0);
    sh_lease_end(&lease);
    return NULL;
}

static inline void start(user *self)
{
    CHECK(pthread_create(&self->thread, NULL, use, self) == 0);
    while (atomic_word_load_acquire(&self->thread_id) == 0)
        sched_yield();
}

static inline void join(user *self)
{
    (void)pthread_join(self->thread, NULL);
}

/* Until the kernel shows it asleep in a call. */
static inline void wait_until_blocked(const user *self)
{
    char path[64], text[128];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)atomic_word_load(&self->thread_id));
    for (int64_t end = now_us() + 1000000; now_us() < end; platform_sleep_ms(1)) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
        (void)close(file);
        text[size > 0 ? size : 0] = '\0';
        if (strstr(text, ") S ") != NULL)
            return;
    }
}

static inline sh_handle *wrap(const sh_kind *kind, int number)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(kind, number, NULL, &h) == SH_OK);
    return h;
}

#endif
