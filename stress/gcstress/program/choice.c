/* SPDX-License-Identifier: MIT */
#include "choice.h"
#include "../../die.h"
#include <stdio.h>
#include <string.h>

enum { OPTION_APPROACH = 'a', LIST_BYTES = 1024 };

/* ---- the command line -------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"approach", OPTION_APPROACH, "NAME", 0, "Only this approach (default: each that the scenario has)", 0},
    {0},
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    choice *asked = state->input;
    switch (key) {
    case OPTION_APPROACH:
        asked->approach = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (asked->name_count == CHOICE_NAMES)
            argp_error(state, "at most %d scenarios can be named", CHOICE_NAMES);
        asked->names[asked->name_count++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp choice_parser = {.options = options, .parser = take_option};

/* ---- what there is ----------------------------------------------------------------------------------------------- */

const sh_stress_scenario *choice_find(command_scenarios all, const char *name)
{
    for (; *all != NULL; all++)
        if (strcmp((*all)->name, name) == 0)
            return *all;
    die("there is no scenario %s: `list` prints all", name);
}

bool choice_has_approach(const sh_stress_scenario *scenario, const char *approach_or_null)
{
    if (approach_or_null == NULL || approach_or_null[0] == '\0')
        return scenario->approaches == NULL;
    for (const char *const *each = scenario->approaches; each != NULL && *each != NULL; each++)
        if (strcmp(*each, approach_or_null) == 0)
            return true;
    return false;
}

static void add_name(choice_approaches *to, const char *name)
{
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->names[i], name) == 0)
            return;
    if (to->count < CHOICE_APPROACHES)
        to->names[to->count++] = name;
}

choice_approaches choice_approaches_of(command_scenarios all)
{
    choice_approaches found = {.count = 0};
    for (; *all != NULL; all++)
        for (const char *const *each = (*all)->approaches; each != NULL && *each != NULL; each++)
            add_name(&found, *each);
    return found;
}

/* ---- what was chosen --------------------------------------------------------------------------------------------- */

/* A table without a row would look as if nothing had been found. */
_Noreturn static void refuse_approach(const choice *of)
{
    char list[LIST_BYTES] = "none at all";
    size_t length = 0;
    choice_approaches found = choice_approaches_of(of->scenarios);
    for (size_t i = 0; i < found.count && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i > 0 ? ", " : "", found.names[i]);
    die("no scenario that was asked for has the approach %s; they have: %s", of->approach, list);
}

void choice_resolve(choice *of, command_scenarios all)
{
    for (size_t i = 0; i < of->name_count; i++)
        of->named[i] = choice_find(all, of->names[i]);
    of->scenarios = of->name_count == 0 ? all : of->named;
    if (of->approach != NULL && choice_count(of) == 0)
        refuse_approach(of);
}

void choice_each(const choice *of, choice_taker *take, void *data)
{
    for (command_scenarios each = of->scenarios; *each != NULL; each++) {
        if ((*each)->approaches == NULL && of->approach == NULL)
            take(*each, NULL, data);
        for (const char *const *name = (*each)->approaches; name != NULL && *name != NULL; name++)
            if (of->approach == NULL || strcmp(of->approach, *name) == 0)
                take(*each, *name, data);
    }
}

static void count_one(const sh_stress_scenario *scenario, const char *approach_or_null, void *count)
{
    (void)scenario;
    (void)approach_or_null;
    ++*(int *)count;
}

int choice_count(const choice *of)
{
    int count = 0;
    choice_each(of, count_one, &count);
    return count;
}
