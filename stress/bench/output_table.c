/* SPDX-License-Identifier: MIT */
#include "../colour.h"
#include "../die.h"
#include "result.h"
#include <math.h>
#include <stdio.h>

enum { NAME_WIDTH = 32, VALUE_WIDTH = 9, SPREAD_WIDTH = 18, TARGET_WIDTH = 10, PEER_WIDTH = 34, SIZE_WIDTH = 24 };

/* ---- the figures ------------------------------------------------------------------------------------------------- */

static colour colour_of_figure(const figure *f, double value)
{
    if (isnan(value))
        return COLOUR_DIM;
    return figure_is_met(f, value) ? COLOUR_GREEN : COLOUR_RED;
}

static void print_figure(const figure *f, const spread *s)
{
    char value[64] = "-", range[64] = "";
    if (!isnan(s->median)) {
        (void)snprintf(value, sizeof value, "%.3g", s->median);
        (void)snprintf(range, sizeof range, "%.3g to %.3g", s->low, s->high);
    }
    char target[64];
    (void)snprintf(target, sizeof target, "%s %.4g", f->at_least ? ">=" : "<=", f->target);
    (void)printf("%-*s", NAME_WIDTH, f->name);
    colour_print_padded(colour_of_figure(f, s->median), VALUE_WIDTH, value);
    (void)printf("%*s%*s  %s\n", SPREAD_WIDTH, range, TARGET_WIDTH, target, f->what);
}

static void print_figures(const result *r)
{
    char heading[128];
    (void)snprintf(heading, sizeof heading, "%-*s%*s%*s%*s", NAME_WIDTH, "figure", VALUE_WIDTH, "median", SPREAD_WIDTH,
                   "rounds", TARGET_WIDTH, "target");
    colour_print_padded(COLOUR_BOLD, 0, heading);
    (void)putchar('\n');
    for (int i = 0; i < FIGURES; i++)
        print_figure(&figures[i], &r->figures[i]);
}

/* ---- growth ------------------------------------------------------------------------------------------------------ */

static void print_growth_cell(const growth_point *point)
{
    char text[64] = "-";
    if (!isnan(point->bytes.median))
        (void)snprintf(text, sizeof text, "%.1f ms  %.1f B", point->pause_ms.median, point->bytes.median);
    (void)printf("%*s", SIZE_WIDTH, text);
}

static void print_growth(const result *r)
{
    char heading[128];
    (void)snprintf(heading, sizeof heading, "%-*s", NAME_WIDTH, "pause and bytes of each, live");
    colour_print_padded(COLOUR_BOLD, 0, heading);
    for (int who = 0; who < VARIANTS; who++)
        colour_print_padded(COLOUR_BOLD, SIZE_WIDTH, variants[who]->name);
    (void)putchar('\n');
    for (int size = 0; size < SIZES; size++) {
        (void)printf("%-*ld", NAME_WIDTH, r->counts[size]);
        for (int who = 0; who < VARIANTS; who++)
            print_growth_cell(&r->growth[size][who]);
        (void)putchar('\n');
    }
}

/* ---- peers ------------------------------------------------------------------------------------------------------- */

static void print_peer_cell(const json_t *ratio)
{
    char text[64] = "-";
    if (json_is_number(ratio))
        (void)snprintf(text, sizeof text, "%.2f", json_number_value(ratio));
    (void)printf("%*s", VALUE_WIDTH, text);
}

static void print_peer(const json_t *peer)
{
    const char *name = json_string_value(json_object_get(peer, "peer"));
    const char *version = json_string_value(json_object_get(peer, "version"));
    char text[128];
    (void)snprintf(text, sizeof text, "%s %s", name != NULL ? name : "?", version != NULL ? version : "");
    (void)printf("%-*s", PEER_WIDTH, text);
    print_peer_cell(json_object_get(peer, "alone"));
    print_peer_cell(json_object_get(peer, "contended"));
    (void)putchar('\n');
}

static void print_missing_peer(const json_t *peer)
{
    const char *name = json_string_value(json_object_get(peer, "peer"));
    const char *why = json_string_value(json_object_get(peer, "why"));
    char text[256];
    (void)snprintf(text, sizeof text, "%-*s%s", PEER_WIDTH, name != NULL ? name : "?", why != NULL ? why : "");
    colour_print_padded(COLOUR_DIM, 0, text);
    (void)putchar('\n');
}

static void print_each(const json_t *others, const char *member, void (*print)(const json_t *))
{
    const json_t *all = json_object_get(others, member);
    for (size_t i = 0; i < json_array_size(all); i++)
        print(json_array_get(all, i));
}

static void print_peers(const result *r)
{
    char heading[128];
    (void)snprintf(heading, sizeof heading, "%-*s%*s%*s", PEER_WIDTH, "peer, pair / two lock xadd", VALUE_WIDTH,
                   "alone", VALUE_WIDTH, "contended");
    (void)putchar('\n');
    colour_print_padded(COLOUR_BOLD, 0, heading);
    (void)putchar('\n');
    print_each(r->others, "peers", print_peer);
    print_each(r->others, "missing", print_missing_peer);
}

void result_print_table(const result *r)
{
    (void)printf("medians of %d rounds, each in processes of its own; %.0f s\n\n", r->rounds, r->seconds);
    print_figures(r);
    (void)putchar('\n');
    print_growth(r);
    if (json_array_size(json_object_get(r->others, "peers")) > 0)
        print_peers(r);
    if (fflush(stdout) != 0)
        die("stdout cannot be written");
}
