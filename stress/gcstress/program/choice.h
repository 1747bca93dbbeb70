/* SPDX-License-Identifier: MIT */
/* Which scenarios a command line asks for, and which of their approaches. */
#ifndef GCSTRESS_CHOICE_H
#define GCSTRESS_CHOICE_H

#include "command.h"
#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

enum { CHOICE_NAMES = 64, CHOICE_APPROACHES = 64 };

/* Invariant: scenarios, once it is set, has a scenario for each name, or all where there is no name. It may point into
 * the choice, which is not copied any more from then on. */
typedef struct choice {
    const char *approach; /* NULL: each that a scenario has */
    const char *names[CHOICE_NAMES];
    size_t name_count;
    command_scenarios scenarios;
    const sh_stress_scenario *named[CHOICE_NAMES + 1];
} choice;

/* Takes --approach and the names, as a child of a command's parser; its input is the choice. */
extern const struct argp choice_parser;

/* Sets scenarios. Ends the program where there is none of a name, or none that was asked for has the approach. */
void choice_resolve(choice *of, command_scenarios all);

/* For each that was chosen. approach_or_null is NULL where the scenario has none. */
typedef void choice_taker(const sh_stress_scenario *scenario, const char *approach_or_null, void *data);
void choice_each(const choice *of, choice_taker *take, void *data);
int choice_count(const choice *of);

/* Ends the program where there is none of that name. */
const sh_stress_scenario *choice_find(command_scenarios all, const char *name);

/* Whether the scenario has the approach; NULL or "": none. */
bool choice_has_approach(const sh_stress_scenario *scenario, const char *approach_or_null);

/* Invariant: no two of the names are the same. */
typedef struct choice_approaches {
    const char *names[CHOICE_APPROACHES];
    size_t count;
} choice_approaches;

/* Those of all the scenarios. */
choice_approaches choice_approaches_of(command_scenarios all);

#endif
