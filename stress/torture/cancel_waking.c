/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: waking a thread that is blocked in read. The thread that wakes it is torn away; nothing calls
 * it back, so that it always comes to the end of the act. */
#include "cancel_acts.h"
#include "cancel_expect.h"
#include "reader.h"
#include <stddef.h>

static void start_reader(reader *started, const sh_create_options *options_or_null)
{
    sh_handle *event = NULL;
    EXPECT(SH_OK, sh_open_event(0, 0, options_or_null, &event));
    reader_start(started, event, reader_read);
}

static void end_reader(reader *woken, const form *of)
{
    cancel_join(woken->thread);
    torture_must(woken->status, "the lease of a reader");
    if (woken->size >= 0)
        cancel_fail("a reader found an event that nobody raised");
    cancel_end(of, woken->event);
}

static void wake_by_close(const form *of)
{
    reader blocked;
    start_reader(&blocked, NULL);
    EXPECT(SH_OK, sh_close_wait(blocked.event, CANCEL_WAIT_MS));
    end_reader(&blocked, of);
}

static void wake_by_unload(const form *of)
{
    const sh_create_options inside = {.domain = cancel_domain_begin()};
    reader blocked;
    start_reader(&blocked, &inside);
    cancel_domain_end();
    end_reader(&blocked, of);
}

const cancel_act cancel_waking_acts[] = {
    {.name = "waking by a close", .run = wake_by_close, .deferred_only = true},
    {.name = "waking by an unload", .run = wake_by_unload, .deferred_only = true},
    {0},
};
