/* SPDX-License-Identifier: MIT */
/* Another program, and a pipe to it or from it. */
#ifndef STRESS_SPAWNED_H
#define STRESS_SPAWNED_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* A program whose one end of the pipe is its stdin or stdout; ours is the other. */
typedef struct spawned {
    pid_t process;
    FILE *pipe;
} spawned;

/* arguments are NULL-terminated. its_stream: STDIN_FILENO or STDOUT_FILENO. Ends the process when it cannot. */
spawned spawned_start(const char *const *arguments, int its_stream);

/* Closes the pipe. Whether the program ended well. */
bool spawned_wait(spawned running);

/* Where a file of ours was installed, unless the environment names another place. */
const char *spawned_place(const char *variable, const char *installed);

#endif
