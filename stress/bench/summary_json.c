/* SPDX-License-Identifier: MIT */
#include "../die.h"
#include "summary.h"
#include <jansson.h>
#include <stdio.h>

static json_t *describe_figure(const summary *s, int who, int figure)
{
    const spread *described = &s->spreads[who][figure];
    if (!summary_has(who, figure))
        return json_null();
    return json_pack("{s:f, s:f, s:f}", "median", described->median, "lowest", described->lowest, "highest",
                     described->highest);
}

static json_t *describe_variant(const summary *s, int who)
{
    json_t *ended = variants[who]->ends ? json_integer(s->least_ended[who]) : json_null();
    json_t *object = json_pack("{s:s, s:o}", "variant", variants[who]->name, "ended", ended);
    for (int figure = 0; figure < FIGURES; figure++)
        (void)json_object_set_new(object, figure_names[figure], describe_figure(s, who, figure));
    return object;
}

void summary_print_json(const summary *s)
{
    json_t *described = json_array();
    for (int who = 0; who < VARIANTS; who++)
        (void)json_array_append_new(described, describe_variant(s, who));
    json_t *all =
        json_pack("{s:I, s:i, s:o}", "count", (json_int_t)s->count, "rounds", s->rounds, "variants", described);
    int flags = JSON_INDENT(2) | JSON_REAL_PRECISION(6);
    if (json_dumpf(all, stdout, (size_t)flags) != 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(all);
}
