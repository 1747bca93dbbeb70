/* SPDX-License-Identifier: MIT */
/* What the programs' options have in common. */
#ifndef STRESS_ARGUMENT_H
#define STRESS_ARGUMENT_H

#include <argp.h>
#include <stdio.h>

/* A whole number from 1 to most; else ends the program with a message that says so. what: "number of trials" */
long argument_number(const char *text, const char *what, long most, struct argp_state *state);

/* For argp_program_version_hook. */
void argument_print_version(FILE *stream, struct argp_state *state);

#endif
