/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../die.h"
#include "choice.h"
#include "command.h"
#include "output_request.h"
#include "output_run.h"
#include <signal.h>
#include <stdlib.h>

enum { MOST_SECONDS = 1000000, MOST_SEED = 1000000000, DEFAULT_SECONDS = 5 };
enum { OPTION_LEVEL = 'l', OPTION_THREADS = 't', OPTION_SECONDS = 'S', OPTION_SEED = 's', OPTION_MIX = 'm' };

typedef struct request {
    output_request output;
    choice choice;
    unsigned level;
    bool mix;
    long threads, seconds, seed;
} request;

static const struct argp_option options[] = {
    {"level", OPTION_LEVEL, "L", 0, "Where to collect, added together (default: 4)", 0},
    {"mix", OPTION_MIX, NULL, 0, "90 % small collections, 8 % full, 2 % full and unmap (default: all full)", 0},
    {"threads", OPTION_THREADS, "N", 0,
     "So many at the same time, in groups as the scenario has them (default: one group)", 0},
    {"seconds", OPTION_SECONDS, "S", 0, "For each scenario and approach (default: 5)", 0},
    {"seed", OPTION_SEED, "X", 0, "Where the dice begin (default: 1)", 0},
    {0},
};

#define LEVEL_LINE(name, number, where) "  " #number ": " where "\n"
#define LEVEL_LINES RUN_EACH_LEVEL(LEVEL_LINE)

static const char description[] =
    "Run scenarios with real threads, and collect where nobody expects it."
    "\v"
    "Levels, to be added together:\n" LEVEL_LINES "\nExamples:\n"
    "  gcstress run                                            all, for 5 seconds each\n"
    "  gcstress run recycling --approach=intptr --level 4      finds it\n"
    "  gcstress run finalizer-race --level 20 --seconds 60     at each call site once\n"
    "  gcstress run --mix --threads 12\n"
    "\n"
    "^C ends it with the report so far. Exit status: 0 when nothing was found; 1 when a violation was; 2 when it could "
    "not be run, or proved nothing since too little of what was dropped was finalized.";

static unsigned parse_level(const char *text, struct argp_state *state)
{
    char *end;
    long level = strtol(text, &end, 10);
    if (end != text && *end == '\0' && level == 0)
        argp_error(state, "level 0 collects nowhere: add up some of 1, 2, 4, 8 and 16");
    if (end == text || *end != '\0' || level < 0 || level > RUN_LEVELS)
        argp_error(state, "'%s' is no level: add up some of 1, 2, 4, 8 and 16", text);
    return (unsigned)level;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_LEVEL:
        asked->level = parse_level(argument, state);
        return 0;
    case OPTION_MIX:
        asked->mix = true;
        return 0;
    case OPTION_THREADS:
        asked->threads = argument_number(argument, "number of threads", RUN_THREADS, state);
        return 0;
    case OPTION_SECONDS:
        asked->seconds = argument_number(argument, "number of seconds", MOST_SECONDS, state);
        return 0;
    case OPTION_SEED:
        asked->seed = argument_number(argument, "seed", MOST_SEED, state);
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
    json_t *results;
    size_t ran;
    bool found;
    bool proved_nothing;
} progress_of_all;

static void run_one(const sh_stress_scenario *scenario, const char *approach_or_null, void *data)
{
    progress_of_all *all = data;
    if (scenario->serial || run_is_interrupted())
        return;
    run_result *result = die_or_allocate(1, sizeof *result);
    const request *asked = all->asked;
    run_plan plan = {.scenario = scenario,
                     .approach = approach_or_null,
                     .level = asked->level,
                     .mix = asked->mix,
                     .threads = (size_t)asked->threads,
                     .seconds = (double)asked->seconds,
                     .seed = (uint64_t)asked->seed};
    run_run(&plan, result, output_run_progress, &plan);
    output_run_progress_end();
    all->ran++;
    all->found = all->found || result->found;
    all->proved_nothing = all->proved_nothing || output_run_is_false_green(result);
    (void)json_array_append_new(all->results, output_run_json(&plan, result));
    if (output_is_text(&asked->output))
        output_run(&plan, result);
    free(result);
}

static void interrupt(int unused)
{
    (void)unused;
    run_interrupt();
}

int command_run(int argc, char **argv, command_scenarios scenarios)
{
    request asked = {.level = RUN_AT_CHECKPOINTS, .seconds = DEFAULT_SECONDS, .seed = 1};
    argument_parse(&parser, argc, argv, &asked);
    choice_resolve(&asked.choice, scenarios);
    struct sigaction on_interrupt = {.sa_handler = interrupt};
    (void)sigaction(SIGINT, &on_interrupt, NULL);
    progress_of_all all = {.asked = &asked, .results = json_array()};
    if (output_is_text(&asked.output))
        output_run_heading();
    choice_each(&asked.choice, run_one, &all);
    if (all.ran == 0 && !run_is_interrupted())
        die("what was asked for can only be explored: its judge needs one thread at a time");
    output_write(&asked.output, "run", all.results);
    if (all.proved_nothing && !all.found)
        die("less than %d %% of what was dropped was finalized: that nothing was found proves nothing",
            OUTPUT_RUN_PERCENT);
    return all.found ? COMMAND_FOUND : COMMAND_FOUND_NOTHING;
}
