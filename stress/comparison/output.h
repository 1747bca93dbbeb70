/* SPDX-License-Identifier: MIT */
/* The result on stdout: for a person, or for a program. */
#ifndef COMPARISON_OUTPUT_H
#define COMPARISON_OUTPUT_H

#include "result.h"

/* A table, and a sentence for each accident. Colours on a terminal only, and not where NO_COLOR is set. */
void output_table(const result *r);

/* An array of one object for each pair, and nothing else. */
void output_json(const result *r);

#endif
