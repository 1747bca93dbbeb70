/* SPDX-License-Identifier: MIT */
#include "session.h"
#include "../die.h"
#include <safehandle.h>

enum { PATIENCE_MS = 60000 };

static void must(const char *what, sh_status status)
{
    if (status != SH_OK)
        die("%s: %s", what, sh_status_message(status));
}

/* No deadline: on a busy machine it could end the wait for the flushes, which is not what is looked at here. */
void session_start(void)
{
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .finalizer_deadline_ms = -1};
    must("sh_init", sh_init(&options));
}

void collect_and_drain(void)
{
    sh_collect();
    must("sh_wait_for_pending_finalizers", sh_wait_for_pending_finalizers(PATIENCE_MS));
}

void session_restart(void)
{
    must("sh_shutdown", sh_shutdown(PATIENCE_MS));
    session_start();
}
