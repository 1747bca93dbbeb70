/* SPDX-License-Identifier: MIT */
/* How long an accident is tried: so many trials of each of its forms, or fewer where the machine is slow. */
#ifndef COMPARISON_EFFORT_H
#define COMPARISON_EFFORT_H

#include <stdint.h>

/* Invariant: 0 < least <= most. */
typedef struct effort {
    long least; /* of each form, however long they take */
    long most;
    int64_t limit_ms; /* of each form; EFFORT_NO_LIMIT: all trials are made */
} effort;

enum { EFFORT_NO_LIMIT = -1 };

/* One form while it is tried. Invariant: done <= most. */
typedef struct form {
    long least;
    long most;
    long done;
    int64_t deadline_ms;
} form;

form form_begin(const effort *asked);

/* How many trials to make now: at most so many, and 0 when the form is over. */
long form_next(form *f, long at_most);

/* What each of several threads has to do, so that together they do what is asked. */
effort effort_share(const effort *asked, int threads);

#endif
