/* SPDX-License-Identifier: MIT */
/* A command line as a shell takes it: for a person to copy. */
#ifndef GCSTRESS_COMMAND_LINE_H
#define GCSTRESS_COMMAND_LINE_H

#include <stddef.h>

enum { COMMAND_LINE_BYTES = 8192 };

/* Invariant: text is a string of that length; what does not fit is left out. */
typedef struct command_line {
    char text[COMMAND_LINE_BYTES];
    size_t length;
} command_line;

/* "gcstress replay", with the name that this program was called by. */
void command_line_begin(command_line *of, const char *command);
void command_line_add(command_line *to, const char *word);

/* What runs again what `command` has found and put into file; valid until the next call. */
const char *command_line_replay(const char *command, const char *file);

#endif
