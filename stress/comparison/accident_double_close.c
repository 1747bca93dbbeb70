/* SPDX-License-Identifier: MIT */
/*
 * Double close: document 000's two objects over one handle. The first is closed, somebody else's file gets the number,
 * and the end of the second closes that.
 *
 * Two forms: the second is closed by the program, or dropped and closed by its finalizer.
 */
#include "../die.h"
#include "accident.h"
#include "file.h"
#include "session.h"
#include "thread.h"
#include <unistd.h>

enum { BATCH = 64 };

/* Invariant: second_number led to second_file when the victim had been opened. */
typedef struct trial {
    int victim;
    file_id victim_file;
    int second_number;
    file_id second_file;
} trial;

typedef struct batch {
    const approach *approach;
    bool second_is_dropped;
    int count;
    trial trials[BATCH];
} batch;

static int number_of(const approach *a, void *owner)
{
    use u;
    if (!a->use_begin(owner, &u))
        die("the second object is closed from the start");
    a->use_end(&u);
    return u.number;
}

/* Where the second has the number of the first, that leads to the victim by now. */
static void try_once(const batch *b, trial *made)
{
    const approach *a = b->approach;
    int number = file_open(&made->second_file);
    void *first = a->wrap(number);
    void *second = first == NULL ? NULL : a->wrap_again(first, number);
    if (second == NULL)
        die("no second object could be made");
    made->second_number = number_of(a, second);
    a->close(first);
    made->victim = file_open(&made->victim_file);
    if (made->second_number == made->victim)
        made->second_file = made->victim_file;
    if (!b->second_is_dropped)
        a->close(second);
}

static void try_all(void *data)
{
    batch *b = data;
    for (int i = 0; i < b->count; i++)
        try_once(b, &b->trials[i]);
}

static void judge(const batch *b, const trial *made, tally *t)
{
    bool alive = file_is(made->victim, &made->victim_file);
    if (b->second_is_dropped)
        tally_drop(t, !file_is(made->second_number, &made->second_file));
    tally_trial(t, !alive);
    if (alive)
        (void)close(made->victim);
}

static void run_form(const approach *a, bool second_is_dropped, const effort *asked, tally *t)
{
    form f = form_begin(asked);
    for (int count; (count = (int)form_next(&f, BATCH)) > 0;) {
        batch b = {.approach = a, .second_is_dropped = second_is_dropped, .count = count};
        thread_run_apart(try_all, &b);
        if (second_is_dropped)
            collect_and_drain();
        for (int i = 0; i < count; i++)
            judge(&b, &b.trials[i], t);
    }
}

static void run(const approach *a, const effort *asked, tally *t)
{
    run_form(a, false, asked, t);
    run_form(a, true, asked, t);
}

const accident accident_double_close = {
    .name = "double-close",
    .told = "the second of two objects over one descriptor closed the file that had got its number",
    .run = run,
};
