/* SPDX-License-Identifier: MIT */
/* safehandle-compare: five ways to hold a descriptor, five accidents, and who suffers which. */
#include "../argument.h"
#include "../die.h"
#include "output.h"
#include "pairs.h"
#include "verdict.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USUAL_TRIALS = 1200, QUICK_TRIALS = 400, MOST_TRIALS = 1000000 };
/* There are 47 forms: about a minute at most, save where 64 trials of a form take longer than its limit. */
enum { LEAST_TRIALS = 64, FORM_LIMIT_MS = 1100 };
enum { STATUS_VERDICT_FAILED = 1 };
enum { OPTION_TRIALS = 'n' };

typedef struct request {
    argument_common common;
    long trials; /* 0: not said */
} request;

static const struct argp_option options[] = {
    {"json", ARGUMENT_JSON, NULL, 0, "Print a JSON array of 25 objects instead of the table", 0},
    {"quick", ARGUMENT_QUICK, NULL, 0, "Run fewer trials, as continuous integration does", 0},
    {"trials", OPTION_TRIALS, "N", 0,
     "Run N trials of each form of each accident, however long they take (default: 1200, with --quick 400, and fewer "
     "where a form takes over a second)",
     0},
    {0},
};

static const char description[] =
    "Drive five ways of holding a file descriptor through five accidents, on real descriptors, threads and a real "
    "collector, and tell who suffers which."
    "\v"
    "Examples:\n"
    "  safehandle-compare                the table, in ten seconds to a minute\n"
    "  safehandle-compare --quick        the same with fewer trials\n"
    "  safehandle-compare --json | jq '.[] | select(.violations > 0)'\n"
    "  safehandle-compare --trials=5000\n"
    "\n"
    "Exit status: 0 when safehandle suffered no accident and each of the others those that it is known for; 1 when "
    "not; 2 when the comparison could not be run, or would have proved nothing.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_TRIALS:
        asked->trials = argument_number(argument, "number of trials", MOST_TRIALS, state);
        return 0;
    default:
        return argument_take_common(key, &asked->common);
    }
}

static const struct argp parser = {.options = options, .parser = take_option, .doc = description};

static effort effort_of(const request *asked)
{
    if (asked->trials != 0)
        return (effort){asked->trials, asked->trials, EFFORT_NO_LIMIT};
    return (effort){LEAST_TRIALS, asked->common.quick ? QUICK_TRIALS : USUAL_TRIALS, FORM_LIMIT_MS};
}

/* Numbers are recycled on purpose here: 0, 1 and 2 must not be among them. */
static void hold_standard_streams(void)
{
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
        if (fcntl(number, F_GETFD) < 0 && open("/dev/null", O_RDWR) != number)
            die("/dev/null: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    request asked = {.trials = 0};
    argument_parse(&parser, argc, argv, &asked);
    hold_standard_streams();
    (void)signal(SIGPIPE, SIG_IGN);

    effort how_long = effort_of(&asked);
    result r;
    pairs_run(&how_long, &r);
    if (asked.common.json)
        output_json(&r);
    else
        output_table(&r);
    if (!verdict_check(&r))
        return STATUS_VERDICT_FAILED;
    if (!asked.common.json)
        (void)puts("\nAs it must be: nothing happened to safehandle, and to each of the others what it is known for.");
    return EXIT_SUCCESS;
}
