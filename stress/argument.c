/* SPDX-License-Identifier: MIT */
#include "argument.h"
#include "die.h"
#include <errno.h>
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>

error_t argument_take_common(int key, argument_common *asked)
{
    switch (key) {
    case ARGUMENT_JSON:
        asked->json = true;
        return 0;
    case ARGUMENT_QUICK:
        asked->quick = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void argument_print_version(FILE *stream, struct argp_state *state_or_null)
{
    (void)state_or_null;
    (void)fprintf(stream, "%s %s\n", program_invocation_short_name, sh_version());
}

void argument_parse(const struct argp *parser, int argc, char **argv, void *asked)
{
    argp_program_version_hook = argument_print_version;
    argp_err_exit_status = DIE_STATUS;
    (void)argp_parse(parser, argc, argv, 0, NULL, asked);
}

long argument_number(const char *text, const char *what, long most, struct argp_state *state)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > most)
        argp_error(state, "'%s' is no %s from 1 to %ld", text, what, most);
    return number;
}
