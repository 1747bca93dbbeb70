/* SPDX-License-Identifier: MIT */
/* One line on stderr that is written over again and again, when stdout and stderr are both terminals; nothing
 * otherwise: a person who pipes the result on wants it alone. */
#ifndef STRESS_PROGRESS_H
#define STRESS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    bool shown;
    int steps;
    int steps_done;
    const char *doing;
    int64_t start_ms;
} progress;

progress progress_start(int steps);
void progress_begin(progress *p, const char *doing);
/* How far the step is. */
void progress_show(const progress *p, long trials);
/* The same with other words: "recycling: 1,204 schedules" has the last two from here. */
__attribute__((format(printf, 2, 3))) void progress_tell(const progress *p, const char *format, ...);
void progress_step_done(progress *p);
void progress_end(const progress *p);

#endif
