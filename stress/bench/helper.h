/* SPDX-License-Identifier: MIT */
/* The two Python programs beside this one: what measures the peers, and what draws. */
#ifndef BENCH_HELPER_H
#define BENCH_HELPER_H

#include <jansson.h>
#include <stdbool.h>

/* Runs what measures the peers. Answers an object with two arrays: "peers", and as "missing" those that could not be
 * measured and why. Both are empty, and a line on stderr says so, when the program is not there or told nothing. */
json_t *helper_measure_peers(bool quick);

/* The same as if nothing had been asked for. */
json_t *helper_no_peers(void);

/* Draws what was measured into the files that are named; either may be NULL. Ends the process when it cannot. */
void helper_draw(const json_t *measured, const char *html_file, const char *svg_directory);

#endif
