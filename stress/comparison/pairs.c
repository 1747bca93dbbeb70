/* SPDX-License-Identifier: MIT */
#include "pairs.h"
#include "../child.h"
#include "../die.h"
#include "../progress.h"
#include "session.h"
#include <stdio.h>

enum {
    LIMIT_MS = 120000,
    LEAST_FOUND_PERCENT = 95 /* of dropped owners: with fewer, a conservative collector hides the accidents */
};

/* One pair. Invariant: newest is what the child sent last; its report field means nothing in the parent. */
typedef struct pair {
    const approach *approach;
    const accident *accident;
    const effort *effort;
    tally newest;
    progress *progress;
} pair;

/* ---- in the child ------------------------------------------------------------------------------------------------ */

static void run_trials(int report, void *data)
{
    const pair *asked = data;
    session_start();
    tally t = {.report = report};
    asked->accident->run(asked->approach, asked->effort, &t);
    t.complete = true;
    tally_send(&t);
}

/* ---- in the parent ----------------------------------------------------------------------------------------------- */

static void look(void *data)
{
    const pair *running = data;
    progress_show(running->progress, running->newest.trials);
}

static void check(const tally *t)
{
    if (t->found_dead * 100 < t->dropped * LEAST_FOUND_PERCENT)
        die("only %ld of %ld dropped owners were finalized, so the trials prove nothing", t->found_dead, t->dropped);
    if (!t->complete || t->trials == 0)
        die("the trials were not brought to an end");
}

static void run_pair(pair *asked, pair_result *out_result)
{
    static char doing[128];
    (void)snprintf(doing, sizeof doing, "%s under %s", asked->approach->name, asked->accident->name);
    die_doing(doing);
    progress_begin(asked->progress, doing);
    const child_plan plan = {.work = run_trials,
                             .look = look,
                             .data = asked,
                             .record = &asked->newest,
                             .record_size_bytes = sizeof asked->newest,
                             .limit_ms = LIMIT_MS};
    const char *failure = child_run(&plan);
    if (failure != NULL)
        die("%s", failure);
    check(&asked->newest);
    *out_result = (pair_result){.trials = asked->newest.trials, .violations = asked->newest.violations};
    die_doing(NULL);
}

void pairs_run(const effort *asked_for, result *out_result)
{
    progress shown = progress_start(APPROACHES * ACCIDENTS);
    for (int a = 0; a < APPROACHES; a++)
        for (int b = 0; b < ACCIDENTS; b++) {
            pair asked = {result_approaches[a], result_accidents[b], .effort = asked_for, .progress = &shown};
            const char *why = asked.accident->why_not == NULL ? NULL : asked.accident->why_not(asked.approach);
            if (why == NULL)
                run_pair(&asked, &out_result->pairs[a][b]);
            else
                out_result->pairs[a][b] = (pair_result){.why = why};
            progress_step_done(&shown);
        }
    progress_end(&shown);
}
