/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../die.h"
#include "../explore/schedule_file.h"
#include "choice.h"
#include "command.h"
#include "output.h"
#include "output_request.h"
#include <stdio.h>
#include <string.h>

enum { OPTION_SHRINK = 'r', OPTION_TIMES = 'n', MOST_TIMES = 1000000 };

typedef struct request {
    output_request output;
    bool shrinks;
    long times;
    const char *path;
} request;

static const struct argp_option options[] = {
    {"shrink", OPTION_SHRINK, NULL, 0,
     "Leave out switch after switch that the violation does not need, and write it back", 0},
    {"times", OPTION_TIMES, "N", 0, "Replay it N times, and see the same each time (default: 1)", 0},
    {0},
};

static const char description[] =
    "Run one schedule again, and tell who did what."
    "\v"
    "Examples:\n"
    "  gcstress replay recycling-intptr.schedule\n"
    "  gcstress replay --shrink recycling-intptr.schedule\n"
    "\n"
    "Exit status: 1 when the violation came again; 0 when it did not; 2 when it could not be run.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_SHRINK:
        asked->shrinks = true;
        return 0;
    case OPTION_TIMES:
        asked->times = argument_number(argument, "number of times", MOST_TIMES, state);
        return 0;
    case ARGP_KEY_ARG:
        if (asked->path != NULL)
            argp_error(state, "one FILE at a time");
        asked->path = argument;
        return 0;
    case ARGP_KEY_END:
        if (asked->path == NULL)
            argp_error(state, "which FILE? `gcstress explore` writes one for each failure");
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &asked->output;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&output_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options, .parser = take_option, .args_doc = "FILE", .doc = description, .children = children};

static explore_plan plan_for(const schedule_file *file, command_scenarios all)
{
    explore_plan plan = {.scenario = choice_find(all, file->scenario),
                         .approach = file->approach[0] == '\0' ? NULL : file->approach,
                         .sort = STRATEGY_GIVEN,
                         .seed = file->seed,
                         .most_runs = 1,
                         .given = &file->schedule};
    if (!choice_has_approach(plan.scenario, plan.approach))
        die("scenario %s has no approach %s", file->scenario, file->approach);
    return plan;
}

/* The same violation each time, or the program ends. */
static explore_result *replay(const explore_plan *plan, long times)
{
    explore_result *first = explore_run(plan);
    if (first->diverged)
        die("the schedule is one of another version: some of its choices had other alternatives here");
    for (long i = 1; i < times; i++) {
        explore_result *again = explore_run(plan);
        if (strcmp(again->told.violation, first->told.violation) != 0)
            die("replay %ld of the same schedule ended otherwise: %s", i + 1, again->told.violation);
        explore_free(again);
    }
    return first;
}

static explore_result *shrink(const explore_plan *plan, const char *path, schedule_file *file)
{
    size_t switches_before = schedule_switches(plan->given);
    explore_result *result = explore_shrink(plan);
    if (result == NULL)
        return explore_run(plan);
    file->schedule = result->choices.run;
    (void)snprintf(file->violation, sizeof file->violation, "%s", result->told.violation);
    schedule_file_write(path, file);
    (void)fprintf(stderr, "%zu switches of %zu are left in %s\n", schedule_switches(&file->schedule), switches_before,
                  path);
    return result;
}

int command_replay(int argc, char **argv, command_scenarios all)
{
    static schedule_file file;
    request asked = {.times = 1};
    argument_parse(&parser, argc, argv, &asked);
    schedule_file_read(asked.path, &file);
    explore_plan plan = plan_for(&file, all);
    explore_result *result = asked.shrinks ? shrink(&plan, asked.path, &file) : replay(&plan, asked.times);
    bool found = result->found;
    if (output_is_text(&asked.output))
        output_tale(&result->told);
    json_t *results = json_array();
    (void)json_array_append_new(results, output_replay_json(&plan, result, asked.path));
    output_write(&asked.output, "replay", results);
    explore_free(result);
    return found ? COMMAND_FOUND : COMMAND_FOUND_NOTHING;
}
