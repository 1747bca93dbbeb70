/* SPDX-License-Identifier: MIT */
/* Threads of fork_load.c: what each of them does until the load is over, and what they share. */
#ifndef TORTURE_FORK_WORK_H
#define TORTURE_FORK_WORK_H

#include "form.h"

bool fork_work_goes_on(void);
/* Every other answer is a failure. what: "sh_wrap" */
void fork_work_expect(sh_status got, sh_status expected, const char *what);

sh_collector fork_work_collector(void);
sh_handle *fork_work_wrap_number(void);
void fork_work_drop(sh_handle *h);

/* fork_domains.c: makes domains and ends them. */
void fork_work_domain(void);

/* fork_races.c: over-releases, and numbers that get another owner. */
void fork_work_races(void);

/* fork_waking.c: wakes a reader, by a close or by the unload of its domain. */
void fork_work_waking(void);

#endif
