/* SPDX-License-Identifier: MIT */
#include "fork_child.h"
#include "../child.h"
#include "fork_load.h"
#include "garbage.h"
#include "last_user.h"
#include "ledger.h"
#include "stopping.h"
#include <stdlib.h>

enum {
    OWN_HANDLES = 20,
    OBJECT_SIZE_BYTES = 64,
    REGION_STACK_BYTES = 64 * 1024,
    WAIT_MS = 30000,                  /* for what must come */
    PROMPT_MS = FORM_DEADLINE_MS / 2, /* less than a finalizer's deadline: nobody waits for a thread that is gone */
    PASSING_MS = 5,                   /* where counted references of threads that are gone may be left */
    SHUTDOWN_MS = 100,                /* there, too */
    LAST_EVENTS_MS = 1000             /* what sh_shutdown gives the sink beyond its deadline */
};

static struct {
    torture_tally *tally;
    const char *host;
    const char *when;
    uint64_t failures;
} child;

static void expect(bool holds, const char *what)
{
    if (holds || child.failures++ > 0)
        return;
    torture_fail(child.tally, "%s: %s: in the child, %s", child.host, child.when, what);
}

/* ---- what it inherited ------------------------------------------------------------------------------------------- */

static void use_shared(void)
{
    for (int i = 0; i < FORK_LOAD_SHARED; i++) {
        sh_status status;
        SH_WITH_HANDLE (fork_load.shared[i], raw, status)
            expect(!ledger_is_released(raw), "a leased number had been released");
        expect(status == SH_OK, "an inherited handle could not be leased");
    }
}

/* The parent's other thread holds a lease on it: the child does not have that thread, nor the lease. */
static void close_held(void)
{
    sh_raw raw = sh_dangerous_get_handle(fork_load.held);
    expect(!ledger_is_released(raw), "a handle that a thread of the parent leased was released");
    expect(sh_close(fork_load.held) == SH_OK, "the lease of a thread that is gone held up a close");
    expect(ledger_is_released(raw), "a handle that was closed was not released");
}

/* Each of the threads that lease them may be between its reference and its lease at the fork, and such a reference
 * never comes back. */
static void close_shared(void)
{
    int pending = 0;
    for (int i = 0; i < FORK_LOAD_SHARED; i++)
        pending += sh_close(fork_load.shared[i]) != SH_OK;
    expect(pending <= FORK_LOAD_LEASERS, "closes were held up by leases of threads that are gone");
}

/* The thread that was in it, and leased a handle of it, is the parent's. */
static void unload_inherited(void)
{
    int64_t begun_ms = clock_now_ms();
    sh_raw number = sh_dangerous_get_handle(fork_load.held_in_domain);
    expect(!ledger_is_released(number), "a handle in a domain was released under a lease");
    expect(sh_domain_unload(fork_load.domain, WAIT_MS, NULL) == SH_OK, "an inherited domain could not be unloaded");
    expect(clock_now_ms() - begun_ms < PROMPT_MS, "an unload waited for a thread that is gone");
    expect(ledger_is_released(number) && sh_is_released(fork_load.free_in_domain), "an unload did not release all");
    expect(atomic_load(&fork_load.finalized_in_domain) == 1, "an unload did not run a finalizer once");
    expect(sh_domain_destroy(fork_load.domain) == SH_OK, "a domain still had the thread that is gone in it");
}

/* A reference of the thread that was at it may be lost; nobody waits for longer than was asked for. */
static void unload_passing(void)
{
    sh_domain *passing = atomic_load(&fork_load.passing);
    if (passing == NULL)
        return;
    int64_t begun_ms = clock_now_ms();
    sh_status status = sh_domain_unload(passing, PASSING_MS, NULL);
    expect(status == SH_OK || status == SH_E_TIMEOUT, "an unload of what a thread that is gone was at was refused");
    expect(clock_now_ms() - begun_ms < PASSING_MS + PROMPT_MS, "an unload was not over in time");
}

/* ---- what it makes ----------------------------------------------------------------------------------------------- */

static sh_handle *wrap_number(void)
{
    sh_handle *h = NULL;
    expect(sh_wrap(&ledger_kind, ledger_number(), NULL, &h) == SH_OK, "sh_wrap failed");
    return h;
}

static void make_and_close(const form *of)
{
    for (int i = 0; i < OWN_HANDLES; i++) {
        sh_handle *h = wrap_number();
        expect(sh_close(h) == SH_OK, "a close failed");
        garbage_drop_handle(of->collector, h);
        garbage_drop_handle(of->collector, wrap_number());
    }
    sh_handle *event = NULL;
    expect(sh_open_event(0, 0, NULL, &event) == SH_OK && sh_close(event) == SH_OK, "a descriptor could not be had");
}

static void count(void *object, void *runs)
{
    (void)object;
    (*(int *)runs)++;
}

static void finalize(const form *of)
{
    static int runs;
    static char place[OBJECT_SIZE_BYTES]; /* with the manual host, an object is any pointer */
    void *object = of->collector == SH_COLLECTOR_MANUAL ? place : garbage_object(of->collector, OBJECT_SIZE_BYTES);
    expect(sh_finalizer_register(object, count, &runs) == SH_OK, "a finalizer could not be registered");
    garbage_drop_object(of->collector, object);
    sh_collect();
    int64_t begun_ms = clock_now_ms();
    expect(sh_wait_for_pending_finalizers(WAIT_MS) == SH_OK, "the finalizers did not come to an end");
    expect(clock_now_ms() - begun_ms < PROMPT_MS, "the lanes waited for what a thread that is gone was running");
    expect(of->collector != SH_COLLECTOR_MANUAL || runs == 1, "a finalizer did not run once");
}

static void live_in_domain(const form *of)
{
    sh_domain *domain = NULL;
    expect(sh_domain_create("of the child", &domain) == SH_OK, "a domain could not be made");
    expect(sh_domain_enter(domain) == SH_OK, "a domain could not be entered");
    sh_handle *h = wrap_number();
    expect(last_user_register(of->collector, h) == SH_OK, "a finalizer could not be registered in a domain");
    expect(sh_domain_leave(domain) == SH_OK, "a domain could not be left");
    int64_t begun_ms = clock_now_ms();
    expect(sh_domain_unload(domain, WAIT_MS, NULL) == SH_OK, "a domain could not be unloaded");
    expect(clock_now_ms() - begun_ms < PROMPT_MS, "an unload of the child's own was not over in time");
    expect(last_user_failures() == 0, "a finalizer could not use a handle of its domain");
    expect(sh_is_released(h), "an unload did not release");
    expect(sh_domain_destroy(domain) == SH_OK, "a domain could not be destroyed");
    garbage_drop_handle(of->collector, h);
}

static void make_constrained(const form *of)
{
    const sh_reserve reserve = {.handle_count = 2, .lease_count = 1, .stack_bytes = REGION_STACK_BYTES};
    sh_region region = {.thread = NULL};
    expect(sh_region_enter(&region, &reserve) == SH_OK, "a region could not be entered");
    sh_handle *h = wrap_number();
    expect(sh_region_leave(&region) == SH_OK, "a region could not be left");
    expect(sh_close(h) == SH_OK, "a handle of a region could not be closed");
    garbage_drop_handle(of->collector, h);
}

/* ---- how it ends ------------------------------------------------------------------------------------------------- */

static void start_anew(const form *of)
{
    sh_options options = form_options(of);
    expect(sh_init(&options) == SH_OK, "sh_init failed");
    expect(sh_close(wrap_number()) == SH_OK, "a handle could not be closed after a start");
}

static void shut_down(void)
{
    int64_t begun_ms = clock_now_ms();
    sh_status status = sh_shutdown(SHUTDOWN_MS);
    expect(status == SH_OK || status == SH_E_TIMEOUT, "sh_shutdown was refused");
    expect(clock_now_ms() - begun_ms < SHUTDOWN_MS + LAST_EVENTS_MS + WAIT_MS, "sh_shutdown was not over in time");
}

void fork_child_live(torture_tally *tally, const void *plan)
{
    const fork_child_plan *mine = plan;
    stopping_end();
    child.tally = tally;
    child.host = mine->of->name;
    child.when = mine->when;
    if (mine->inherits) {
        use_shared();
        close_held();
    } else {
        start_anew(mine->of);
    }
    make_and_close(mine->of);
    finalize(mine->of);
    live_in_domain(mine->of);
    make_constrained(mine->of);
    if (mine->inherits) {
        close_shared();
        unload_inherited();
        unload_passing();
    }
    if (mine->shuts_down) {
        shut_down();
        start_anew(mine->of);
    }
    expect(ledger_wrong_releases() == 0, "a number was released twice");
}
