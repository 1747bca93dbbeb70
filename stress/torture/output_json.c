/* SPDX-License-Identifier: MIT */
#include "../die.h"
#include "output.h"
#include <jansson.h>
#include <stdio.h>

static json_t *describe(const torture_outcome *outcome)
{
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:f}", "class", outcome->of->name, "tries", (json_int_t)outcome->tries, "failures",
                  (json_int_t)outcome->failures, "seconds", (double)outcome->duration_ms / 1000);
    if (outcome->failures > 0)
        (void)json_object_set_new(object, "first_failure", json_string(outcome->first_failure));
    return object;
}

void output_json(const torture_outcome *outcomes, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(all, describe(&outcomes[i]));
    if (json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0 || putchar('\n') == EOF ||
        fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(all);
}
