/* SPDX-License-Identifier: MIT */
/*
 * A failure in a file: scenario, approach, seed and schedule, as JSON. Replaying it gives the same run every time; the
 * seed says which search found it, and is not needed for that.
 */
#ifndef GCSTRESS_SCHEDULE_FILE_H
#define GCSTRESS_SCHEDULE_FILE_H

#include "schedule.h"

enum { SCHEDULE_NAME_BYTES = 128 };

typedef struct schedule_file {
    char scenario[SCHEDULE_NAME_BYTES];
    char approach[SCHEDULE_NAME_BYTES]; /* empty: none */
    char violation[SCHEDULE_NAME_BYTES * 2];
    uint64_t seed;     /* of the search that found it; 0: not known */
    schedule schedule; /* only count and taken of each choice */
} schedule_file;

/* Ends the program where it cannot be written. */
void schedule_file_write(const char *path, const schedule_file *written);

/* Ends the program where there is no such file, or it is none of ours. */
void schedule_file_read(const char *path, schedule_file *out_read);

#endif
