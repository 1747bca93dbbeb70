/* SPDX-License-Identifier: MIT */
/* A file that is there whole or not at all: written under another name beside it, and then renamed. */
#ifndef GCSTRESS_OUTPUT_FILE_H
#define GCSTRESS_OUTPUT_FILE_H

enum { OUTPUT_PATH_BYTES = 4096 };

/* Invariant: between begin and end, there is a file with the name `temporary`, in the directory of `path`. */
typedef struct output_file {
    char path[OUTPUT_PATH_BYTES];
    char temporary[OUTPUT_PATH_BYTES + 16];
} output_file;

/* Ends the program where no such file can be made; makes none. */
void output_file_try(const char *path);

/* Makes the file under its temporary name; empty. */
void output_file_begin(output_file *of, const char *path);
void output_file_end(output_file *of);
/* Nothing of it is left. */
void output_file_drop(const output_file *of);

#endif
