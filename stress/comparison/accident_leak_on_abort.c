/* SPDX-License-Identifier: MIT */
/*
 * Leak on abort: the thread is torn away, or memory runs out, after the OS has given the number and before anybody has
 * stored it. Document 003 calls what prevents it a constrained region.
 *
 * The abort is injected at the same place for every approach: inside the call that opens, when it has the number.
 */
#include "../die.h"
#include "accident.h"
#include "file.h"
#include "memory.h"
#include "session.h"
#include "thread.h"
#include <gc/gc.h> /* pthread_cancel, as a program on this collector calls it */
#include <unistd.h>

typedef enum abort_kind {
    ABORT_NOTHING, /* to see that a dropped owner is found at all */
    ABORT_BY_CANCELLATION,
    ABORT_BY_MEMORY
} abort_kind;

enum { BATCH = 64 };

typedef struct trial {
    const approach *approach;
    abort_kind abort;
    int number;
    file_id file;
    bool found; /* the collector found the owner dead, and the number was closed by that */
} trial;

static int open_and_abort(void *data)
{
    trial *self = data;
    self->number = file_open(&self->file);
    if (self->abort == ABORT_BY_CANCELLATION) {
        (void)pthread_cancel(pthread_self());
        pthread_testcancel();
    } else if (self->abort == ABORT_BY_MEMORY) {
        memory_exhaust();
    }
    return self->number;
}

/* What it opens, it drops: no owner is reachable when the thread has ended. */
static void *open_and_drop(void *data)
{
    trial *self = data;
    (void)self->approach->open(open_and_abort, self);
    if (self->abort == ABORT_BY_MEMORY)
        memory_refill();
    pthread_testcancel(); /* where a cancellation that was held back is due */
    return NULL;
}

static void try_once(trial *self)
{
    bool cancelled = thread_join(thread_start(open_and_drop, self));
    if (cancelled != (self->abort == ABORT_BY_CANCELLATION))
        die("a thread was %s", cancelled ? "cancelled by somebody else" : "not cancelled");
}

static bool is_open(const trial *self)
{
    return file_is(self->number, &self->file);
}

/* Answers whether all are closed. */
static bool look_for_found(trial *trials, int count)
{
    bool all = true;
    for (int i = 0; i < count; i++) {
        trials[i].found = !is_open(&trials[i]);
        all = trials[i].found && all;
    }
    return all;
}

/* What only the end of the runtime closed is late and not leaked; but where many are late, the trials prove nothing. */
static void judge(const trial *self, tally *t)
{
    bool leaked = is_open(self);
    if (self->abort == ABORT_NOTHING || !leaked)
        tally_drop(t, self->found);
    if (self->abort != ABORT_NOTHING)
        tally_trial(t, leaked);
    if (leaked)
        (void)close(self->number);
}

static void run_batch(const approach *a, abort_kind abort, int count, tally *t)
{
    trial trials[BATCH];
    for (int i = 0; i < count; i++) {
        trials[i] = (trial){.approach = a, .abort = abort};
        try_once(&trials[i]);
    }
    collect_and_drain();
    if (!look_for_found(trials, count) && abort != ABORT_NOTHING)
        session_restart();
    for (int i = 0; i < count; i++)
        judge(&trials[i], t);
}

static void run_form(const approach *a, abort_kind abort, const effort *asked, tally *t)
{
    form f = form_begin(asked);
    for (int count; (count = (int)form_next(&f, BATCH)) > 0;)
        run_batch(a, abort, count, t);
}

static void run(const approach *a, const effort *asked, tally *t)
{
    run_form(a, ABORT_NOTHING, asked, t);
    run_form(a, ABORT_BY_CANCELLATION, asked, t);
    run_form(a, ABORT_BY_MEMORY, asked, t);
}

const accident accident_leak_on_abort = {
    .name = "leak-on-abort",
    .told = "a thread that was cancelled, or had no memory left, between open and store left the descriptor open",
    .run = run,
};
