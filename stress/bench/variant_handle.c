/* SPDX-License-Identifier: MIT */
/* Handles of this library, of a kind whose release only counts. */
#include "../die.h"
#include "variant.h"
#include <safehandle.h>

static long released; /* by one worker at a time, which nobody overtakes; read where it has been waited for */

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    released++;
    return 0;
}

static const sh_kind counted_kind = {
    .name = "counted",
    .invalid_value = 0,
    .is_invalid = sh_invalid_zero,
    .release = release,
};

static void must(sh_status status)
{
    if (status != SH_OK)
        die("%s", sh_status_message(status));
}

/* No deadline: it could end the wait for the queue on a busy machine. */
static void start(void)
{
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .finalizer_deadline_ms = -1};
    must(sh_init(&options));
}

static void *make(void)
{
    sh_handle *h;
    return sh_wrap(&counted_kind, 1, NULL, &h) == SH_OK ? h : NULL;
}

static void settle(void)
{
    must(sh_wait_for_pending_finalizers(-1));
}

static long ended(void)
{
    return released;
}

const variant variant_handle = {
    .name = "safehandle",
    .ends = true,
    .start = start,
    .make = make,
    .collect = sh_collect,
    .settle = settle,
    .ended = ended,
};
