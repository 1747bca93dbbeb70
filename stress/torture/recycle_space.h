/* SPDX-License-Identifier: MIT */
/*
 * Numbers that come free and are used again at once, and what each of them means just now: its tag.
 *
 *   every function   any thread, at any time
 */
#ifndef TORTURE_RECYCLE_SPACE_H
#define TORTURE_RECYCLE_SPACE_H

#include <safehandle.h>
#include <stdbool.h>
#include <stdint.h>

typedef uintptr_t recycle_tag; /* 0: nothing. Given once. */

/* The kind's handles have their tag as context; their release finds out whether the number still means that. */
typedef struct recycle_space {
    const sh_kind *kind;
    bool (*open)(sh_raw *out_number, recycle_tag *out_tag); /* a new object; false: no number is free */
    void (*close)(sh_raw number);
    recycle_tag (*tag_of)(sh_raw number);
} recycle_space;

extern const recycle_space recycle_numbers;     /* a table of our own */
extern const recycle_space recycle_descriptors; /* files in memory; the tag is the inode */

/* How many releases found that the number meant something else. */
uint64_t recycle_wrong_releases(void);

/* How many numbers of the table are in use. */
int recycle_numbers_in_use(void);

#endif
