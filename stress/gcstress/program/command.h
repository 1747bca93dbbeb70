/* SPDX-License-Identifier: MIT */
/* The commands of gcstress. Each takes its own command line, and answers the exit status. */
#ifndef GCSTRESS_COMMAND_H
#define GCSTRESS_COMMAND_H

#include <safehandle/stress.h>

enum { COMMAND_FOUND_NOTHING = 0, COMMAND_FOUND = 1 };

/* NULL-terminated. */
typedef const sh_stress_scenario *const *command_scenarios;

int command_list(int argc, char **argv, command_scenarios all);
int command_explore(int argc, char **argv, command_scenarios all);
int command_run(int argc, char **argv, command_scenarios all);
int command_replay(int argc, char **argv, command_scenarios all);
int command_fuzz(int argc, char **argv, command_scenarios unused);

/* Ends the program where there is none of that name. */
const sh_stress_scenario *command_find(command_scenarios all, const char *name);

/* Whether the scenario has the approach; NULL or "": none. */
int command_has_approach(const sh_stress_scenario *scenario, const char *approach_or_null);

#endif
