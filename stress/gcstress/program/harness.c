/* SPDX-License-Identifier: MIT */
/* sh_stress_main: the first word of the command line says what is done. */
#include "../../argument.h"
#include "../../die.h"
#include "command.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, command_scenarios all);
    const char *what;
} commands[] = {
    {"list", command_list, "the scenarios, and what each retells"},
    {"explore", command_explore, "every interleaving up to a bound, then beyond it"},
    {"run", command_run, "with real threads, and collections where nobody expects them"},
    {"replay", command_replay, "one schedule again, and who did what in it"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream)
{
    (void)fprintf(stream, "usage: %s COMMAND [ARGUMENT…]\n\n", program_invocation_short_name);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(stream, "  %-10s%s\n", commands[i].name, commands[i].what);
    (void)fprintf(stream, "\nEach command has a --help with examples.\n"
                          "Exit status: 0 nothing was found, 1 a violation was, 2 it could not run.\n");
}

int sh_stress_main(int argc, char **argv, const sh_stress_scenario *const *scenarios)
{
    static char name[64];
    const char *asked = argc > 1 ? argv[1] : "";
    if (strcmp(asked, "--help") == 0 || strcmp(asked, "-?") == 0) {
        print_usage(stdout);
        return COMMAND_FOUND_NOTHING;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(asked, commands[i].name) != 0)
            continue;
        (void)snprintf(name, sizeof name, "%s %s", program_invocation_short_name, asked);
        argv[1] = name; /* as argp names it in its messages */
        return commands[i].run(argc - 1, argv + 1, scenarios);
    }
    if (asked[0] != '\0')
        (void)fprintf(stderr, "%s: there is no command %s\n", program_invocation_short_name, asked);
    print_usage(stderr);
    return DIE_STATUS;
}
