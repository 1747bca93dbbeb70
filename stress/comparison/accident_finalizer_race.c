/* SPDX-License-Identifier: MIT */
/*
 * The finalizer race: the owner's last use is a call that takes only the number. The collector sees the owner dead
 * while the call is running, and its finalizer closes the descriptor.
 *
 * Two forms: a read that is blocked meanwhile (blocked_read.h), and threads that write through their numbers while one
 * collection follows the other.
 */
#include "../deep.h"
#include "../die.h"
#include "accident.h"
#include "blocked_read.h"
#include "file.h"
#include "session.h"
#include "thread.h"
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { WRITERS = 2, ROUNDS_SPANNED = 2 };

/* Invariant: rounds counts the collections that were drained and followed by an open. */
typedef struct race {
    const approach *approach;
    effort each; /* of the writers */
    atomic_long rounds;
    atomic_int running;
} race;

typedef struct writer {
    race *race;
    pthread_t thread;
    long calls; /* these two are read after the thread's end */
    long strayed;
} writer;

typedef struct call {
    const approach *approach;
    use use;
    file_id file;
} call;

/* ---- a thread that writes ---------------------------------------------------------------------------------------- */

static void open_begin_and_drop(void *data)
{
    call *made = data;
    void *owner = made->approach->open(file_open_call, &made->file);
    if (owner == NULL || !made->approach->use_begin(owner, &made->use))
        die("nothing could be opened");
}

/* One call that spans collections. Answers whether it had its own file to the end. */
static bool write_through_collections(race *r, const call *made)
{
    long until = atomic_load(&r->rounds) + ROUNDS_SPANNED;
    bool written = true;
    while (atomic_load(&r->rounds) < until) {
        written = pwrite(made->use.number, "w", 1, 0) == 1 && written;
        (void)sched_yield();
    }
    return written && file_is(made->use.number, &made->file);
}

static void *write_on(void *data)
{
    writer *self = data;
    race *r = self->race;
    form f = form_begin(&r->each);
    while (form_next(&f, 1) > 0) {
        call made = {.approach = r->approach};
        deep_run(open_begin_and_drop, &made);
        self->calls++;
        self->strayed += !write_through_collections(r, &made);
        r->approach->use_end(&made.use);
    }
    (void)atomic_fetch_sub(&r->running, 1);
    return NULL;
}

/* ---- the race ---------------------------------------------------------------------------------------------------- */

/* Somebody else's file is open at all times, and a new one is opened after each collection. */
static void collect_until_over(race *r)
{
    file_id unused;
    int stranger = file_open(&unused);
    while (atomic_load(&r->running) > 0) {
        collect_and_drain();
        int next = file_open(&unused);
        (void)close(stranger);
        stranger = next;
        (void)atomic_fetch_add(&r->rounds, 1);
    }
    (void)close(stranger);
}

static void run_race(const approach *a, const effort *asked, tally *t)
{
    race r = {.approach = a, .each = effort_share(asked, WRITERS), .running = WRITERS};
    writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){.race = &r};
        writers[i].thread = thread_start(write_on, &writers[i]);
    }
    collect_until_over(&r);
    for (int i = 0; i < WRITERS; i++) {
        (void)thread_join(writers[i].thread);
        for (long done = 0; done < writers[i].calls; done++)
            tally_trial(t, done < writers[i].strayed);
    }
}

static void run(const approach *a, const effort *asked, tally *t)
{
    blocked_read_try_all(a, OWNER_DROPPED, asked, t);
    run_race(a, asked, t);
}

const accident accident_finalizer_race = {
    .name = "finalizer-race",
    .told = "the collector closed the descriptor under a call that had only its number",
    .run = run,
};
