/* SPDX-License-Identifier: MIT */
/* What the programs' command lines have in common. */
#ifndef STRESS_ARGUMENT_H
#define STRESS_ARGUMENT_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

/* What each program can be asked. Its own table of options has these keys, and says what they mean there. */
enum { ARGUMENT_JSON = 'j', ARGUMENT_QUICK = 'q' };

typedef struct argument_common {
    bool json;
    bool quick;
} argument_common;

/* For the program's parser: takes the keys above, and answers ARGP_ERR_UNKNOWN to every other. */
error_t argument_take_common(int key, argument_common *asked);

/* Fills in what was asked, the input of the program's parser. Ends the program instead where the command line asks for
 * help or the version, and with die.h's exit status where it cannot be understood. */
void argument_parse(const struct argp *parser, int argc, char **argv, void *asked);

/* The program's name and the library's version. state_or_null is not looked at. */
void argument_print_version(FILE *stream, struct argp_state *state_or_null);

/* A whole number from 1 to most; else ends the program with a message that says so. what: "number of trials" */
long argument_number(const char *text, const char *what, long most, struct argp_state *state);

#endif
