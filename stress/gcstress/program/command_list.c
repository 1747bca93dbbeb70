/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../colour.h"
#include "../../die.h"
#include "../run/run.h"
#include "checkpoints.h"
#include "choice.h"
#include "command.h"
#include "output.h"
#include <stdio.h>

enum { OPTION_NAMES = 'n' };

typedef struct request {
    argument_common common;
    bool only_names;
} request;

static const struct argp_option options[] = {
    {"json", ARGUMENT_JSON, NULL, 0, "Print a JSON object instead", 0},
    {"names", OPTION_NAMES, NULL, 0, "Print a line for each scenario: its name, and its approaches", 0},
    {0},
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    request *asked = state->input;
    if (key != OPTION_NAMES)
        return argument_take_common(key, &asked->common);
    asked->only_names = true;
    return 0;
}

static const struct argp parser = {
    .options = options,
    .parser = take_option,
    .doc = "Print the scenarios and what each retells, the approaches, the levels of `run`, "
           "and the checkpoints of the library; a scenario's own are known to it alone."};

/* ---- what there is ----------------------------------------------------------------------------------------------- */

#define LEVEL_ROW(name, number, where_) {(number), (where_)},
static const struct {
    int level;
    const char *where;
} levels[] = {RUN_EACH_LEVEL(LEVEL_ROW)};

enum { LEVELS = sizeof levels / sizeof *levels };

static int count_scenarios_with(command_scenarios all, const char *approach)
{
    int count = 0;
    for (; *all != NULL; all++)
        count += choice_has_approach(*all, approach);
    return count;
}

/* ---- for a person ------------------------------------------------------------------------------------------------ */

static void print_heading(const char *heading)
{
    colour_print_padded(COLOUR_BOLD, 0, heading);
    (void)putchar('\n');
}

static void print_approaches(const sh_stress_scenario *scenario)
{
    for (const char *const *each = scenario->approaches; each != NULL && *each != NULL; each++)
        (void)printf(" %s", *each);
    (void)putchar('\n');
}

static void print_names(command_scenarios all)
{
    for (; *all != NULL; all++) {
        (void)fputs((*all)->name, stdout);
        print_approaches(*all);
    }
}

static void print_scenario(const sh_stress_scenario *scenario)
{
    (void)printf("  %s, %zu threads\n", scenario->name, scenario->thread_count);
    if (scenario->retells != NULL)
        (void)printf("      retells     %s\n", scenario->retells);
    (void)printf("      never       %s\n", scenario->violation);
    if (scenario->approaches != NULL) {
        (void)printf("      approaches ");
        print_approaches(scenario);
    }
}

static void print_all(command_scenarios all)
{
    print_heading("scenarios");
    for (command_scenarios each = all; *each != NULL; each++)
        print_scenario(*each);
    choice_approaches approaches = choice_approaches_of(all);
    print_heading("\napproaches, and in how many scenarios");
    for (size_t i = 0; i < approaches.count; i++)
        (void)printf("  %-20s%3d\n", approaches.names[i], count_scenarios_with(all, approaches.names[i]));
    print_heading("\nlevels of `run`: where it collects; they can be added together");
    for (size_t i = 0; i < LEVELS; i++)
        (void)printf("  %4d  %s\n", levels[i].level, levels[i].where);
    print_heading("\ncheckpoints of the library");
    for (const char *const *each = checkpoint_names; *each != NULL; each++)
        (void)printf("  %s\n", *each);
}

/* ---- as JSON ----------------------------------------------------------------------------------------------------- */

static json_t *names_json(const char *const *names_or_null)
{
    json_t *array = json_array();
    for (; names_or_null != NULL && *names_or_null != NULL; names_or_null++)
        (void)json_array_append_new(array, json_string(*names_or_null));
    return array;
}

static json_t *scenario_json(const sh_stress_scenario *scenario)
{
    return json_pack("{s:s, s:s?, s:s, s:I, s:o}", "name", scenario->name, "retells", scenario->retells, "violation",
                     scenario->violation, "threads", (json_int_t)scenario->thread_count, "approaches",
                     names_json(scenario->approaches));
}

static json_t *all_json(command_scenarios all)
{
    json_t *scenarios = json_array();
    for (command_scenarios each = all; *each != NULL; each++)
        (void)json_array_append_new(scenarios, scenario_json(*each));
    choice_approaches found = choice_approaches_of(all);
    json_t *approaches = json_array();
    for (size_t i = 0; i < found.count; i++)
        (void)json_array_append_new(approaches, json_string(found.names[i]));
    json_t *collects = json_array();
    for (size_t i = 0; i < LEVELS; i++)
        (void)json_array_append_new(collects,
                                    json_pack("{s:i, s:s}", "level", levels[i].level, "where", levels[i].where));
    return json_pack("{s:o, s:o, s:o, s:o}", "scenarios", scenarios, "approaches", approaches, "levels", collects,
                     "checkpoints", names_json(checkpoint_names));
}

int command_list(int argc, char **argv, command_scenarios all)
{
    request asked = {.only_names = false};
    argument_parse(&parser, argc, argv, &asked);
    if (asked.common.json)
        output_json(all_json(all));
    else if (asked.only_names)
        print_names(all);
    else
        print_all(all);
    return COMMAND_FOUND_NOTHING;
}
