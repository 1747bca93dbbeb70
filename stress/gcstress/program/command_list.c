/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../die.h"
#include "command.h"
#include "output.h"
#include <stdio.h>
#include <string.h>

static const struct argp_option options[] = {
    {"json", ARGUMENT_JSON, NULL, 0, "Print a JSON array instead", 0},
    {0},
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    return argument_take_common(key, state->input);
}

static const struct argp parser = {
    .options = options, .parser = take_option, .doc = "Print the scenarios, and what each retells."};

const sh_stress_scenario *command_find(command_scenarios all, const char *name)
{
    for (; *all != NULL; all++)
        if (strcmp((*all)->name, name) == 0)
            return *all;
    die("there is no scenario %s: `list` prints all", name);
}

int command_has_approach(const sh_stress_scenario *scenario, const char *approach_or_null)
{
    if (approach_or_null == NULL || approach_or_null[0] == '\0')
        return scenario->approaches == NULL;
    for (const char *const *each = scenario->approaches; each != NULL && *each != NULL; each++)
        if (strcmp(*each, approach_or_null) == 0)
            return 1;
    return 0;
}

static json_t *describe(const sh_stress_scenario *scenario)
{
    json_t *approaches = json_array();
    for (const char *const *each = scenario->approaches; each != NULL && *each != NULL; each++)
        (void)json_array_append_new(approaches, json_string(*each));
    return json_pack("{s:s, s:s?, s:s, s:I, s:o}", "name", scenario->name, "retells", scenario->retells, "violation",
                     scenario->violation, "threads", (json_int_t)scenario->thread_count, "approaches", approaches);
}

static void print(const sh_stress_scenario *scenario)
{
    (void)printf("%s, %zu threads\n", scenario->name, scenario->thread_count);
    if (scenario->retells != NULL)
        (void)printf("    retells     %s\n", scenario->retells);
    (void)printf("    never       %s\n", scenario->violation);
    if (scenario->approaches != NULL)
        (void)printf("    approaches ");
    for (const char *const *each = scenario->approaches; each != NULL && *each != NULL; each++)
        (void)printf(" %s", *each);
    (void)printf("%s\n", scenario->approaches == NULL ? "" : "\n");
}

int command_list(int argc, char **argv, command_scenarios all)
{
    argument_common asked = {.json = false};
    argument_parse(&parser, argc, argv, &asked);
    json_t *array = json_array();
    for (; *all != NULL; all++)
        if (asked.json)
            (void)json_array_append_new(array, describe(*all));
        else
            print(*all);
    if (asked.json)
        output_json(array);
    else
        json_decref(array);
    return COMMAND_FOUND_NOTHING;
}
