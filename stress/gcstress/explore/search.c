/* SPDX-License-Identifier: MIT */
#include "search.h"
#include "../../die.h"

/* Invariant: into has the explorations that are over. */
typedef struct looker {
    const search_plan *plan;
    const search_result *into;
} looker;

static void look(const explore_result *so_far, void *data)
{
    const looker *who = data;
    who->plan->look(who->into->schedules + so_far->runs, who->plan->look_data);
}

static void take_over(search_result *into, explore_result *next, const char *by)
{
    explore_free(into->last);
    into->last = next;
    into->schedules += next->runs;
    into->seconds += next->seconds;
    if (next->states > into->states)
        into->states = next->states;
    into->found = next->found;
    into->found_by = next->found ? by : NULL;
    if (next->diverged && !next->found)
        die("the same choices led to another run: the scenario depends on something besides its threads' order");
}

static explore_plan plan_of(const looker *who, strategy_sort sort, size_t bound)
{
    const search_plan *plan = who->plan;
    return (explore_plan){.scenario = plan->scenario,
                          .approach = plan->approach,
                          .sort = sort,
                          .bound = bound,
                          .seed = plan->seed,
                          .most_runs = sort == STRATEGY_COMPLETE ? 0 : plan->random_runs,
                          .look = plan->look == NULL ? NULL : look,
                          .look_data = (void *)who};
}

static void search_completely(const looker *who, search_result *into)
{
    const search_plan *plan = who->plan;
    for (size_t bound = 0; bound <= plan->preemptions && !into->found; bound++) {
        explore_plan next = plan_of(who, STRATEGY_COMPLETE, bound);
        take_over(into, explore_run(&next), "complete search");
        if (into->last->complete)
            into->complete_to = bound;
        into->is_complete = into->last->complete && bound == plan->preemptions;
    }
}

search_result search_run(const search_plan *plan)
{
    search_result result = {.last = NULL};
    const looker who = {plan, &result};
    search_completely(&who, &result);
    if (!result.found && plan->random_runs > 0) {
        explore_plan next = plan_of(&who, STRATEGY_PCT, plan->pct_depth);
        take_over(&result, explore_run(&next), "pct");
    }
    if (!result.found && plan->random_runs > 0) {
        explore_plan next = plan_of(&who, STRATEGY_RANDOM, 0);
        take_over(&result, explore_run(&next), "random choice");
    }
    return result;
}
