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

#endif
