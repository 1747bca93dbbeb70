/* SPDX-License-Identifier: MIT */
/*
 * Recycling: one thread has read the number and is about to call, another closes the owner and opens something else,
 * and the call lands in that.
 *
 * Two forms: a read that is blocked meanwhile (blocked_read.h), and a thread that writes without pause to whatever is
 * open, against one that closes it and opens a victim.
 */
#include "../die.h"
#include "accident.h"
#include "blocked_read.h"
#include "file.h"
#include "thread.h"
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { WRITES_PER_USE = 4, TURNS_THAT_SPAN_A_USE = 2 };

/* Lies on a stack that the collector scans. Invariant: turns counts the writer's looks at owner that are over. */
typedef struct race {
    const approach *approach;
    _Atomic(void *) owner;
    atomic_long turns;
    atomic_bool over;
} race;

/* ---- the thread that writes -------------------------------------------------------------------------------------- */

static void write_once(race *r)
{
    void *owner = atomic_load(&r->owner);
    use u;
    if (owner == NULL || !r->approach->use_begin(owner, &u))
        return;
    for (int i = 0; i < WRITES_PER_USE; i++) {
        (void)sched_yield(); /* the number is in hand, and the call has not begun */
        ssize_t unused = pwrite(u.number, "w", 1, 0);
        (void)unused; /* the victim tells where it went */
    }
    r->approach->use_end(&u);
}

static void *write_on(void *data)
{
    race *r = data;
    while (!atomic_load(&r->over)) {
        write_once(r);
        (void)atomic_fetch_add(&r->turns, 1);
    }
    return NULL;
}

/* ---- the thread that closes -------------------------------------------------------------------------------------- */

/* After this, a use that was going on is over, and another began after the call. */
static void wait_turns(race *r)
{
    long until = atomic_load(&r->turns) + TURNS_THAT_SPAN_A_USE;
    while (atomic_load(&r->turns) < until)
        (void)sched_yield();
}

static bool close_and_reopen(race *r)
{
    file_id unused;
    void *owner = r->approach->open(file_open_call, &unused);
    if (owner == NULL)
        die("nothing could be opened");
    atomic_store(&r->owner, owner);
    wait_turns(r);
    r->approach->close(owner);
    int victim = file_open(&unused);
    wait_turns(r);
    bool violated = file_is_written(victim);
    (void)close(victim);
    return violated;
}

static void run_race(const approach *a, const effort *asked, tally *t)
{
    race r = {.approach = a};
    pthread_t writer = thread_start(write_on, &r);
    form f = form_begin(asked);
    while (form_next(&f, 1) > 0)
        tally_trial(t, close_and_reopen(&r));
    atomic_store(&r.over, true);
    (void)thread_join(writer);
}

static void run(const approach *a, const effort *asked, tally *t)
{
    blocked_read_try_all(a, OWNER_CLOSED, asked, t);
    run_race(a, asked, t);
}

const accident accident_recycling = {
    .name = "recycling",
    .told = "one thread closed the descriptor, and another's call went to the file that got its number next",
    .run = run,
};
