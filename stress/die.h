/* SPDX-License-Identifier: MIT */
/* The end of a program that could not do its work: DIE_STATUS, and one sentence on stderr that says why. */
#ifndef STRESS_DIE_H
#define STRESS_DIE_H

#include <stddef.h>

enum { DIE_STATUS = 2 };

/* What is being done, put before the sentence from now on: "intptr under recycling". Must outlive the process. */
void die_doing(const char *what);

/* Any thread. */
_Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...);

/* Zeroed memory, which the caller frees; or the end. */
void *die_or_allocate(size_t count, size_t size_bytes);

#endif
