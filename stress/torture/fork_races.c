/* SPDX-License-Identifier: MIT */
/* What class_fork.c forks beside: what a thread comes to only between two steps of another. */
#include "fork_work.h"
#include "stepping.h"
#include <stddef.h>

static void meet_an_over_release(void)
{
    sh_handle *h = fork_work_wrap_number();
    fork_work_expect(stepping_beside_over_release(h), SH_OK, "a reference beside a release too many");
    fork_work_expect(sh_dangerous_release(h), SH_OK, "sh_dangerous_release");
    fork_work_expect(sh_close(h), SH_OK, "sh_close");
    fork_work_drop(h);
}

static void lose_a_late_value(void)
{
    sh_handle *stale = NULL, *late = NULL, *other = NULL;
    fork_work_expect(sh_open_event(0, 0, NULL, &stale), SH_OK, "sh_open_event");
    fork_work_expect(sh_create(&sh_kind_event, NULL, &late), SH_OK, "sh_create");
    fork_work_expect(sh_create(&sh_kind_event, NULL, &other), SH_OK, "sh_create");
    fork_work_expect(sh_close(late), SH_OK, "the close of an unset handle");
    sh_status status = stepping_beside_new_owner(late, sh_dangerous_get_handle(stale), other);
    fork_work_expect(status, SH_E_CLOSED, "a late value with another owner");
    fork_work_expect(sh_close(other), SH_OK, "the close of a new owner");
    fork_work_drop(other);
    fork_work_drop(late);
    fork_work_drop(stale);
}

void fork_work_races(void)
{
    meet_an_over_release();
    lose_a_late_value();
}
