/* SPDX-License-Identifier: MIT */
#include "../../die.h"
#include "output.h"
#include <stdio.h>

static const char *const deeds[] = {
    [SH_STRESS_OPENS] = "opens",   [SH_STRESS_HOLDS] = "holds",   [SH_STRESS_CALLS] = "calls",
    [SH_STRESS_LEAVES] = "leaves", [SH_STRESS_CLOSES] = "closes", [SH_STRESS_DIES] = "dies",
};

static json_t *line_json(const tale_line *line)
{
    json_t *object = json_pack("{s:s, s:b, s:s}", "who", line->who, "told", (int)line->told, "text", line->text);
    size_t sort = (size_t)line->deed.sort;
    if (sort < sizeof deeds / sizeof *deeds && deeds[sort] != NULL) {
        (void)json_object_set_new(object, "deed", json_string(deeds[sort]));
        (void)json_object_set_new(object, "number", json_integer(line->deed.number));
        (void)json_object_set_new(object, "thing", json_integer(line->deed.thing));
    }
    return object;
}

json_t *output_tale_json(const tale *told)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < told->count; i++)
        (void)json_array_append_new(lines, line_json(&told->lines[i]));
    return json_pack("{s:o, s:I, s:s, s:s}", "lines", lines, "violation_line", (json_int_t)told->violation_line,
                     "violator", told->violator, "violation", told->violation);
}

json_t *output_result_json(const sh_stress_scenario *scenario, const char *approach_or_null, double seconds,
                           const tale *violated_or_null, const char *file_or_null)
{
    bool found = violated_or_null != NULL;
    json_t *object =
        json_pack("{s:s, s:s?, s:s?, s:s, s:f, s:b}", "scenario", scenario->name, "approach", approach_or_null,
                  "retells", scenario->retells, "never", scenario->violation, "seconds", seconds, "found", (int)found);
    if (object == NULL)
        die("no memory");
    if (found) {
        (void)json_object_set_new(object, "violation", json_string(violated_or_null->violation));
        (void)json_object_set_new(object, "tale", output_tale_json(violated_or_null));
        (void)json_object_set_new(object, "file", file_or_null == NULL ? json_null() : json_string(file_or_null));
    }
    return object;
}

void output_add_measures(json_t *to, json_t *measures)
{
    if (measures == NULL || json_object_update(to, measures) != 0)
        die("no memory");
    json_decref(measures);
}

json_t *output_search_json(const search_plan *plan, const search_result *result, const char *file_or_null)
{
    json_t *object = output_result_json(plan->scenario, plan->approach, result->seconds,
                                        result->found ? &result->last->told : NULL, file_or_null);
    output_add_measures(object,
                        json_pack("{s:I, s:I, s:I, s:b, s:I}", "seed", (json_int_t)plan->seed, "schedules",
                                  (json_int_t)result->schedules, "states", (json_int_t)result->states, "complete",
                                  (int)result->is_complete, "complete_to", (json_int_t)result->complete_to));
    if (result->found)
        (void)json_object_set_new(object, "found_by", json_string(result->found_by));
    return object;
}

json_t *output_replay_json(const explore_plan *plan, const explore_result *result, const char *file)
{
    json_t *object =
        output_result_json(plan->scenario, plan->approach, result->seconds, result->found ? &result->told : NULL, file);
    output_add_measures(object, json_pack("{s:I, s:I}", "seed", (json_int_t)plan->seed, "switches",
                                          (json_int_t)schedule_switches(&result->choices.run)));
    return object;
}

json_t *output_hunt_json(const hunt_result *result, const char *file_or_null)
{
    json_t *object =
        output_result_json(&trial_scenario, NULL, result->seconds, result->found ? &result->told : NULL, file_or_null);
    output_add_measures(object, json_pack("{s:I, s:I, s:I, s:I}", "runs", (json_int_t)result->runs, "operations",
                                          (json_int_t)result->operations, "states", (json_int_t)result->states, "kept",
                                          (json_int_t)result->kept));
    return object;
}

void output_json(json_t *root)
{
    if (json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0 || putchar('\n') == EOF ||
        fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(root);
}
