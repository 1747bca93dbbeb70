/* SPDX-License-Identifier: MIT */
/* What the commands print: for a person, or one JSON object for each scenario and approach. */
#ifndef GCSTRESS_OUTPUT_H
#define GCSTRESS_OUTPUT_H

#include "../explore/search.h"
#include "../fuzz/hunt.h"
#include <jansson.h>

/* A column for each strand, a line for each thing that was told, and the violation where it happened. */
void output_tale(const tale *told);

/* How wide the first two columns of the table are. */
typedef struct output_widths {
    int scenario, approach;
} output_widths;

/* scenarios is NULL-terminated. */
output_widths output_widths_of(const sh_stress_scenario *const *scenarios);
void output_search_heading(output_widths widths);
void output_search(output_widths widths, const search_plan *plan, const search_result *result,
                   const char *file_or_null);

void output_hunt(const hunt_result *result, const char *file_or_null);
void output_hunt_heading(void);

/* What every result has; violated_or_null where something was found, and then the file to replay it with. */
json_t *output_result_json(const sh_stress_scenario *scenario, const char *approach_or_null, double seconds,
                           const tale *violated_or_null, const char *file_or_null);
/* What its command has measured besides; takes that over. */
void output_add_measures(json_t *to, json_t *measures);
json_t *output_search_json(const search_plan *plan, const search_result *result, const char *file_or_null);
json_t *output_replay_json(const explore_plan *plan, const explore_result *result, const char *file);
json_t *output_hunt_json(const hunt_result *result, const char *file_or_null);
json_t *output_tale_json(const tale *told);
/* Ends the program where stdout cannot be written. */
void output_json(json_t *root);

#endif
