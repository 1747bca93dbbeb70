/* SPDX-License-Identifier: MIT */
/* What class_fork.c forks beside: waking a thread that is blocked in read. */
#include "../die.h"
#include "fork_work.h"
#include "reader.h"
#include <stddef.h>

enum { WAIT_MS = 20000 };

static void wake_reader_in(sh_domain *domain_or_null)
{
    const sh_create_options options = {.domain = domain_or_null};
    sh_handle *event = NULL;
    reader blocked;
    fork_work_expect(sh_open_event(0, 0, &options, &event), SH_OK, "sh_open_event");
    reader_start(&blocked, event, reader_read);
    if (domain_or_null != NULL)
        fork_work_expect(sh_domain_unload(domain_or_null, WAIT_MS, NULL), SH_OK, "an unload that wakes");
    else
        fork_work_expect(sh_close_wait(event, WAIT_MS), SH_OK, "a close that wakes");
    (void)pthread_join(blocked.thread, NULL);
    fork_work_expect(blocked.status, SH_OK, "the lease of a reader");
    if (blocked.size >= 0)
        die("a reader found an event that nobody raised");
    fork_work_drop(event);
}

void fork_work_waking(void)
{
    sh_domain *domain = NULL;
    wake_reader_in(NULL);
    fork_work_expect(sh_domain_create("of a reader", &domain), SH_OK, "sh_domain_create");
    wake_reader_in(domain);
    fork_work_expect(sh_domain_destroy(domain), SH_OK, "the end of a reader's domain");
}
