/* SPDX-License-Identifier: MIT */
/*
 * cancel: a thread is torn away at every checkpoint of every public call, and in every callback: while it makes, uses,
 * closes and finalizes, in domains and regions, while it unloads and wakes others. The roll tells when a checkpoint of
 * the library was left out.
 *
 * By pthread_cancel, deferred: no call of ours is a cancellation point, so the call is finished, and the thread ends at
 * its own next cancellation point. With asynchronous cancellation POSIX allows no call but three, and we promise only
 * that what is being opened gets its owner. By pthread_exit in a callback (release, interrupt, opener, duplicate,
 * finalizer, sink): the call ends with the thread. And threads that end with leases and references in their hands.
 *
 * Afterwards everything must work on another thread; in the end nothing may be left: no number, no descriptor, no user.
 *
 * Seen to fail with five of stress/mutants: wait-can-be-cancelled, open-can-be-cancelled, thread-end-keeps-leases,
 * torn-release-is-not-finished, rest-of-leases-is-lost; with an unload, an end of a thread and an end of a region that
 * did not clear up after themselves; and, by the roll, without its acts of waking.
 */
#include "../deep.h"
#include "../die.h"
#include "cancel_acts.h"
#include "garbage.h"
#include "last_user.h"
#include "ledger.h"
#include "roll.h"
#include "tearing.h"
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

enum { ROUNDS = 200, QUICK_ROUNDS = 15, LIMIT_S = 300, WAIT_MS = 20000 };
enum { HOLDERS = 40, HELD_LEASES = 5, LEAST_FOUND = HOLDERS - HOLDERS / 10, MOST_MOMENTS = 10000 };

static void expect(torture_tally *tally, bool holds, const form *of, const char *what)
{
    if (!holds)
        torture_fail(tally, "%s: %s", of->name, what);
}

/* ---- one thread is torn away ------------------------------------------------------------------------------------- */

typedef struct victim {
    const form *of;
    const cancel_act *act;
    tearing_how how;
    int nth;
    int moments; /* out; -1: the act was cut off */
} victim;

static void *live(void *data)
{
    victim *self = data;
    torture_must(sh_thread_attach(), "sh_thread_attach");
    self->moments = -1;
    if (self->act->only_at != NULL)
        tearing_arm_at(self->act->only_at);
    else
        tearing_arm(self->how, self->nth);
    cancel_act_run(self->act, self->of);
    self->moments = tearing_disarm();
    pthread_testcancel();
    return NULL;
}

/* Answers whether the thread ended early. */
static bool tear(victim *chosen)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, live, chosen) != 0)
        die("a thread cannot be started");
    (void)pthread_join(thread, &result);
    cancel_act_give_back(chosen->act, chosen->of);
    return result == PTHREAD_CANCELED;
}

/* No lock was left behind, and the lanes go on. */
static void use_everything(const form *of, torture_tally *tally)
{
    sh_handle *event = NULL;
    sh_status status = sh_open_event(0, 0, NULL, &event);
    expect(tally, status == SH_OK, of, "nothing could be opened afterwards");
    SH_WITH_HANDLE (event, raw, status)
        (void)raw;
    expect(tally, status == SH_OK && sh_close_wait(event, WAIT_MS) == SH_OK, of, "nothing could be closed afterwards");
    garbage_drop_handle(of->collector, event);
    expect(tally, sh_wait_for_pending_finalizers(WAIT_MS) == SH_OK, of, "the lanes did not go on afterwards");
}

/* It acts once the calls of ours that it came in are finished, and then it does. */
static void expect_deferred(const victim *chosen, bool torn, torture_tally *tally)
{
    if (chosen->how != TEAR_BY_CANCEL)
        return;
    if (chosen->moments < 0)
        torture_fail(tally, "%s: %s: a cancellation acted inside a call, at moment %d", chosen->of->name,
                     chosen->act->name, chosen->nth);
    else if (chosen->moments >= chosen->nth && !torn)
        torture_fail(tally, "%s: %s: a cancellation at moment %d was lost", chosen->of->name, chosen->act->name,
                     chosen->nth);
}

/* At every moment of the act, until there is none any more. */
static void tear_everywhere(const form *of, const cancel_act *act, tearing_how how, torture_tally *tally)
{
    for (int nth = how == TEAR_BY_CANCEL ? 0 : 1; nth < MOST_MOMENTS; nth++) {
        victim chosen = {.of = of, .act = act, .how = how, .nth = nth};
        torture_try(tally);
        bool torn = tear(&chosen);
        expect_deferred(&chosen, torn, tally);
        use_everything(of, tally);
        if (!torn)
            return;
    }
    torture_fail(tally, "%s: %s: it does not end", of->name, act->name);
}

/* Once, where the act comes to the checkpoint that it is about. */
static void tear_at_checkpoint(const form *of, const cancel_act *act, torture_tally *tally)
{
    victim chosen = {.of = of, .act = act, .how = TEAR_BY_CANCEL, .nth = 1};
    torture_try(tally);
    bool torn = tear(&chosen);
    expect_deferred(&chosen, torn, tally);
    if (!torn)
        torture_fail(tally, "%s: %s: it does not come to %s", of->name, act->name, act->only_at);
    use_everything(of, tally);
}

static void tear_all(const form *of, const cancel_act *acts, torture_tally *tally)
{
    for (const cancel_act *act = acts; act->name != NULL; act++) {
        if (act->only_at != NULL) {
            tear_at_checkpoint(of, act, tally);
            continue;
        }
        for (tearing_how how = TEAR_BY_CANCEL; how <= TEAR_BY_EXIT; how++)
            if (how != TEAR_ASYNCHRONOUSLY || !act->deferred_only)
                tear_everywhere(of, act, how, tally);
    }
}

/* ---- threads that end with something in their hands -------------------------------------------------------------- */

typedef struct holding {
    sh_handle *h;
    bool detaches; /* a counted reference instead of leases */
} holding;

static void *hold_and_end(void *data)
{
    holding *mine = data;
    sh_lease leases[HELD_LEASES];
    sh_raw raw;
    torture_must(sh_thread_attach(), "sh_thread_attach");
    for (int i = 0; i < HELD_LEASES; i++)
        torture_must(sh_lease_begin(&leases[i], mine->h, &raw), "sh_lease_begin");
    if (mine->detaches)
        torture_must(sh_lease_detach(&leases[0]), "sh_lease_detach");
    (void)pthread_cancel(pthread_self());
    pthread_testcancel();
    return NULL;
}

static void hold(holding *mine)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, hold_and_end, mine) != 0)
        die("a thread cannot be started");
    (void)pthread_join(thread, NULL);
}

static sh_handle *wrap_number(void)
{
    sh_handle *h = NULL;
    torture_must(sh_wrap(&ledger_kind, ledger_number(), NULL, &h), "sh_wrap");
    return h;
}

static void end_with_leases(const form *of, torture_tally *tally)
{
    holding mine = {.h = wrap_number()};
    torture_try(tally);
    hold(&mine);
    expect(tally, sh_close(mine.h) == SH_OK, of, "the leases of a thread that was cancelled did not come back");
    garbage_drop_handle(of->collector, mine.h);
}

/* Closed before the thread ends: giving the last lease back is the release, which ends the thread once more. */
static void *hold_closed_and_end(void *of)
{
    sh_handle *handles[HELD_LEASES];
    sh_lease leases[HELD_LEASES];
    sh_raw raw;
    torture_must(sh_thread_attach(), "sh_thread_attach");
    for (int i = 0; i < HELD_LEASES; i++) {
        handles[i] = wrap_number();
        torture_must(sh_lease_begin(&leases[i], handles[i], &raw), "sh_lease_begin");
        (void)sh_close(handles[i]);
        garbage_drop_handle(((const form *)of)->collector, handles[i]);
    }
    tearing_arm(TEAR_BY_EXIT, 1);
    return NULL;
}

static void end_in_the_end(const form *of, torture_tally *tally)
{
    uint64_t before = ledger_live();
    pthread_t thread;
    torture_try(tally);
    if (pthread_create(&thread, NULL, hold_closed_and_end, (void *)(uintptr_t)of) != 0)
        die("a thread cannot be started");
    (void)pthread_join(thread, NULL);
    expect(tally, ledger_live() == before, of, "a release that ended its thread kept the thread's other leases");
    use_everything(of, tally);
}

/* ---- counted references: an event, and a late return that releases ----------------------------------------------- */

static _Atomic uint64_t leaked_references;

static void hear(const sh_event *event, void *data)
{
    (void)data;
    if (event->type == SH_EVENT_LEAKED_REFERENCE)
        (void)atomic_fetch_add(&leaked_references, event->count);
    tearing_callback(TEAR_IN_OTHER);
}

typedef struct hidden_handles {
    const form *of;
    uintptr_t words[HOLDERS]; /* inverted, where no collector takes them for pointers */
} hidden_handles;

static void leak_references(void *data)
{
    hidden_handles *hidden = data;
    for (int i = 0; i < HOLDERS; i++) {
        holding mine = {.h = wrap_number(), .detaches = true};
        hold(&mine);
        garbage_drop_handle(hidden->of->collector, mine.h);
        hidden->words[i] = ~(uintptr_t)mine.h;
    }
}

static void end_with_references(const form *of, torture_tally *tally)
{
    hidden_handles hidden = {.of = of};
    atomic_store(&leaked_references, 0);
    deep_run(leak_references, &hidden);
    sh_collect();
    expect(tally, sh_wait_for_pending_finalizers(WAIT_MS) == SH_OK, of, "the lanes did not come to an end");
    expect(tally, atomic_load(&leaked_references) >= LEAST_FOUND, of, "a reference that leaked was no event");
    for (int i = 0; i < HOLDERS; i++) {
        sh_handle *h = (sh_handle *)~hidden.words[i];
        sh_raw number = sh_dangerous_get_handle(h);
        torture_try(tally);
        expect(tally, !ledger_is_released(number), of, "a number was released under a counted reference");
        (void)sh_close(h);
        (void)sh_dangerous_release(h);
        expect(tally, ledger_is_released(number), of, "a late reference did not release");
    }
}

/* ---- threads of the library -------------------------------------------------------------------------------------- */

static void drop_some(void *of)
{
    for (int i = 0; i < HOLDERS; i++)
        garbage_drop_handle(((const form *)of)->collector, wrap_number());
    bool taken = false;
    sh_handle *h = wrap_number();
    (void)sh_dangerous_release(h); /* an event */
    (void)sh_dangerous_add_ref(h, &taken);
    (void)sh_close(h);
    (void)sh_dangerous_release(h);
    garbage_drop_handle(((const form *)of)->collector, h);
}

/* A release, a finalizer or the sink, whichever a thread of the library comes to first. */
static void end_a_library_thread(const form *of, torture_tally *tally)
{
    torture_try(tally);
    tearing_arm_library_thread();
    deep_run(drop_some, (void *)(uintptr_t)of);
    sh_collect();
    use_everything(of, tally);
    expect(tally, !tearing_disarm_library_thread(), of, "no thread of the library came to be torn away");
    use_everything(of, tally);
}

/* ---- the class --------------------------------------------------------------------------------------------------- */

static void act_in_ledger(ledger_callback where)
{
    tearing_callback(where == LEDGER_DUPLICATE ? TEAR_IN_OPENING : TEAR_IN_OTHER);
}

static void run_round(const form *of, torture_tally *tally)
{
    tear_all(of, cancel_acts, tally);
    tear_all(of, cancel_domain_acts, tally);
    tear_all(of, cancel_race_acts, tally);
    tear_all(of, cancel_region_acts, tally);
    tear_all(of, cancel_waking_acts, tally);
    end_with_leases(of, tally);
    end_in_the_end(of, tally);
    end_with_references(of, tally);
    end_a_library_thread(of, tally);
}

static void run_form(const form *of, const torture_plan *plan, torture_tally *tally)
{
    if (!ledger_open())
        die("there is no memory for the ledger");
    tearing_start();
    cancel_acts_start(tally);
    ledger_on_callback(act_in_ledger);
    int before = torture_open_descriptors();
    form_start(of);
    sh_set_event_sink(hear, NULL);
    for (int i = 0; i < (plan->quick ? QUICK_ROUNDS : ROUNDS); i++)
        run_round(of, tally);
    form_stop(of, tally);
    expect(tally, last_user_failures() == 0, of, "a finalizer could not use a handle of its domain");
    expect(tally, ledger_wrong_releases() == 0, of, "a number was released twice");
    expect(tally, ledger_live() == 0, of, "a number was never released");
    expect(tally, torture_open_descriptors() == before, of, "a descriptor was left open");
}

static const roll_excuse excuses[] = {
    {"core.enter-draining", "only threads of the library are let into what drains: end_a_library_thread"},
    {"finalization.critical", "on the library's worker alone: end_a_library_thread"},
    {"finalization.cut", "an unload comes to it only while a worker has handles in hand: by chance, or not at all"},
    {"finalization.next", "on the library's worker alone: end_a_library_thread"},
    {"finalization.normal", "on the library's worker alone: end_a_library_thread"},
    {"platform.exit", "once in a process, by its first sh_init"},
    {0},
};

static void run(const torture_plan *plan, torture_tally *tally)
{
    static const form forms[] = {
        {"collector", SH_COLLECTOR_BOEHM, run_form, LIMIT_S},
        {"manual host", SH_COLLECTOR_MANUAL, run_form, LIMIT_S},
        {0},
    };
    roll_open();
    form_run_all(forms, plan, tally);
    roll_judge(excuses, tally);
}

const torture_class torture_cancel = {
    "cancel", "cancel a thread, or end it, at every checkpoint and in every callback: nothing is left", run};
