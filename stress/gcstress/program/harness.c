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
    {"fuzz", command_fuzz, "sequences of calls of the library, against a reference model"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream)
{
    const char *program = program_invocation_short_name;
    (void)fprintf(
        stream,
        "usage: %s COMMAND [ARGUMENT…]\n\n"
        "Has the threads of small worlds, called scenarios, meet in every order, and says when what must not\n"
        "happen happens, and how.\n\n",
        program);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(stream, "  %-10s%s\n", commands[i].name, commands[i].what);
    (void)fprintf(stream,
                  "\nExamples:\n"
                  "  %s list                       what there is to run\n"
                  "  %s explore                    all of it, with up to 2 preemptions\n"
                  "  %s explore SCENARIO --preemptions=3\n"
                  "  %s replay SCENARIO.schedule   what was found, once more, and who did what\n"
                  "\nEach command has a --help with examples of its own; --version tells the version.\n"
                  "Exit status: 0 nothing was found, 1 a violation was, 2 it could not run.\n",
                  program, program, program, program);
}

static bool is_one_of(const char *asked, const char *short_form, const char *long_form)
{
    return strcmp(asked, short_form) == 0 || strcmp(asked, long_form) == 0;
}

int sh_stress_main(int argc, char **argv, const sh_stress_scenario *const *scenarios)
{
    static char name[64];
    const char *asked = argc > 1 ? argv[1] : "";
    if (is_one_of(asked, "-?", "--help")) {
        print_usage(stdout);
        return COMMAND_FOUND_NOTHING;
    }
    if (is_one_of(asked, "-V", "--version")) {
        argument_print_version(stdout, NULL);
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
