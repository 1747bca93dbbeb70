/* SPDX-License-Identifier: MIT */
#include "../die.h"
#include "summary.h"
#include <stdio.h>

enum { TITLE_WIDTH = 25, CELL_WIDTH = 19, RATIO_WIDTH = 12 };

static void print_headings(const char *title, int last, int width)
{
    (void)printf("%-*s", TITLE_WIDTH, title);
    for (int who = 0; who <= last; who++)
        (void)printf("%*s", width, variants[who]->name);
    (void)putchar('\n');
}

static void print_spread(const summary *s, int who, int figure)
{
    const spread *shown = &s->spreads[who][figure];
    int digits = shown->median < 100 ? 1 : 0;
    char text[64] = "-";
    if (summary_has(who, figure))
        (void)snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", digits, shown->median, digits, shown->lowest, digits,
                       shown->highest);
    (void)printf("%*s", CELL_WIDTH, text);
}

static void print_ratio(const summary *s, int who, int figure)
{
    char text[64] = "-";
    if (summary_has(who, figure))
        (void)snprintf(text, sizeof text, "%.2f",
                       s->spreads[SAFEHANDLE][figure].median / s->spreads[who][figure].median);
    (void)printf("%*s", RATIO_WIDTH, text);
}

void summary_print_table(const summary *s)
{
    (void)printf("%ld objects of each variant; medians of %d rounds, and the lowest and highest\n\n", s->count,
                 s->rounds);
    print_headings("", SAFEHANDLE, CELL_WIDTH);
    for (int figure = 0; figure < FIGURES; figure++) {
        (void)printf("%-*s", TITLE_WIDTH, figure_titles[figure]);
        for (int who = 0; who < VARIANTS; who++)
            print_spread(s, who, figure);
        (void)putchar('\n');
    }
    (void)putchar('\n');
    print_headings("safehandle divided by", NO_ORDER_32, RATIO_WIDTH);
    for (int figure = 0; figure < FIGURES; figure++) {
        (void)printf("%-*s", TITLE_WIDTH, figure_titles[figure]);
        for (int who = 0; who < SAFEHANDLE; who++)
            print_ratio(s, who, figure);
        (void)putchar('\n');
    }
    if (fflush(stdout) != 0)
        die("stdout cannot be written");
}
