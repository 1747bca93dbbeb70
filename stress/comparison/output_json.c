/* SPDX-License-Identifier: MIT */
#include "../die.h"
#include "output.h"
#include <jansson.h>
#include <stdio.h>

static json_t *describe(int who, int what, const pair_result *pair)
{
    json_t *violations = pair->why == NULL ? json_integer(pair->violations) : json_null();
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:o}", "approach", result_approaches[who]->name, "accident",
                  result_accidents[what]->name, "trials", (json_int_t)pair->trials, "violations", violations);
    if (pair->why != NULL)
        (void)json_object_set_new(object, "why", json_string(pair->why));
    return object;
}

void output_json(const result *r)
{
    json_t *all = json_array();
    for (int who = 0; who < APPROACHES; who++)
        for (int what = 0; what < ACCIDENTS; what++)
            (void)json_array_append_new(all, describe(who, what, &r->pairs[who][what]));
    if (json_dumpf(all, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF || fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(all);
}
