/* SPDX-License-Identifier: MIT */
#include "reader.h"
#include "../die.h"
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

ssize_t reader_read(int number)
{
    uint64_t count;
    return read(number, &count, sizeof count);
}

static void *lease_and_call(void *data)
{
    reader *self = data;
    SH_WITH_HANDLE (self->event, raw, self->status) {
        atomic_store(&self->leases, true);
        self->size = self->call((int)raw);
        self->error = self->size < 0 ? errno : 0;
    }
    atomic_store(&self->leases, true); /* also where it was refused: status says so, and nobody waits for ever */
    return NULL;
}

void reader_start(reader *started, sh_handle *event, reader_call *call)
{
    *started = (reader){.event = event, .call = call};
    if (pthread_create(&started->thread, NULL, lease_and_call, started) != 0)
        die("a thread cannot be started");
    while (!atomic_load(&started->leases))
        (void)sched_yield(); /* no cancellation point, as sleeping is one */
}
