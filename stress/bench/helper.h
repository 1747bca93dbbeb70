/* SPDX-License-Identifier: MIT */
/* The two Python programs beside this one: what measures the peers, and what draws. */
#ifndef BENCH_HELPER_H
#define BENCH_HELPER_H

#include <jansson.h>
#include <stdbool.h>

/* Runs what measures the peers; an empty array, and a line on stderr, when that is not there or fails. */
json_t *helper_measure_peers(bool quick);

/* Draws what was measured into the files that are named; either may be NULL. Ends the process when it cannot. */
void helper_draw(const json_t *measured, const char *html_file, const char *svg_directory);

#endif
