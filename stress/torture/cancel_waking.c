/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: waking a thread that is blocked in read. The thread that wakes it is torn away; nothing calls
 * it back, so that it always comes to the end of the act. */
#include "../die.h"
#include "cancel_acts.h"
#include "cancel_expect.h"
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

typedef struct reader {
    pthread_t thread;
    sh_handle *event; /* which nobody raises */
    atomic_bool leases;
} reader;

static void *read_once(void *data)
{
    reader *self = data;
    sh_status status;
    uint64_t count;
    SH_WITH_HANDLE (self->event, raw, status) {
        atomic_store(&self->leases, true);
        if (read((int)raw, &count, sizeof count) >= 0)
            cancel_fail("a reader found an event that nobody raised");
    }
    torture_must(status, "the lease of a reader");
    return NULL;
}

static void start_reader(reader *started, const sh_create_options *options_or_null)
{
    EXPECT(SH_OK, sh_open_event(0, 0, options_or_null, &started->event));
    if (pthread_create(&started->thread, NULL, read_once, started) != 0)
        die("a thread cannot be started");
    while (!atomic_load(&started->leases))
        (void)sched_yield(); /* no cancellation point, as sleeping is one */
}

static void wake_by_close(const form *of)
{
    reader blocked = {.leases = false};
    start_reader(&blocked, NULL);
    EXPECT(SH_OK, sh_close_wait(blocked.event, CANCEL_WAIT_MS));
    cancel_join(blocked.thread);
    cancel_end(of, blocked.event);
}

static void wake_by_unload(const form *of)
{
    const sh_create_options inside = {.domain = cancel_domain_begin()};
    reader blocked = {.leases = false};
    start_reader(&blocked, &inside);
    cancel_domain_end();
    cancel_join(blocked.thread);
    cancel_end(of, blocked.event);
}

const cancel_act cancel_waking_acts[] = {
    {.name = "waking by a close", .run = wake_by_close, .deferred_only = true},
    {.name = "waking by an unload", .run = wake_by_unload, .deferred_only = true},
    {0},
};
