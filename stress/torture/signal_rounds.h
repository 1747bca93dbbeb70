/* SPDX-License-Identifier: MIT */
/* What a thread does once, and again and again, while signals rain. Each answer that it should not get is a failure. */
#ifndef TORTURE_SIGNAL_ROUNDS_H
#define TORTURE_SIGNAL_ROUNDS_H

#include "form.h"

/* Before the first round. */
void signal_rounds_start(const form *of, torture_tally *tally);

typedef void signal_round(void);

/* Each on a thread of its own, all at the same time. NULL is the last. */
extern signal_round *const signal_rounds[];

/* Alone. */
signal_round signal_rounds_restart;

#endif
