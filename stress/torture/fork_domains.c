/* SPDX-License-Identifier: MIT */
/* What class_fork.c forks beside: domains, from their making to their end; and what the library makes once in a while.
 */
#include "../die.h"
#include "fork_load.h"
#include "fork_work.h"
#include "last_user.h"
#include "ledger.h"
#include "stopping.h"
#include <stddef.h>
#include <stdlib.h>

enum { SHORT_MS = 2, LONG_MS = 20000 };

/* The child of a fork may find it anywhere between its making and its end. */
static sh_domain *begin(void)
{
    sh_domain *made = NULL;
    fork_work_expect(sh_domain_create("passing", &made), SH_OK, "sh_domain_create");
    atomic_store(&fork_load.passing, made);
    return made;
}

static void end(sh_domain *ended)
{
    fork_work_expect(sh_domain_unload(ended, LONG_MS, NULL), SH_OK, "sh_domain_unload");
    atomic_store(&fork_load.passing, NULL);
    fork_work_expect(sh_domain_destroy(ended), SH_OK, "sh_domain_destroy");
}

static void end_under_a_finalizer(void)
{
    sh_domain *made = begin();
    fork_work_expect(sh_domain_enter(made), SH_OK, "sh_domain_enter");
    sh_handle *h = fork_work_wrap_number(), *other = fork_work_wrap_number();
    fork_work_expect(last_user_register(fork_work_collector(), h), SH_OK, "sh_finalizer_register");
    fork_work_expect(sh_domain_leave(made), SH_OK, "sh_domain_leave");
    end(made);
    fork_work_drop(other);
    fork_work_drop(h);
}

static void end_under_a_user(void)
{
    sh_domain *made = begin();
    fork_work_expect(sh_domain_enter(made), SH_OK, "sh_domain_enter");
    sh_handle *h = fork_work_wrap_number();
    fork_work_expect(sh_domain_leave(made), SH_OK, "sh_domain_leave");
    bool taken = false;
    sh_unload_report report;
    fork_work_expect(sh_dangerous_add_ref(h, &taken), SH_OK, "sh_dangerous_add_ref");
    fork_work_expect(sh_domain_unload(made, SHORT_MS, &report), SH_E_TIMEOUT, "an unload under a user");
    sh_unload_report_clear(&report);
    fork_work_expect(sh_dangerous_release(h), SH_OK, "the last release");
    end(made);
    fork_work_drop(h);
}

/* On a line that has never made a handle. Sites live as long as the process. */
static void wrap_on_new_line(void)
{
    sh_site *site = malloc(sizeof *site);
    sh_handle *h = NULL;
    if (site == NULL)
        die("there is no memory for a site");
    *site = (sh_site){__FILE__, __LINE__};
    sh_status status = sh_wrap_at(&ledger_kind, ledger_number(), NULL, sizeof(sh_create_options), site, &h);
    fork_work_expect(status, SH_OK, "sh_wrap_at");
    fork_work_expect(sh_close(h), SH_OK, "sh_close");
    fork_work_drop(h);
}

/* More lines and more domains than ever before are made only when a fork waits for that: neither is given back. */
static void make_more_when_wanted(void)
{
    sh_domain *kept;
    while (stopping_is_wanted("platform.pages"))
        wrap_on_new_line();
    while (stopping_is_wanted("domain.group"))
        fork_work_expect(sh_domain_create("kept", &kept), SH_OK, "sh_domain_create");
}

void fork_work_domain(void)
{
    end_under_a_finalizer();
    make_more_when_wanted();
    end_under_a_user();
    make_more_when_wanted();
    wrap_on_new_line();
}
