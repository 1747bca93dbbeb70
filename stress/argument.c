/* SPDX-License-Identifier: MIT */
#include "argument.h"
#include <errno.h>
#include <safehandle.h>
#include <stdlib.h>

long argument_number(const char *text, const char *what, long most, struct argp_state *state)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > most)
        argp_error(state, "'%s' is no %s from 1 to %ld", text, what, most);
    return number;
}

void argument_print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    (void)fprintf(stream, "%s %s\n", program_invocation_short_name, sh_version());
}
