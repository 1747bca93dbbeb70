/* SPDX-License-Identifier: MIT */
#include "../die.h"
#include "machine.h"
#include "result.h"
#include <math.h>
#include <stdio.h>

/* What was not measured is null. */
static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *describe_spread(const spread *s)
{
    return json_pack("{s:o, s:o, s:o}", "median", number(s->median), "low", number(s->low), "high", number(s->high));
}

static json_t *describe_target(const figure *f, double value)
{
    json_t *met = isnan(value) ? json_null() : json_boolean(figure_is_met(f, value));
    return json_pack("{s:f, s:o, s:s}", f->at_least ? "at_least" : "at_most", f->target, "met", met, "what", f->what);
}

/* Adds the figures from first to last to the members that are given. */
static void describe_figures(const result *r, int first, int last, json_t *ratios, json_t *spreads, json_t *targets)
{
    for (int i = first; i < last; i++) {
        const char *name = figures[i].name;
        double value = r->figures[i].median;
        (void)json_object_set_new(ratios, name, number(value));
        (void)json_object_set_new(spreads, name, describe_spread(&r->figures[i]));
        (void)json_object_set_new(targets, name, describe_target(&figures[i], value));
    }
}

static json_t *describe_measures(const result *r)
{
    json_t *measures = json_object();
    for (int i = 0; i < MEASURE_COUNT; i++)
        (void)json_object_set_new(measures, measure_name(i), describe_spread(&r->measures[i]));
    return measures;
}

static json_t *describe_growth(const result *r)
{
    json_t *growth = json_array();
    for (int size = 0; size < SIZES; size++)
        for (int who = 0; who < VARIANTS; who++) {
            const growth_point *point = &r->growth[size][who];
            if (isnan(point->bytes.median))
                continue;
            (void)json_array_append_new(
                growth, json_pack("{s:s, s:I, s:I, s:o, s:o}", "variant", variants[who]->name, "count",
                                  (json_int_t)r->counts[size], "ended", (json_int_t)point->least_ended, "pause_ms",
                                  describe_spread(&point->pause_ms), "bytes", describe_spread(&point->bytes)));
        }
    return growth;
}

json_t *result_describe(const result *r)
{
    json_t *ratios = json_object(), *also = json_object(), *spreads = json_object(), *targets = json_object();
    describe_figures(r, 0, RATIOS, ratios, spreads, targets);
    describe_figures(r, RATIOS, FIGURES, also, spreads, targets);
    json_t *all = json_object();
    (void)json_object_set_new(all, "ratios", ratios);
    (void)json_object_set_new(all, "also", also);
    (void)json_object_set_new(all, "spread", spreads);
    (void)json_object_set_new(all, "targets", targets);
    (void)json_object_set(all, "peers", json_object_get(r->others, "peers"));
    (void)json_object_set(all, "peers_missing", json_object_get(r->others, "missing"));
    (void)json_object_set_new(all, "machine", machine_describe());
    (void)json_object_set_new(all, "versions", machine_describe_versions());
    (void)json_object_set_new(all, "defaults_on", machine_describe_defaults());
    (void)json_object_set_new(all, "measured", describe_measures(r));
    (void)json_object_set_new(all, "growth", describe_growth(r));
    (void)json_object_set_new(all, "quick", json_boolean(r->quick));
    (void)json_object_set_new(all, "rounds", json_integer(r->rounds));
    (void)json_object_set_new(all, "seconds", json_real(r->seconds));
    return all;
}

void result_print_json(const result *r)
{
    json_t *all = result_describe(r);
    int flags = JSON_INDENT(2) | JSON_REAL_PRECISION(6);
    if (json_dumpf(all, stdout, (size_t)flags) != 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(all);
}
