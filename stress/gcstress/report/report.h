/* SPDX-License-Identifier: MIT */
/* The page with pictures: drawn by report.py, which python3 runs. */
#ifndef GCSTRESS_REPORT_H
#define GCSTRESS_REPORT_H

#include <jansson.h>
#include <stdbool.h>

/* Ends the program where nothing could be drawn, and says what is missing. */
void report_require(void);

/* Into the file, which is written over. False: it said on stderr why not. */
bool report_draw(const json_t *document, const char *path);

#endif
