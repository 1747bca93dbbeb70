/* SPDX-License-Identifier: MIT */
#include "output_run.h"
#include "../../colour.h"
#include "output.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCENARIO_WIDTH = 22, APPROACH_WIDTH = 17 };

bool output_run_is_false_green(const run_result *result)
{
    return !result->found && result->finalized * 100 < result->dropped * OUTPUT_RUN_PERCENT;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

void output_run_heading(void)
{
    (void)printf("%-*s%-*s%9s%10s%13s%11s  %s\n", SCENARIO_WIDTH, "scenario", APPROACH_WIDTH, "approach", "seconds",
                 "rounds", "collections", "finalized", "found");
}

static void print_share(const run_result *result)
{
    if (result->dropped == 0)
        (void)printf("%11s  ", "-");
    else
        (void)printf("%10.1f%%  ", 100.0 * (double)result->finalized / (double)result->dropped);
}

void output_run(const run_plan *plan, const run_result *result)
{
    (void)printf("%-*s%-*s%9.2f%10llu%13llu", SCENARIO_WIDTH, plan->scenario->name, APPROACH_WIDTH,
                 plan->approach == NULL ? "-" : plan->approach, result->seconds, (unsigned long long)result->rounds,
                 (unsigned long long)run_collections(result));
    print_share(result);
    if (result->found)
        colour_print_padded(COLOUR_RED, 0, result->told.violation);
    else if (output_run_is_false_green(result))
        colour_print_padded(COLOUR_RED, 0, "nothing, but too few of the dead were finalized to say so");
    else
        colour_print_padded(COLOUR_GREEN, 0, result->interrupted ? "nothing until it was interrupted" : "nothing");
    (void)putchar('\n');
    if (result->found)
        output_tale(&result->told);
    (void)fflush(stdout);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

static bool is_shown(void)
{
    return isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

void output_run_progress(const run_result *so_far, double seconds, void *plan)
{
    const run_plan *of = plan;
    if (!is_shown() || seconds <= 0)
        return;
    double remaining = of->seconds > seconds ? of->seconds - seconds : 0;
    (void)fprintf(stderr, "\r%s%s %s: %.0f rounds/s, %.0f collections/s, %.0f s to go  ",
                  getenv("NO_COLOR") == NULL ? "\033[K" : "", of->scenario->name,
                  of->approach == NULL ? "" : of->approach, (double)so_far->rounds / seconds,
                  (double)run_collections(so_far) / seconds, remaining);
}

void output_run_progress_end(void)
{
    if (is_shown())
        (void)fputs(getenv("NO_COLOR") == NULL ? "\r\033[K" : "\n", stderr);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *curve_json(const run_result *result)
{
    json_t *curve = json_array();
    for (size_t i = 0; i < result->point_count; i++) {
        const run_point *point = &result->points[i];
        (void)json_array_append_new(curve, json_pack("{s:f, s:I, s:I}", "seconds", point->seconds, "live_handles",
                                                     (json_int_t)point->live_handles, "collections",
                                                     (json_int_t)point->collections));
    }
    return curve;
}

static json_t *measures_json(const run_plan *plan, const run_result *result)
{
    json_t *collections = json_pack("{s:I, s:I, s:I}", "small", (json_int_t)result->small, "full",
                                    (json_int_t)result->full, "unmap", (json_int_t)result->unmap);
    return json_pack("{s:I, s:b, s:I, s:I, s:I, s:o, s:I, s:I, s:b, s:b, s:o}", "level", (json_int_t)plan->level, "mix",
                     (int)plan->mix, "threads", (json_int_t)result->threads, "seed", (json_int_t)plan->seed, "rounds",
                     (json_int_t)result->rounds, "collections", collections, "dropped", (json_int_t)result->dropped,
                     "finalized", (json_int_t)result->finalized, "interrupted", (int)result->interrupted, "false_green",
                     (int)output_run_is_false_green(result), "curve", curve_json(result));
}

/* Real threads do not come the same way twice: there is no file. */
json_t *output_run_json(const run_plan *plan, const run_result *result)
{
    json_t *object =
        output_result_json(plan->scenario, plan->approach, result->seconds, result->found ? &result->told : NULL, NULL);
    output_add_measures(object, measures_json(plan, result));
    return object;
}
