/* SPDX-License-Identifier: MIT */
/*
 * A process of its own for each piece of work, so that the heap, the descriptors and the late finalizers of one cannot
 * reach the next. The parent must not have started a collector or a thread.
 */
#ifndef STRESS_CHILD_H
#define STRESS_CHILD_H

#include <stddef.h>
#include <stdint.h>

enum { CHILD_LOOK_MS = 100 };

/* Invariant: record_size_bytes is at most PIPE_BUF, so that every record is written in one piece. */
typedef struct child_plan {
    void (*work)(int report, void *data); /* in the child; when it returns, the child ends well */
    void (*look)(void *data); /* in the parent, after every record and at least every CHILD_LOOK_MS; NULL: none */
    void *data;
    void *record; /* in the parent: the newest record of the child */
    size_t record_size_bytes;
    int64_t limit_ms; /* a child that takes longer is killed */
} child_plan;

/* NULL when the child ended well; else one sentence that says why not, valid until the next call. */
const char *child_run(const child_plan *plan);

/* Called by the work: sends one record to the parent. */
void child_report(int report, const void *record, size_t record_size_bytes);

/* Milliseconds of a clock that never goes back. */
int64_t clock_now_ms(void);

#endif
