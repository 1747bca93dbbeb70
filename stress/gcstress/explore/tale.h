/* SPDX-License-Identifier: MIT */
/* What happened in one run: which thread came to which checkpoint, and what the scenario tells. */
#ifndef GCSTRESS_TALE_H
#define GCSTRESS_TALE_H

#include "../door/door.h"
#include <stdbool.h>
#include <stddef.h>

enum { TALE_LINES = 512, TALE_TEXT_BYTES = 112, TALE_NAME_BYTES = 16 };

typedef struct tale_line {
    char who[TALE_NAME_BYTES];
    bool told;      /* by the scenario; else the name of a checkpoint */
    door_deed deed; /* sort 0: free text */
    char text[TALE_TEXT_BYTES];
} tale_line;

/* Invariant: violation is empty until the first one; lines behind count are left over; every text is UTF-8. */
typedef struct tale {
    size_t count;
    size_t left_out;       /* there was no room for */
    size_t violation_line; /* how many lines there were before it */
    char violation[2 * TALE_TEXT_BYTES];
    char violator[TALE_NAME_BYTES]; /* who noticed it */
    tale_line lines[TALE_LINES];
} tale;

void tale_clear(tale *of);
void tale_reach(tale *of, const char *who, const char *checkpoint);
__attribute__((format(printf, 3, 0))) void tale_tell(tale *of, const char *who, const char *format, va_list arguments);
__attribute__((format(printf, 4, 0))) void tale_tell_of(tale *of, const char *who, const door_deed *deed,
                                                        const char *format, va_list arguments);
/* The first only. */
__attribute__((format(printf, 3, 0))) void tale_violate(tale *of, const char *who, const char *format,
                                                        va_list arguments);

#endif
