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

static void add_failure(json_t *to, const tale *told, const char *file_or_null)
{
    (void)json_object_set_new(to, "violation", json_string(told->violation));
    (void)json_object_set_new(to, "tale", output_tale_json(told));
    (void)json_object_set_new(to, "file", file_or_null == NULL ? json_null() : json_string(file_or_null));
}

json_t *output_search_json(const search_plan *plan, const search_result *result, const char *file_or_null)
{
    json_t *object =
        json_pack("{s:s, s:s?, s:s?, s:s, s:I, s:I, s:I, s:f, s:b, s:I, s:b}", "scenario", plan->scenario->name,
                  "approach", plan->approach, "retells", plan->scenario->retells, "never", plan->scenario->violation,
                  "seed", (json_int_t)plan->seed, "schedules", (json_int_t)result->schedules, "states",
                  (json_int_t)result->states, "seconds", result->seconds, "complete", (int)result->is_complete,
                  "complete_to", (json_int_t)result->complete_to, "found", (int)result->found);
    if (object == NULL)
        die("no memory");
    if (result->found) {
        (void)json_object_set_new(object, "found_by", json_string(result->found_by));
        add_failure(object, &result->last->told, file_or_null);
    }
    return object;
}

json_t *output_replay_json(const explore_plan *plan, const explore_result *result, const char *file)
{
    json_t *object =
        json_pack("{s:s, s:s?, s:s?, s:s, s:I, s:f, s:b, s:I}", "scenario", plan->scenario->name, "approach",
                  plan->approach, "retells", plan->scenario->retells, "never", plan->scenario->violation, "seed",
                  (json_int_t)plan->seed, "seconds", result->seconds, "found", (int)result->found, "switches",
                  (json_int_t)schedule_switches(&result->choices.run));
    if (object == NULL)
        die("no memory");
    if (result->found)
        add_failure(object, &result->told, file);
    return object;
}

json_t *output_hunt_json(const hunt_result *result, const char *file_or_null)
{
    json_t *object =
        json_pack("{s:s, s:n, s:n, s:s, s:I, s:I, s:I, s:I, s:f, s:b}", "scenario", trial_scenario.name, "approach",
                  "retells", "never", trial_scenario.violation, "runs", (json_int_t)result->runs, "operations",
                  (json_int_t)result->operations, "states", (json_int_t)result->states, "kept",
                  (json_int_t)result->kept, "seconds", result->seconds, "found", (int)result->found);
    if (object == NULL)
        die("no memory");
    if (result->found)
        add_failure(object, &result->told, file_or_null);
    return object;
}

void output_json(json_t *root)
{
    if (json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0 || putchar('\n') == EOF ||
        fflush(stdout) != 0)
        die("stdout cannot be written");
    json_decref(root);
}
