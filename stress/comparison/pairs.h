/* SPDX-License-Identifier: MIT */
/* Runs the pairs, one after the other, each in a process of its own. */
#ifndef COMPARISON_PAIRS_H
#define COMPARISON_PAIRS_H

#include "result.h"

/* Fills in the result, or ends the program where a pair could not be run, or proved nothing. */
void pairs_run(const effort *asked, result *out_result);

#endif
