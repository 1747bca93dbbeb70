/* SPDX-License-Identifier: MIT */
#include "../../colour.h"
#include "command_line.h"
#include "output.h"
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 8, COLUMN_WIDTH = 34 };

/* ---- the tale of a run ------------------------------------------------------------------------------------------- */

typedef struct columns {
    const char *names[COLUMNS];
    size_t count;
} columns;

/* Of who; the last one is for all that come behind it. */
static size_t column_of(columns *of, const char *who)
{
    for (size_t i = 0; i < of->count; i++)
        if (strcmp(of->names[i], who) == 0)
            return i;
    if (of->count == COLUMNS)
        return COLUMNS - 1;
    of->names[of->count] = who;
    return of->count++;
}

/* In the order of the names: threads by their number, then the library's. */
static void sort_columns(columns *of)
{
    for (size_t i = 1; i < of->count; i++)
        for (size_t k = i; k > 0 && strcmp(of->names[k], of->names[k - 1]) > 0; k--) {
            const char *kept = of->names[k];
            of->names[k] = of->names[k - 1];
            of->names[k - 1] = kept;
        }
    for (size_t i = 0, k = of->count; i + 1 < k--; i++) {
        const char *kept = of->names[i];
        of->names[i] = of->names[k];
        of->names[k] = kept;
    }
}

static columns columns_of(const tale *told)
{
    columns found = {.count = 0};
    for (size_t i = 0; i < told->count; i++)
        if (told->lines[i].told)
            (void)column_of(&found, told->lines[i].who);
    if (told->violation[0] != '\0')
        (void)column_of(&found, told->violator);
    sort_columns(&found);
    return found;
}

static void print_in_column(size_t column, colour chosen, const char *text)
{
    (void)printf("  %*s", (int)column * COLUMN_WIDTH, "");
    colour_print_padded(chosen, 0, text);
    (void)putchar('\n');
}

void output_tale(const tale *told)
{
    columns of = columns_of(told);
    (void)printf("\n  ");
    for (size_t i = 0; i < of.count; i++)
        colour_print_padded(COLOUR_BOLD, -COLUMN_WIDTH, of.names[i]);
    (void)putchar('\n');
    for (size_t i = 0; i <= told->count; i++) {
        if (told->violation[0] != '\0' && i == told->violation_line)
            print_in_column(column_of(&of, told->violator), COLOUR_RED, told->violation);
        if (i < told->count && told->lines[i].told)
            print_in_column(column_of(&of, told->lines[i].who), COLOUR_NONE, told->lines[i].text);
    }
    if (told->left_out > 0)
        (void)printf("  (and %zu steps more)\n", told->left_out);
}

/* ---- searches ---------------------------------------------------------------------------------------------------- */

static void widen(int *width, const char *name)
{
    int needed = (int)strlen(name) + 2;
    *width = needed > *width ? needed : *width;
}

output_widths output_widths_of(const sh_stress_scenario *const *scenarios)
{
    output_widths widths = {.scenario = 0};
    widen(&widths.scenario, "scenario");
    widen(&widths.approach, "approach");
    for (; *scenarios != NULL; scenarios++) {
        widen(&widths.scenario, (*scenarios)->name);
        for (const char *const *each = (*scenarios)->approaches; each != NULL && *each != NULL; each++)
            widen(&widths.approach, *each);
    }
    return widths;
}

void output_search_heading(output_widths widths)
{
    (void)printf("%-*s%-*s%10s%10s%9s  %s\n", widths.scenario, "scenario", widths.approach, "approach", "schedules",
                 "states", "seconds", "found");
}

void output_search(output_widths widths, const search_plan *plan, const search_result *result, const char *file_or_null)
{
    (void)printf("%-*s%-*s%10zu%10zu%9.2f  ", widths.scenario, plan->scenario->name, widths.approach,
                 plan->approach == NULL ? "-" : plan->approach, result->schedules, result->states, result->seconds);
    if (result->found)
        colour_print_padded(COLOUR_RED, 0, result->last->told.violation);
    else
        colour_print_padded(COLOUR_GREEN, 0, "nothing");
    if (!result->found && result->is_complete)
        (void)printf(", complete to %zu preemption%s", result->complete_to, result->complete_to == 1 ? "" : "s");
    (void)putchar('\n');
    if (file_or_null != NULL)
        (void)printf("    %s\n", command_line_replay("explore", file_or_null));
    (void)fflush(stdout);
}

/* ---- fuzzing ----------------------------------------------------------------------------------------------------- */

void output_hunt_heading(void)
{
    (void)printf("%12s%12s%10s%9s%12s  %s\n", "runs", "operations", "states", "seconds", "runs/second", "found");
}

void output_hunt(const hunt_result *result, const char *file_or_null)
{
    double rate = result->seconds > 0 ? (double)result->runs / result->seconds : 0;
    (void)printf("%12zu%12zu%10zu%9.2f%12.0f  ", result->runs, result->operations, result->states, result->seconds,
                 rate);
    colour_print_padded(result->found ? COLOUR_RED : COLOUR_GREEN, 0,
                        result->found ? result->told.violation : "nothing");
    (void)putchar('\n');
    if (file_or_null != NULL)
        (void)printf("    gcstress fuzz --input %s\n", file_or_null);
    (void)fflush(stdout);
}
