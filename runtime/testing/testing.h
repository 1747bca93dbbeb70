/* SPDX-License-Identifier: MIT */
/*
 * What tests share: a hook into the checkpoints, a kind that counts its releases, a sink that keeps what it was told,
 * and garbage that a conservative collector cannot hold on to.
 *
 * Not synchronised unless it says so: a test sets things up before it starts threads.
 */
#ifndef TESTING_TESTING_H
#define TESTING_TESTING_H

#include "base/atomic.h"
#include "base/checkpoint.h"
#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

/* At the nth time (from 1) that name is reached from now on: runs step(data), and makes it fail where it can. NULL
 * step: only fails. One at a time; testing_at_nothing takes it away. */
void testing_at(const char *name, int nth, void (*step)(void *data), void *data);
/* The same at every time from the nth on. */
void testing_from(const char *name, int nth, void (*step)(void *data), void *data);
void testing_at_nothing(void);
/* How often the name given last was reached since then. */
int testing_reached(void);

/* ---- a kind that tells ------------------------------------------------------------------------------------------- */

/* 0 and -1 are invalid; base is NULL. Any thread. */
extern const sh_kind testing_kind;
/* The same with testing_kind as its base. */
extern const sh_kind testing_derived_kind;

typedef struct testing_releases {
    size_t count;
    sh_raw last_raw;
    void *last_context;
} testing_releases;

testing_releases testing_released(void);
size_t testing_interrupts(void);

/* What the next releases do before they count: NULL for nothing. */
void testing_on_release(int (*action)(sh_raw raw, void *context));

/* ---- events ------------------------------------------------------------------------------------------------------ */

enum { TESTING_MESSAGE_SIZE_BYTES = 512 };

typedef struct testing_event {
    sh_event event;
    char message[TESTING_MESSAGE_SIZE_BYTES];
} testing_event;

/* Installs the sink. Any thread, from here on. */
void testing_listen(void);
/* Tells what is still in the table, and answers how many events of this type came, and the newest. */
size_t testing_events(sh_event_type type, testing_event *out_newest_or_null);
/* The sum of their counts. */
uint64_t testing_events_sum(sh_event_type type);
/* The same of those told so far, for a test that cannot wait for the lanes. */
uint64_t testing_events_heard(sh_event_type type);

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/* sh_init with a deadline that suits a test, or abort. Then testing_listen. */
void testing_start_manual(void);
void testing_start_boehm(void);
enum { TESTING_DEADLINE_MS = 200 };

/* Ends with a wait for the lanes, or aborts. */
void testing_settle(void);

/* ---- garbage ----------------------------------------------------------------------------------------------------- */

/* Calls make(i, data) for each i below count, deep in the stack, then writes over that stack, so that nothing of what
 * make had stays in it or in a register. */
void testing_make_garbage(size_t count, void (*make)(size_t i, void *data), void *data);

/* The number of open file descriptors of this process. */
size_t testing_open_descriptors(void);

#endif
