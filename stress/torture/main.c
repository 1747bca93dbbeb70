/* SPDX-License-Identifier: MIT */
/* safehandle-torture: does hostile things to the library, and counts how often a promise broke. */
#include "../argument.h"
#include "../die.h"
#include "../progress.h"
#include "classes.h"
#include "output.h"
#include "run.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_PROMISE_BROKEN = 1 };
enum { MOST_CLASSES = 32, QUICK_LIMIT_S = 120, USUAL_LIMIT_S = 900, MOST_LIMIT_S = 86400, USUAL_SEED = 1 };
enum { OPTION_ONLY = 'o', OPTION_SEED = 's', OPTION_LIMIT = 't', OPTION_LIST = 'l' };

/* Invariant: chosen[0 .. count) are different classes. */
typedef struct request {
    argument_common common;
    bool list;
    torture_plan plan;
    long limit_s; /* 0: not said */
    const torture_class *chosen[MOST_CLASSES];
    size_t count;
} request;

/* ---- options ----------------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"list", OPTION_LIST, NULL, 0, "Print the classes, and run none", 0},
    {"only", OPTION_ONLY, "CLASS", 0, "Run this class; may be given several times (default: all)", 0},
    {"quick", ARGUMENT_QUICK, NULL, 0, "Some seconds for each class, as continuous integration does it", 0},
    {"seed", OPTION_SEED, "N", 0, "Of every random choice (default 1)", 0},
    {"limit", OPTION_LIMIT, "SECONDS", 0,
     "End a class that takes longer, and count that as a failure (default 900, with --quick 120)", 0},
    {"json", ARGUMENT_JSON, NULL, 0, "Print a JSON array instead of the table", 0},
    {0},
};

static const char description[] =
    "Do hostile things to the library, class by class, and count how often a promise broke."
    "\v"
    "Examples:\n"
    "  safehandle-torture                            the table, in at most 20 minutes\n"
    "  safehandle-torture --quick\n"
    "  safehandle-torture --only=faults --only=limits\n"
    "  safehandle-torture --json | jq '.[] | select(.failures > 0)'\n"
    "\n"
    "Each class runs in a process of its own. One that crashes or hangs has failed, and the others still run.\n"
    "\n"
    "Exit status: 0 when no try of any class failed; 1 when one did; 2 when it could not be run.";

static const torture_class *find_class(const char *name)
{
    for (size_t i = 0; torture_classes[i] != NULL; i++)
        if (strcmp(torture_classes[i]->name, name) == 0)
            return torture_classes[i];
    return NULL;
}

static bool is_chosen(const request *asked, const torture_class *of)
{
    for (size_t i = 0; i < asked->count; i++)
        if (asked->chosen[i] == of)
            return true;
    return false;
}

static void choose(request *asked, const torture_class *of)
{
    if (!is_chosen(asked, of) && asked->count < MOST_CLASSES)
        asked->chosen[asked->count++] = of;
}

static void choose_by_name(request *asked, const char *name, struct argp_state *state)
{
    const torture_class *of = find_class(name);
    if (of == NULL)
        argp_error(state, "'%s' is no class; --list prints them", name);
    choose(asked, of);
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_LIST:
        asked->list = true;
        return 0;
    case OPTION_ONLY:
        choose_by_name(asked, argument, state);
        return 0;
    case OPTION_SEED:
        asked->plan.seed = (uint64_t)argument_number(argument, "seed", LONG_MAX, state);
        return 0;
    case OPTION_LIMIT:
        asked->limit_s = argument_number(argument, "number of seconds", MOST_LIMIT_S, state);
        return 0;
    default:
        return argument_take_common(key, &asked->common);
    }
}

static const struct argp parser = {.options = options, .parser = take_option, .doc = description};

static void fill_in_defaults(request *asked)
{
    asked->plan.quick = asked->common.quick;
    if (asked->limit_s == 0)
        asked->limit_s = asked->plan.quick ? QUICK_LIMIT_S : USUAL_LIMIT_S;
    if (asked->count > 0)
        return;
    for (size_t i = 0; torture_classes[i] != NULL; i++)
        choose(asked, torture_classes[i]);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static int print_list(void)
{
    for (size_t i = 0; torture_classes[i] != NULL; i++)
        (void)printf("%-10s %s\n", torture_classes[i]->name, torture_classes[i]->what);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : DIE_STATUS;
}

/* Answers the number of failures. */
static uint64_t run_chosen(const request *asked, torture_outcome *outcomes)
{
    uint64_t failures = 0;
    progress shown = progress_start((int)asked->count);
    for (size_t i = 0; i < asked->count; i++) {
        progress_begin(&shown, asked->chosen[i]->name);
        outcomes[i] = torture_run(asked->chosen[i], &asked->plan, (int64_t)asked->limit_s * 1000, &shown);
        failures += outcomes[i].failures;
        progress_step_done(&shown);
    }
    progress_end(&shown);
    return failures;
}

int main(int argc, char **argv)
{
    request asked = {.plan = {.seed = USUAL_SEED}};
    argument_parse(&parser, argc, argv, &asked);
    if (asked.list)
        return print_list();
    (void)signal(SIGPIPE, SIG_IGN);
    fill_in_defaults(&asked);

    torture_outcome outcomes[MOST_CLASSES];
    uint64_t failures = run_chosen(&asked, outcomes);
    if (asked.common.json)
        output_json(outcomes, asked.count);
    else
        output_table(outcomes, asked.count);
    return failures == 0 ? EXIT_SUCCESS : STATUS_PROMISE_BROKEN;
}
