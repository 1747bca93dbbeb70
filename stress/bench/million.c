/* SPDX-License-Identifier: MIT */
/* safehandle-million: what a million handles cost, beside a million objects with and without the collector's finalizer.
 */
#include "../argument.h"
#include "../child.h"
#include "../die.h"
#include "../progress.h"
#include "summary.h"
#include <errno.h>
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>

enum { USUAL_COUNT = 1000000, QUICK_COUNT = 100000, MOST_COUNT = 100000000, USUAL_ROUNDS = 5, QUICK_ROUNDS = 3 };
enum { LIMIT_MS = 300000 };
enum { STATUS_LOST = 1, STATUS_COULD_NOT_RUN = 2 };
enum { OPTION_JSON = 'j', OPTION_QUICK = 'q', OPTION_COUNT = 'n', OPTION_ROUNDS = 'r' };

typedef struct request {
    bool json;
    bool quick;
    long count;
    long rounds;
} request;

/* ---- options ----------------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "Print a JSON object instead of the tables", 0},
    {"quick", OPTION_QUICK, NULL, 0, "100000 objects and 3 rounds", 0},
    {"count", OPTION_COUNT, "N", 0, "So many objects of each variant (default 1000000)", 0},
    {"rounds", OPTION_ROUNDS, "N", 0, "So many rounds, of which the medians are printed (default 5)", 0},
    {0},
};

static const char description[] =
    "Measure what a million handles cost, beside a million plain objects and a million objects with the collector's "
    "own unordered finalizers: to make, while they live, and from being dropped to being released."
    "\v"
    "Examples:\n"
    "  safehandle-million                   the tables, in about half a minute\n"
    "  safehandle-million --quick --json\n"
    "  safehandle-million --count=5000000 --rounds=3\n"
    "\n"
    "Every round of every variant runs in a process of its own; the variants take turns.\n"
    "\n"
    "Exit status: 0 when 99.9 % of the objects, or more, came to their end; 1 when not; 2 when it could not be run.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_JSON:
        asked->json = true;
        return 0;
    case OPTION_QUICK:
        asked->quick = true;
        return 0;
    case OPTION_COUNT:
        asked->count = argument_number(argument, "number of objects", MOST_COUNT, state);
        return 0;
    case OPTION_ROUNDS:
        asked->rounds = argument_number(argument, "number of rounds", MOST_ROUNDS, state);
        return 0;
    case ARGP_KEY_END:
        asked->count = asked->count != 0 ? asked->count : asked->quick ? QUICK_COUNT : USUAL_COUNT;
        asked->rounds = asked->rounds != 0 ? asked->rounds : asked->quick ? QUICK_ROUNDS : USUAL_ROUNDS;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

typedef struct turn {
    const variant *variant;
    long count;
} turn;

static void work(int report, void *data)
{
    const turn *asked = data;
    measurement m = measure_variant(asked->variant, asked->count);
    child_report(report, &m, sizeof m);
}

static measurement run_turn(const variant *measured, long count)
{
    turn asked = {measured, count};
    measurement m = {.complete = false};
    const child_plan plan = {
        .work = work, .data = &asked, .record = &m, .record_size_bytes = sizeof m, .limit_ms = LIMIT_MS};
    die_doing(measured->name);
    const char *failure = child_run(&plan);
    if (failure != NULL || !m.complete)
        die("%s", failure != NULL ? failure : "its process told nothing");
    die_doing(NULL);
    return m;
}

static summary run_rounds(const request *asked)
{
    static measurement measurements[VARIANTS][MOST_ROUNDS];
    progress shown = progress_start((int)asked->rounds * VARIANTS);
    for (int round = 0; round < asked->rounds; round++)
        for (int who = 0; who < VARIANTS; who++) {
            progress_begin(&shown, variants[who]->name);
            measurements[who][round] = run_turn(variants[who], asked->count);
            progress_step_done(&shown);
        }
    progress_end(&shown);
    return summary_make(asked->count, (int)asked->rounds, measurements);
}

int main(int argc, char **argv)
{
    argp_program_version_hook = argument_print_version;
    argp_err_exit_status = STATUS_COULD_NOT_RUN;
    request asked = {.json = false};
    const struct argp parser = {.options = options, .parser = take_option, .doc = description};
    (void)argp_parse(&parser, argc, argv, 0, NULL, &asked);
    summary s = run_rounds(&asked);
    if (asked.json)
        summary_print_json(&s);
    else
        summary_print_table(&s);
    return summary_check(&s) ? EXIT_SUCCESS : STATUS_LOST;
}
