/* SPDX-License-Identifier: MIT */
/*
 * A kind of one's own: a POSIX semaphore. docs/writing-a-kind.md walks through it.
 */
#include <errno.h>
#include <safehandle.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

/* 0 or an errno value, called exactly once for each semaphore. */
SH_RELIABILITY(will_not_corrupt_state, success)
static int semaphore_release(sh_raw raw, void *context)
{
    (void)context;
    sem_t *semaphore = (sem_t *)raw;
    int error = sem_destroy(semaphore) == 0 ? 0 : errno;
    free(semaphore);
    return error;
}

/* Makes threads return that are blocked in sem_wait, when somebody closes and waits. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static int semaphore_interrupt(sh_raw raw, void *context)
{
    (void)context;
    return sem_post((sem_t *)raw) == 0 ? 0 : errno;
}

static const sh_kind semaphore_kind = {
    .name = "semaphore",
    .invalid_value = 0, /* what an unset handle holds: a null pointer */
    .is_invalid = sh_invalid_zero,
    .release = semaphore_release,
    .interrupt = semaphore_interrupt,
};

/* Called with the handle made and cancellation held back, so the new semaphore cannot be lost on the way to it. */
static int semaphore_open(void *initial_count, sh_raw *out_raw)
{
    sem_t *semaphore = malloc(sizeof *semaphore);
    if (semaphore == NULL)
        return ENOMEM;
    if (sem_init(semaphore, 0, *(const unsigned *)initial_count) != 0) {
        int error = errno;
        free(semaphore);
        return error;
    }
    *out_raw = (sh_raw)semaphore;
    return 0;
}

int main(void)
{
    unsigned initial_count = 1;
    sh_handle *h;
    if (sh_init(NULL) != SH_OK || sh_open_with(&semaphore_kind, semaphore_open, &initial_count, NULL, &h) != SH_OK)
        return 1;

    sh_status status;
    SH_WITH_HANDLE (h, raw, status) {
        (void)sem_wait((sem_t *)raw);
        (void)printf("inside\n");
        (void)sem_post((sem_t *)raw);
    }

    sh_lease lease;
    sh_raw raw;
    status = sh_lease_begin_kind(&lease, h, &sh_kind_file, &raw); /* not a file */
    (void)printf("a semaphore where a file is asked for: %s\n", sh_status_name(status));
    return sh_close(h) == SH_OK && sh_shutdown(1000) == SH_OK ? 0 : 1;
}
