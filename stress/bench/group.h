/* SPDX-License-Identifier: MIT */
/* What is measured together, in a process of its own. */
#ifndef BENCH_GROUP_H
#define BENCH_GROUP_H

#include "measure.h"
#include <safehandle.h>
#include <stdbool.h>

typedef struct group {
    const char *name;
    /* Ends the process when it cannot be measured; what this machine does not have is left out. */
    void (*run)(bool quick, measurement *out);
} group;

extern const group group_references, group_threads, group_calls, group_close, group_ffi;

/* Starts the library with its defaults, as a program does that names none. */
void group_start_library(void);

/* A handle over the file, made by the library's own helper. */
sh_handle *group_open(const char *path);

#endif
