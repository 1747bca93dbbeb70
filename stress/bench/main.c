/* SPDX-License-Identifier: MIT */
/* safehandle-bench: what a handle costs, beside the machine's own limits and what other people use. */
#include "../argument.h"
#include "../child.h"
#include "../progress.h"
#include "helper.h"
#include "rounds.h"
#include <stdlib.h>

enum { USUAL_ROUNDS = 5, QUICK_ROUNDS = 3, MILLION = 1000000, LEAST_COUNT = 1000, MOST_COUNT = 20000000 };
enum { STATUS_MISSED = 1 };
enum {
    OPTION_CHECK = 'c',
    OPTION_COUNT = 'n',
    OPTION_ROUNDS = 'r',
    OPTION_HTML = 'o',
    OPTION_SVG = 's',
    OPTION_NO_PEERS = 'P'
};

typedef struct request {
    argument_common common;
    bool check;
    bool no_peers;
    long count;
    long rounds;
    const char *html_file;
    const char *svg_directory;
} request;

/* ---- options ----------------------------------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    {"quick", ARGUMENT_QUICK, NULL, 0, "Fewer repetitions and 3 rounds: a minute at most", 0},
    {"check", OPTION_CHECK, NULL, 0, "Exit status 1 when a figure misses its target", 0},
    {"rounds", OPTION_ROUNDS, "N", 0, "So many rounds, of which the medians are told (default 5)", 0},
    {"count", OPTION_COUNT, "N", 0, "So many objects where the figures say a million", 0},
    {"no-peers", OPTION_NO_PEERS, NULL, 0, "Do not measure what other people use", 0},
    {"json", ARGUMENT_JSON, NULL, 0, "Print a JSON object instead of the tables", 0},
    {"html", OPTION_HTML, "FILE", 0, "Also write a page with tables and charts", 0},
    {"svg", OPTION_SVG, "DIRECTORY", 0, "Also write the charts there, each as a file", 0},
    {0},
};

static const char description[] =
    "Measure what a handle costs: references and leases beside two atomic instructions, closing beside a memory "
    "barrier, a million handles beside a million plain objects; and what other people use, where it is installed."
    "\v"
    "Examples:\n"
    "  safehandle-bench                      the tables, in some minutes\n"
    "  safehandle-bench --quick --json | jq .ratios.lease\n"
    "  safehandle-bench --html=bench.html\n"
    "  safehandle-bench --check --rounds=9\n"
    "\n"
    "In each round every group of figures runs in a process of its own, and what is divided by each other takes turns "
    "in short pieces.\n"
    "\n"
    "Exit status: 0 when all was measured; 1 when fewer than 99.9 % of the objects came to their end or, with --check, "
    "a target was missed; 2 when it could not be run.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_CHECK:
        asked->check = true;
        return 0;
    case OPTION_NO_PEERS:
        asked->no_peers = true;
        return 0;
    case OPTION_COUNT:
        asked->count = argument_number(argument, "number of objects", MOST_COUNT, state);
        if (asked->count < LEAST_COUNT)
            argp_error(state, "fewer than %d objects tell nothing", LEAST_COUNT);
        return 0;
    case OPTION_ROUNDS:
        asked->rounds = argument_number(argument, "number of rounds", MOST_ROUNDS, state);
        return 0;
    case OPTION_HTML:
        asked->html_file = argument;
        return 0;
    case OPTION_SVG:
        asked->svg_directory = argument;
        return 0;
    default:
        return argument_take_common(key, &asked->common);
    }
}

static const struct argp parser = {.options = options, .parser = take_option, .doc = description};

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static json_t *measure_peers(bool quick)
{
    progress shown = progress_start(1);
    progress_begin(&shown, "what other people use");
    json_t *peers = helper_measure_peers(quick);
    progress_end(&shown);
    return peers;
}

static void measure(const request *asked, result *r)
{
    int64_t start_ms = clock_now_ms();
    r->quick = asked->common.quick;
    r->rounds = asked->rounds != 0 ? (int)asked->rounds : r->quick ? QUICK_ROUNDS : USUAL_ROUNDS;
    rounds_run(r, asked->count != 0 ? asked->count : MILLION);
    result_sum_up(r);
    r->others = asked->no_peers ? helper_no_peers() : measure_peers(r->quick);
    r->seconds = (double)(clock_now_ms() - start_ms) / 1000;
}

static void draw(const request *asked, const result *r)
{
    json_t *described = result_describe(r);
    helper_draw(described, asked->html_file, asked->svg_directory);
    json_decref(described);
}

int main(int argc, char **argv)
{
    request asked = {.count = 0};
    argument_parse(&parser, argc, argv, &asked);

    static result r;
    measure(&asked, &r);
    if (asked.common.json)
        result_print_json(&r);
    else
        result_print_table(&r);
    draw(&asked, &r);
    bool well = result_check_ends(&r) && (!asked.check || result_check_targets(&r));
    json_decref(r.others);
    return well ? EXIT_SUCCESS : STATUS_MISSED;
}
