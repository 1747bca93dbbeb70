/* SPDX-License-Identifier: MIT */
/* One RESULT of the document (output_request.h), as the forms that other programs read show it. */
#ifndef GCSTRESS_OUTPUT_RESULT_H
#define GCSTRESS_OUTPUT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

bool result_is_found(const json_t *result);
double result_seconds(const json_t *result);
/* "" where it is null, or not there. */
const char *result_text(const json_t *result, const char *member);

/* "recycling, intptr" */
const char *result_name(const json_t *result);

/* "thread 0: holds number 3", for each line that was told, and the violation where it happened. */
void result_each_line(const json_t *result, void (*take)(const char *line, void *data), void *data);

/* Every form that is made of the document: one for programs that show tests, in a file; and on stdout. */
void output_junit(const json_t *document, FILE *to);
void output_tap(const json_t *document);

#endif
