/* SPDX-License-Identifier: MIT */
/* The system that the interpreted programs call: files under numbers, the lowest free one for each that is opened. Any
 * thread may call it. */
#ifndef EXAMPLE_KERNEL_H
#define EXAMPLE_KERNEL_H

#include <pthread.h>

enum { KERNEL_NUMBERS = 16, KERNEL_FIRST_NUMBER = 3, KERNEL_NO_FILE = 0 };

/* What a program has of an open file is the number; which file it means by it, only the judge knows. */
typedef struct kernel_number {
    int number;
    int file;
} kernel_number;

/* Invariant: files[n] is KERNEL_NO_FILE where n is free; files are numbered from 1, and never again. */
typedef struct kernel {
    pthread_mutex_t lock;
    int files[KERNEL_NUMBERS];
    int opened;
} kernel;

void kernel_make(kernel *of);
/* A violation: a file is still open. */
void kernel_end(kernel *of);

kernel_number kernel_open(kernel *of);
/* A violation in each: under the number there is nothing, or another file than is meant. */
void kernel_read(kernel *of, kernel_number from);
void kernel_close(kernel *of, kernel_number which);

#endif
