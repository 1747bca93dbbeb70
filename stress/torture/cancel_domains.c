/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: domains, from their making to their end. */
#include "cancel_acts.h"
#include "cancel_expect.h"
#include "garbage.h"
#include "last_user.h"
#include "ledger.h"
#include "tearing.h"
#include <stddef.h>

enum { MOST_DOMAINS = 1000 };

/* Of the act that is under way; NULL: it has none. */
static sh_domain *domain;

sh_domain *cancel_domain_begin(void)
{
    EXPECT(SH_OK, sh_domain_create("torn", &domain));
    return domain;
}

/* All its handles may be released, and no thread is in it. */
static void unload_and_destroy(sh_domain *ended)
{
    if (sh_domain_unload(ended, CANCEL_WAIT_MS, NULL) != SH_OK)
        cancel_fail("a domain could not be unloaded");
    if (sh_domain_destroy(ended) != SH_OK)
        cancel_fail("a domain could not be destroyed");
}

void cancel_domain_end(void)
{
    EXPECT(SH_OK, sh_domain_unload(domain, CANCEL_WAIT_MS, NULL));
    EXPECT(SH_OK, sh_domain_destroy(domain));
    domain = NULL;
}

/* A thread that was cut off has left it, as it ended. */
void cancel_domain_give_back(void)
{
    if (domain != NULL)
        unload_and_destroy(domain);
    domain = NULL;
}

/* ---- the acts ---------------------------------------------------------------------------------------------------- */

static void make_inside(const form *of)
{
    sh_handle *h, *copy = NULL, *event = NULL;
    EXPECT(SH_OK, sh_domain_enter(cancel_domain_begin()));
    h = cancel_wrap_number();
    EXPECT(SH_OK, last_user_register(of->collector, h));
    EXPECT(SH_OK, sh_duplicate(h, &copy));
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &event));
    EXPECT(SH_OK, sh_domain_leave(domain));
    cancel_domain_end();
    garbage_drop_handle(of->collector, copy);
    garbage_drop_handle(of->collector, event);
    garbage_drop_handle(of->collector, h);
}

/* The user is this thread: by a lease, and then by a counted reference. */
static void unload_under_a_user(const form *of)
{
    const sh_create_options inside = {.domain = cancel_domain_begin()};
    sh_unload_report report;
    sh_handle *h = NULL;
    sh_lease own;
    sh_raw raw;
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), &inside, &h));
    cancel_use(h);
    EXPECT(SH_E_TIMEOUT, sh_domain_unload(domain, CANCEL_SHORT_MS, &report));
    /* A worker that has it in hand at that moment is told of instead. */
    const sh_left_over *left = report.left_overs;
    if (report.left_over != 1 || report.left_over_count != 1 || (left->counted_references != 1 && !left->releasing))
        cancel_fail("a user was not in the report of an unload");
    sh_unload_report_clear(&report);
    EXPECT(SH_E_CLOSED, sh_lease_begin(&own, h, &raw));
    cancel_use_end();
    cancel_domain_end();
    garbage_drop_handle(of->collector, h);
}

static void unload_what_is_leased_here(const form *of)
{
    const sh_create_options inside = {.domain = cancel_domain_begin()};
    sh_handle *h = NULL;
    sh_lease own;
    sh_raw raw;
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), &inside, &h));
    EXPECT(SH_OK, sh_lease_begin(&own, h, &raw));
    EXPECT(SH_PENDING, sh_domain_unload(domain, CANCEL_WAIT_MS, NULL));
    EXPECT(SH_PENDING, sh_domain_destroy(domain));
    sh_lease_end(&own);
    cancel_domain_end();
    garbage_drop_handle(of->collector, h);
}

/* Until there are more than ever before. */
static void make_many(const form *of)
{
    (void)of;
    static sh_domain *made[MOST_DOMAINS];
    int count = 0;
    while (count < MOST_DOMAINS && !tearing_has_come())
        EXPECT(SH_OK, sh_domain_create("torn", &made[count++]));
    while (count > 0)
        EXPECT(SH_OK, sh_domain_destroy(made[--count]));
}

const cancel_act cancel_domain_acts[] = {
    {.name = "a domain", .run = make_inside},
    {.name = "a domain in use", .run = unload_under_a_user},
    {.name = "a domain in use here", .run = unload_what_is_leased_here},
    {.name = "many domains", .run = make_many, .only_at = "domain.group"},
    {0},
};
