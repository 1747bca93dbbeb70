/* SPDX-License-Identifier: MIT */
/*
 * The roll: at which of the library's checkpoints a class has done what it does. "At every checkpoint" is then
 * something that can be found wrong: also when the library gets a checkpoint more.
 *
 *   roll_open, roll_judge   the class's own process, before and after its forms
 *   roll_mark               any thread of any process that the class forks
 */
#ifndef TORTURE_ROLL_H
#define TORTURE_ROLL_H

#include "torture.h"
#include <stddef.h>

/* Every checkpoint in the library's sources, written by checkpoint_names.py. NULL is the last. */
extern const char *const roll_names[];

void roll_open(void);
void roll_mark(const char *name);

/* A checkpoint that the class need not come to. */
typedef struct roll_excuse {
    const char *name; /* NULL is the last */
    const char *why;
} roll_excuse;

/* A checkpoint that was not marked is a failure, unless it is excused; so is an excuse for one that is not there. */
void roll_judge(const roll_excuse *excuses, torture_tally *tally);

#endif
