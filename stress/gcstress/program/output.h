/* SPDX-License-Identifier: MIT */
/* What the commands print: for a person, or one JSON object for each scenario and approach. */
#ifndef GCSTRESS_OUTPUT_H
#define GCSTRESS_OUTPUT_H

#include "../explore/search.h"
#include <jansson.h>

/* A column for each strand, a line for each thing that was told, and the violation where it happened. */
void output_tale(const tale *told);

void output_search(const search_plan *plan, const search_result *result, const char *file_or_null);
void output_search_heading(void);

json_t *output_search_json(const search_plan *plan, const search_result *result, const char *file_or_null);
json_t *output_tale_json(const tale *told);
/* Ends the program where stdout cannot be written. */
void output_json(json_t *root);

#endif
