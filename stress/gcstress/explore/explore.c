/* SPDX-License-Identifier: MIT */
#include "explore.h"
#include "../../die.h"
#include "apart.h"
#include <stdio.h>
#include <stdlib.h>

enum { WARM_UP_RUNS = 2 };

/* ---- in the process of its own ----------------------------------------------------------------------------------- */

/* The first runs of a process attach threads, and fill what is kept for the next: later ones do not. */
static void warm_up(const explore_plan *plan)
{
    /* Not static: the collector of `run` looks through all that is. */
    strategy *usual = die_or_allocate(1, sizeof *usual);
    tale *unread = die_or_allocate(1, sizeof *unread);
    strategy_init(usual, STRATEGY_GIVEN, 0, 0);
    for (int i = 0; i < WARM_UP_RUNS; i++)
        episode_run(plan->scenario, plan->approach, usual, unread);
    free(usual);
    free(unread);
}

/* What the process gets. */
typedef struct exploration {
    const explore_plan *plan;
    explore_result *into;
} exploration;

static void explore_here(void *data)
{
    const explore_plan *plan = ((const exploration *)data)->plan;
    explore_result *into = ((const exploration *)data)->into;
    double begun = apart_now_seconds();
    episode_start();
    warm_up(plan);
    do {
        apart_begin_run();
        episode_run(plan->scenario, plan->approach, &into->choices, &into->told);
        into->runs++;
        into->cut += into->choices.run.cut;
        if (into->choices.run.count > into->longest)
            into->longest = into->choices.run.count;
        into->found = into->told.violation[0] != '\0';
        into->diverged = into->choices.diverged;
        if (into->found || into->diverged || into->runs == plan->most_runs)
            break;
        into->complete = !strategy_advance(&into->choices);
    } while (!into->complete);
    into->states = episode_states();
    into->seconds = apart_now_seconds() - begun;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

static void note_end(explore_result *of, const char *what)
{
    if (what == NULL)
        return;
    of->found = true;
    (void)snprintf(of->told.violation, sizeof of->told.violation, "%s", what);
    of->told.violation_line = of->told.count;
    of->runs++;
}

static void look(void *data)
{
    const exploration *looked_at = data;
    looked_at->plan->look(looked_at->into, looked_at->plan->look_data);
}

explore_result *explore_run(const explore_plan *plan)
{
    explore_result *result = apart_allocate(sizeof *result);
    strategy_init(&result->choices, plan->sort, plan->bound, plan->seed);
    if (plan->given != NULL) {
        result->choices.run = *plan->given;
        result->choices.given = plan->given->count;
    }
    exploration given = {plan, result};
    note_end(result, apart_run(explore_here, plan->look == NULL ? NULL : look, &given));
    return result;
}

void explore_free(explore_result *result)
{
    apart_free(result, sizeof *result);
}

/* ---- shrinking --------------------------------------------------------------------------------------------------- */

/* The schedule with the default taken at one choice; what is behind it may mean other choices then. NULL: no violation.
 */
static explore_result *try_without(const explore_plan *plan, const schedule *from, size_t choice)
{
    schedule *tried = die_or_allocate(1, sizeof *tried);
    *tried = *from;
    tried->choices[choice].taken = 0;
    explore_plan again = *plan;
    again.given = tried;
    explore_result *result = explore_run(&again);
    free(tried);
    if (result->found && schedule_switches(&result->choices.run) < schedule_switches(from))
        return result;
    explore_free(result);
    return NULL;
}

explore_result *explore_shrink(const explore_plan *plan)
{
    explore_plan again = *plan;
    again.sort = STRATEGY_GIVEN;
    again.most_runs = 1;
    explore_result *best = explore_run(&again);
    if (!best->found) {
        explore_free(best);
        return NULL;
    }
    for (size_t i = 0; i < best->choices.run.count; i++) {
        explore_result *smaller =
            best->choices.run.choices[i].taken == 0 ? NULL : try_without(&again, &best->choices.run, i);
        if (smaller == NULL)
            continue;
        explore_free(best);
        best = smaller;
        i = (size_t)-1; /* from the front again */
    }
    return best;
}
