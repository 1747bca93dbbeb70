/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../child.h"
#include "../../die.h"
#include "../../progress.h"
#include "../explore/schedule_file.h"
#include "choice.h"
#include "command.h"
#include "output.h"
#include "output_request.h"
#include <stdio.h>
#include <string.h>

enum { MOST_PREEMPTIONS = 8, MOST_RUNS = 100000000, MOST_SEED = 1000000000 };
enum { OPTION_PREEMPTIONS = 'p', OPTION_DEPTH = 'd', OPTION_RUNS = 'n', OPTION_SEED = 's', OPTION_SAVE = 'o' };

typedef struct request {
    output_request output;
    choice choice;
    const char *save;
    long preemptions, depth, runs, seed;
} request;

static const struct argp_option options[] = {
    {"preemptions", OPTION_PREEMPTIONS, "N", 0, "Every schedule with up to N preemptions (default: 2)", 0},
    {"pct-depth", OPTION_DEPTH, "N", 0, "Probabilistic search for bugs of depth N (default: 3)", 0},
    {"runs", OPTION_RUNS, "N", 0, "So many probabilistic runs, and so many at random, behind that (default: none)", 0},
    {"seed", OPTION_SEED, "N", 0, "Where their dice begin (default: 1)", 0},
    {"save", OPTION_SAVE, "DIRECTORY", 0, "Where the schedules of failures go (default: here)", 0},
    {0},
};

static const char description[] =
    "Run scenarios under every interleaving of their threads, up to a number of preemptions; then beyond it, "
    "probabilistically."
    "\v"
    "Examples:\n"
    "  gcstress explore                                    all, up to 2 preemptions\n"
    "  gcstress explore recycling --preemptions=3\n"
    "  gcstress explore recycling --approach=intptr        and write the schedule that fails\n"
    "  gcstress explore finalizer-race --runs=200000 --pct-depth=3\n"
    "\n"
    "Exit status: 0 when nothing was found; 1 when a violation was; 2 when it could not be run.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_PREEMPTIONS:
        asked->preemptions = argument_number(argument, "number of preemptions", MOST_PREEMPTIONS, state);
        return 0;
    case OPTION_DEPTH:
        asked->depth = argument_number(argument, "depth", STRATEGY_DEPTH, state);
        return 0;
    case OPTION_RUNS:
        asked->runs = argument_number(argument, "number of runs", MOST_RUNS, state);
        return 0;
    case OPTION_SEED:
        asked->seed = argument_number(argument, "seed", MOST_SEED, state);
        return 0;
    case OPTION_SAVE:
        asked->save = argument;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &asked->choice;
        state->child_inputs[1] = &asked->output;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&choice_parser, 0, NULL, 0}, {&output_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options, .parser = take_option, .args_doc = "[SCENARIO…]", .doc = description, .children = children};

typedef struct progress_of_all {
    const request *asked;
    output_widths widths;
    progress shown;
    int64_t begun_ms; /* the search that is on */
    json_t *results;
    bool found;
} progress_of_all;

/* "recycling-intptr.schedule", in the directory that was asked for. */
static const char *save(const request *asked, const search_plan *plan, const search_result *result)
{
    static char path[1024];
    static schedule_file file;
    memset(&file, 0, sizeof file);
    const char *approach = plan->approach == NULL ? "" : plan->approach;
    (void)snprintf(file.scenario, sizeof file.scenario, "%s", plan->scenario->name);
    (void)snprintf(file.approach, sizeof file.approach, "%s", approach);
    (void)snprintf(file.violation, sizeof file.violation, "%s", result->last->told.violation);
    file.seed = plan->seed;
    file.schedule = result->last->choices.run;
    int length = snprintf(path, sizeof path, "%s/%s%s%s.schedule", asked->save, plan->scenario->name,
                          plan->approach == NULL ? "" : "-", approach);
    if (length >= (int)sizeof path)
        die("the name of the directory is too long");
    schedule_file_write(path, &file);
    return path;
}

static void show_progress(size_t schedules, void *data)
{
    const progress_of_all *all = data;
    double seconds = (double)(clock_now_ms() - all->begun_ms) / 1000;
    progress_tell(&all->shown, "%zu schedules, %.0f a minute", schedules, (double)schedules * 60 / seconds);
}

static search_result search(const search_plan *plan, progress_of_all *all)
{
    static char doing[128];
    (void)snprintf(doing, sizeof doing, "%s%s%s", plan->scenario->name, plan->approach == NULL ? "" : ", ",
                   plan->approach == NULL ? "" : plan->approach);
    all->begun_ms = clock_now_ms();
    progress_begin(&all->shown, doing);
    search_result result = search_run(plan);
    progress_step_done(&all->shown);
    progress_end(&all->shown);
    return result;
}

static void explore_one(const sh_stress_scenario *scenario, const char *approach_or_null, void *data)
{
    progress_of_all *all = data;
    const request *asked = all->asked;
    search_plan plan = {.scenario = scenario,
                        .approach = approach_or_null,
                        .preemptions = (size_t)asked->preemptions,
                        .pct_depth = (size_t)asked->depth,
                        .random_runs = (size_t)asked->runs,
                        .seed = (uint64_t)asked->seed,
                        .look = all->shown.shown ? show_progress : NULL,
                        .look_data = all};
    search_result result = search(&plan, all);
    all->found = all->found || result.found;
    const char *file = result.found ? save(asked, &plan, &result) : NULL;
    (void)json_array_append_new(all->results, output_search_json(&plan, &result, file));
    if (output_is_text(&asked->output))
        output_search(all->widths, &plan, &result, file);
    explore_free(result.last);
}

int command_explore(int argc, char **argv, command_scenarios scenarios)
{
    request asked = {.preemptions = 2, .depth = 3, .seed = 1, .save = "."};
    argument_parse(&parser, argc, argv, &asked);
    choice_resolve(&asked.choice, scenarios);
    progress_of_all all = {.asked = &asked,
                           .widths = output_widths_of(asked.choice.scenarios),
                           .shown = progress_start(choice_count(&asked.choice)),
                           .results = json_array()};
    if (output_is_text(&asked.output))
        output_search_heading(all.widths);
    choice_each(&asked.choice, explore_one, &all);
    output_write(&asked.output, "explore", all.results);
    return all.found ? COMMAND_FOUND : COMMAND_FOUND_NOTHING;
}
