/* SPDX-License-Identifier: MIT */
/*
 * Trials of a number that is given to another file while a thread is blocked on it.
 *
 * A thread blocks in read(number). The owner's end comes; another file is opened, which gets the number where it is
 * free; and the collector stops the world. Its signal interrupts the read, and the kernel issues the call again with
 * the same number. Nothing here depends on time: the byte that arrives tells which file was read.
 */
#ifndef COMPARISON_BLOCKED_READ_H
#define COMPARISON_BLOCKED_READ_H

#include "approach.h"
#include "effort.h"
#include "tally.h"

typedef enum owner_end {
    OWNER_DROPPED, /* the call was the owner's last use, and the collector runs its finalizer */
    OWNER_CLOSED   /* another thread closes it */
} owner_end;

void blocked_read_try_all(const approach *a, owner_end end, const effort *asked, tally *t);

#endif
