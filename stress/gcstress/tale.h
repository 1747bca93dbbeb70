/* SPDX-License-Identifier: MIT */
/* What happened in one run: which strand came to which checkpoint, and what the scenario tells. The last run's only. */
#ifndef GCSTRESS_TALE_H
#define GCSTRESS_TALE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum { TALE_LINES = 512, TALE_TEXT_BYTES = 112 };

typedef struct tale_line {
    unsigned char strand;
    bool told; /* by the scenario; else the name of a checkpoint */
    char text[TALE_TEXT_BYTES];
} tale_line;

/* Invariant: violation is empty until the first one; lines behind count are left over. */
typedef struct tale {
    size_t count;
    size_t left_out; /* there was no room for */
    size_t violation_line; /* how many lines there were before it */
    char violation[2 * TALE_TEXT_BYTES];
    tale_line lines[TALE_LINES];
} tale;

void tale_clear(tale *of);
void tale_reach(tale *of, size_t strand, const char *checkpoint);
void tale_tell(tale *of, size_t strand, const char *format, va_list arguments);
/* The first only. */
void tale_violate(tale *of, const char *format, va_list arguments);

#endif
