/* SPDX-License-Identifier: MIT */
/* Files that exist in memory only and can be told apart, whatever number they are reached by. */
#ifndef COMPARISON_FILE_H
#define COMPARISON_FILE_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct file_id {
    dev_t device;
    ino_t inode;
} file_id;

/* A new, empty file; the lowest free number, as always. */
int file_open(file_id *out_id);
/* The same, in the form of an open_call: data is a file_id. */
int file_open_call(void *data);

/* Both ends of a new pipe. The id is that of either. */
void file_open_pipe(int *out_read_end, int *out_write_end, file_id *out_id);

/* The number is open, and leads to this very file. */
bool file_is(int number, const file_id *id);

bool file_is_written(int number);

#endif
