/* SPDX-License-Identifier: MIT */
/*
 * A kind whose releases are written down, each number by itself, so that none can be released twice unseen. A fork
 * copies the book: parent and child count for themselves.
 *
 *   any thread may call any of these at any time
 */
#ifndef TORTURE_LEDGER_H
#define TORTURE_LEDGER_H

#include <safehandle.h>
#include <stdbool.h>
#include <stdint.h>

/* Has a duplicate, and an interrupt that does nothing of its own. */
extern const sh_kind ledger_kind;

/* Before the first number. False: there was no memory for the book. */
bool ledger_open(void);

/* A number that is nobody's, counted as live from now on until it is released. */
sh_raw ledger_number(void);
/* The number was never handed to a handle. */
void ledger_take_back(sh_raw number);

bool ledger_is_released(sh_raw number);
/* How many releases hit a number that was not live. */
uint64_t ledger_wrong_releases(void);
/* How many numbers are live. */
uint64_t ledger_live(void);

typedef enum ledger_callback {
    LEDGER_RELEASE,   /* the release has been written down */
    LEDGER_DUPLICATE, /* nothing has been made yet */
    LEDGER_INTERRUPT
} ledger_callback;

typedef void ledger_action(ledger_callback where);

/* Called in each callback of the kind; NULL for nothing. Set while no handle is in use. */
void ledger_on_callback(ledger_action *action);

#endif
