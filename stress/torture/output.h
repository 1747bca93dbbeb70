/* SPDX-License-Identifier: MIT */
/* Both to stdout; die when it cannot be written. */
#ifndef TORTURE_OUTPUT_H
#define TORTURE_OUTPUT_H

#include "run.h"
#include <stddef.h>

void output_json(const torture_outcome *outcomes, size_t count);
void output_table(const torture_outcome *outcomes, size_t count);

#endif
