/* SPDX-License-Identifier: MIT */
#include "../colour.h"
#include "../die.h"
#include "output.h"
#include <inttypes.h>
#include <stdio.h>

enum { NAME_WIDTH = 12, COUNT_WIDTH = 14, SECONDS_WIDTH = 10 };

static void print_row(const torture_outcome *outcome)
{
    char cell[32];
    colour_print_padded(COLOUR_NONE, -NAME_WIDTH, outcome->of->name);
    (void)printf("%*" PRIu64, COUNT_WIDTH, outcome->tries);
    (void)snprintf(cell, sizeof cell, "%" PRIu64, outcome->failures);
    colour_print_padded(outcome->failures > 0 ? COLOUR_RED : COLOUR_GREEN, COUNT_WIDTH, cell);
    (void)printf("%*.1f\n", SECONDS_WIDTH, (double)outcome->duration_ms / 1000);
}

static void print_heading(void)
{
    colour_print_padded(COLOUR_BOLD, -NAME_WIDTH, "class");
    colour_print_padded(COLOUR_BOLD, COUNT_WIDTH, "tries");
    colour_print_padded(COLOUR_BOLD, COUNT_WIDTH, "failures");
    colour_print_padded(COLOUR_BOLD, SECONDS_WIDTH, "seconds");
    (void)putchar('\n');
}

void output_table(const torture_outcome *outcomes, size_t count)
{
    print_heading();
    for (size_t i = 0; i < count; i++)
        print_row(&outcomes[i]);
    for (size_t i = 0; i < count; i++)
        if (outcomes[i].failures > 0)
            (void)printf("\n%s: %s\n", outcomes[i].of->name, outcomes[i].first_failure);
    if (fflush(stdout) != 0)
        die("stdout cannot be written");
}
