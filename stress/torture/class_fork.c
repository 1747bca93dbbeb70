/* SPDX-License-Identifier: MIT */
/*
 * fork: a fork at every checkpoint that the threads of the parent reach, and at any other moment, while a collection
 * runs, leases are held and taken, finalizers run, domains are made and unloaded, readers are woken, regions entered,
 * and threads are born and die; and while the runtime starts and stops. The roll tells when a checkpoint of the library
 * was left out.
 *
 * Each child uses what it inherited, makes, closes, collects, finalizes, enters a region, unloads a domain of its own
 * and what it inherited, and one in four shuts down and starts anew. It must be over in time, and no number may be
 * released twice in it or in the parent.
 *
 * Seen to fail with three of stress/mutants: lost-items-stay and vanished-users-stay; in the full form only, some of
 * 4,000 times, with lost-hand-over-is-waited-for, which it found; with a fork that did not take the lock of the
 * domains; and, by the roll, without its load of waking.
 */
#include "../dice.h"
#include "fork_child.h"
#include "fork_load.h"
#include "ledger.h"
#include "roll.h"
#include "stopping.h"
#include "trial.h"
#include <stdio.h>

enum {
    FORKS = 4000,
    QUICK_FORKS = 200,
    RESTARTING_FORKS = 1000, /* of each collector, as the two above */
    QUICK_RESTARTING_FORKS = 50,
    ANY_MOMENT = 4,  /* one fork in so many happens at no checkpoint */
    LEAST_STOPS = 4, /* of the others, at least one in so many happens at the checkpoint that was meant */
    SHUTS_DOWN = 4,  /* one child in so many */
    HANG_S = 60,
    LIMIT_S = 600
};

/* ---- one fork ---------------------------------------------------------------------------------------------------- */

static void fork_now(trial_pool *children, const fork_child_plan *child)
{
    char name[2 * TRIAL_NAME_SIZE_BYTES];
    (void)snprintf(name, sizeof name, "%s: %s", child->of->name, child->when);
    trial_start(children, name, fork_child_live, child);
    stopping_let_go();
    trial_wait_all(children);
}

/* Answers whether a thread was at the checkpoint. */
static bool fork_at(trial_pool *children, const char *checkpoint, const fork_child_plan *child)
{
    char when[TRIAL_NAME_SIZE_BYTES];
    bool stopped = stopping_await(checkpoint);
    (void)snprintf(when, sizeof when, stopped ? "fork at %s" : "fork, not at %s", checkpoint);
    fork_child_plan told = *child;
    told.when = when;
    fork_now(children, &told);
    if (stopped)
        roll_mark(checkpoint);
    return stopped;
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

static void fork_often(const form *of, bool inherits, uint64_t forks, uint64_t seed, torture_tally *tally)
{
    trial_pool children = {.tally = tally, .at_once = 1, .limit_s = HANG_S};
    uint64_t stops = 0, next = 0;
    for (uint64_t i = 0; i < forks; i++) {
        fork_child_plan child = {.of = of,
                                 .when = "fork at any moment",
                                 .shuts_down = dice_split(&seed) % SHUTS_DOWN == 0,
                                 .inherits = inherits};
        if (i % ANY_MOMENT == 0)
            fork_now(&children, &child);
        else
            stops += fork_at(&children, stopping_name((size_t)(next++ % stopping_count())), &child);
    }
    if (stops * LEAST_STOPS < forks)
        torture_fail(tally, "%s: only %d of %d forks happened at a checkpoint", of->name, (int)stops, (int)forks);
}

static void settle(const form *of, torture_tally *tally)
{
    fork_load_stop();
    form_stop(of, tally);
    if (ledger_wrong_releases() > 0)
        torture_fail(tally, "%s: in the parent, a number was released twice", of->name);
    if (ledger_live() > 0)
        torture_fail(tally, "%s: in the parent, %d numbers were never released", of->name, (int)ledger_live());
}

static void fork_while_it_works(const form *of, const torture_plan *plan, torture_tally *tally)
{
    stopping_start();
    fork_load_start(of, tally);
    fork_often(of, true, plan->quick ? QUICK_FORKS : FORKS, plan->seed, tally);
    settle(of, tally);
}

static void fork_while_it_restarts(const form *of, const torture_plan *plan, torture_tally *tally)
{
    stopping_start();
    fork_load_start_restarting(of, tally);
    fork_often(of, false, plan->quick ? QUICK_RESTARTING_FORKS : RESTARTING_FORKS, plan->seed, tally);
    settle(of, tally);
}

static const roll_excuse excuses[] = {
    {"platform.exit", "once in a process, by its first sh_init"},
    {0},
};

static void run(const torture_plan *plan, torture_tally *tally)
{
    static const form forms[] = {
        {"collector", SH_COLLECTOR_BOEHM, fork_while_it_works, LIMIT_S},
        {"manual host", SH_COLLECTOR_MANUAL, fork_while_it_works, LIMIT_S},
        {"collector, restarting", SH_COLLECTOR_BOEHM, fork_while_it_restarts, LIMIT_S},
        {"manual host, restarting", SH_COLLECTOR_MANUAL, fork_while_it_restarts, LIMIT_S},
        {0},
    };
    roll_open();
    form_run_all(forms, plan, tally);
    roll_judge(excuses, tally);
}

const torture_class torture_fork = {"fork", "fork at every checkpoint: no child hangs, nothing is released twice", run};
