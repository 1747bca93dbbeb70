/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: waking a thread that is blocked in read. The thread that wakes it is torn away. */
#include "../die.h"
#include "cancel_acts.h"
#include "cancel_expect.h"
#include "garbage.h"
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

/* Of the act that is under way. Invariant: while it is there, its thread has not been joined. */
static struct {
    bool there;
    pthread_t thread;
    sh_handle *ends[2]; /* of the pipe that it reads from */
    atomic_bool leases;
} reader;

static void *read_once(void *unused)
{
    sh_lease lease;
    sh_raw raw;
    char byte;
    torture_must(sh_lease_begin(&lease, reader.ends[0], &raw), "sh_lease_begin");
    atomic_store(&reader.leases, true);
    if (read((int)raw, &byte, 1) > 0)
        cancel_fail("a reader found a byte that nobody wrote");
    sh_lease_end(&lease);
    return unused;
}

static void start_reader(const sh_create_options *options_or_null)
{
    EXPECT(SH_OK, sh_open_pipe(0, options_or_null, &reader.ends[0], &reader.ends[1]));
    atomic_store(&reader.leases, false);
    if (pthread_create(&reader.thread, NULL, read_once, NULL) != 0)
        die("a thread cannot be started");
    reader.there = true;
    while (!atomic_load(&reader.leases))
        (void)sched_yield(); /* no cancellation point, as sleeping is one */
}

/* It was woken, or finds the end of what it reads. */
static void end_reader(const form *of)
{
    int before, unused;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_join(reader.thread, NULL);
    (void)pthread_setcancelstate(before, &unused);
    reader.there = false;
    for (int i = 0; i < 2; i++)
        cancel_end(of, reader.ends[i]);
}

void cancel_waking_give_back(const form *of)
{
    if (!reader.there)
        return;
    (void)sh_close(reader.ends[1]);
    end_reader(of);
}

static void wake_by_close(const form *of)
{
    start_reader(NULL);
    EXPECT(SH_OK, sh_close_wait(reader.ends[0], CANCEL_WAIT_MS));
    end_reader(of);
}

static void wake_by_unload(const form *of)
{
    const sh_create_options inside = {.domain = cancel_domain_begin()};
    start_reader(&inside);
    cancel_domain_end();
    end_reader(of);
}

const cancel_act cancel_waking_acts[] = {
    {.name = "waking by a close", .run = wake_by_close, .deferred_only = true},
    {.name = "waking by an unload", .run = wake_by_unload, .deferred_only = true},
    {0},
};
