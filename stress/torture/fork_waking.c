/* SPDX-License-Identifier: MIT */
/* What class_fork.c forks beside: waking a thread that is blocked in read. */
#include "../die.h"
#include "fork_work.h"
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

enum { WAIT_MS = 20000, LOOK_US = 50 };

typedef struct reader {
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
            die("a reader found an event that nobody raised");
    }
    fork_work_expect(status, SH_OK, "the lease of a reader");
    return NULL;
}

static void wake_reader_in(sh_domain *domain_or_null)
{
    const sh_create_options options = {.domain = domain_or_null};
    reader blocked = {.leases = false};
    pthread_t thread;
    fork_work_expect(sh_open_event(0, 0, &options, &blocked.event), SH_OK, "sh_open_event");
    if (pthread_create(&thread, NULL, read_once, &blocked) != 0)
        die("a thread cannot be started");
    while (!atomic_load(&blocked.leases))
        (void)usleep(LOOK_US);
    if (domain_or_null != NULL)
        fork_work_expect(sh_domain_unload(domain_or_null, WAIT_MS, NULL), SH_OK, "an unload that wakes");
    else
        fork_work_expect(sh_close_wait(blocked.event, WAIT_MS), SH_OK, "a close that wakes");
    (void)pthread_join(thread, NULL);
    fork_work_drop(blocked.event);
}

void fork_work_waking(void)
{
    sh_domain *domain = NULL;
    wake_reader_in(NULL);
    fork_work_expect(sh_domain_create("of a reader", &domain), SH_OK, "sh_domain_create");
    wake_reader_in(domain);
    fork_work_expect(sh_domain_destroy(domain), SH_OK, "the end of a reader's domain");
}
