/* SPDX-License-Identifier: MIT */
#include "baton.h"
#include "../../die.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>

typedef enum strand_state { STRAND_FREE, STRAND_READY, STRAND_WAITING, STRAND_ENDED } strand_state;

/* Invariant: on is set exactly while it waits; deadline_ms then says for how long. */
typedef struct record {
    strand_state state;
    bool quiet;
    bool timed_out;
    const char *name;
    const void *on;
    int64_t deadline_ms;
    sem_t turn;
} record;

/* Invariant: everything is read and written by the strand that runs; strands below count are in use. */
static struct {
    record strands[BATON_STRANDS];
    size_t count;
    size_t running;
    baton_chooser *chooser;
    void *data;
    void (*stuck)(void);
    int64_t now_ms;
} baton = {.now_ms = 1000000}; /* no deadline of a real clock comes before */

static __thread size_t own = BATON_NOBODY;

/* ---- who is next ------------------------------------------------------------------------------------------------- */

static void list_ready(baton_choice *choice, bool quiet)
{
    choice->count = 0;
    for (size_t i = 0; i < baton.count; i++)
        if (baton.strands[i].state == STRAND_READY && baton.strands[i].quiet == quiet)
            choice->ready[choice->count++] = i;
}

static bool is_listed(const baton_choice *choice, size_t number)
{
    for (size_t i = 0; i < choice->count; i++)
        if (choice->ready[i] == number)
            return true;
    return false;
}

static size_t choose_default(const baton_choice *choice)
{
    return choice->running != BATON_NOBODY ? choice->running : choice->ready[0];
}

/* The first deadline is over. False: nobody waits for one. */
static bool advance_clock(void)
{
    record *first = NULL;
    for (size_t i = 0; i < baton.count; i++) {
        record *each = &baton.strands[i];
        bool waits = each->state == STRAND_WAITING && each->deadline_ms != BATON_FOREVER;
        if (waits && (first == NULL || each->deadline_ms < first->deadline_ms))
            first = each;
    }
    if (first == NULL)
        return false;
    if (first->deadline_ms > baton.now_ms)
        baton.now_ms = first->deadline_ms;
    first->state = STRAND_READY;
    first->timed_out = true;
    return true;
}

static size_t choose(const char *where)
{
    baton_choice choice = {.where = where};
    for (;;) {
        list_ready(&choice, false);
        if (choice.count == 0)
            list_ready(&choice, true);
        if (choice.count > 0)
            break;
        if (!advance_clock()) {
            if (baton.stuck != NULL)
                baton.stuck();
            die("no thread can go on");
        }
    }
    choice.running = is_listed(&choice, own) ? own : BATON_NOBODY;
    return baton.chooser == NULL || choice.count == 1 ? choose_default(&choice) : baton.chooser(&choice, baton.data);
}

/* ---- passing it on ----------------------------------------------------------------------------------------------- */

static void await_turn(void)
{
    while (sem_wait(&baton.strands[own].turn) != 0)
        continue; /* a signal */
}

static void hand_over(size_t next)
{
    baton.running = next;
    (void)sem_post(&baton.strands[next].turn);
}

/* The calling strand may be ready, or wait. Answers whether another was chosen. */
static bool go_on(const char *where)
{
    size_t next = choose(where);
    if (next == own)
        return false;
    hand_over(next);
    await_turn();
    return true;
}

bool baton_pass(const char *where)
{
    return go_on(where);
}

bool baton_wait(const void *on, int64_t deadline_ms, const char *where)
{
    if (deadline_ms <= baton.now_ms) {
        (void)go_on(where);
        return false;
    }
    record *self = &baton.strands[own];
    self->state = STRAND_WAITING;
    self->on = on;
    self->deadline_ms = deadline_ms;
    self->timed_out = false;
    (void)go_on(where);
    self->on = NULL;
    return !self->timed_out;
}

void baton_wake(const void *on)
{
    for (size_t i = 0; i < baton.count; i++)
        if (baton.strands[i].state == STRAND_WAITING && baton.strands[i].on == on)
            baton.strands[i].state = STRAND_READY;
}

static size_t find_other_ready(void)
{
    for (size_t i = 0; i < baton.count; i++)
        if (i != own && baton.strands[i].state == STRAND_READY)
            return i;
    return BATON_NOBODY;
}

void baton_rest(void)
{
    for (size_t other; (other = find_other_ready()) != BATON_NOBODY;) {
        hand_over(other);
        await_turn();
    }
}

/* ---- strands ----------------------------------------------------------------------------------------------------- */

size_t baton_new(const char *name, bool quiet)
{
    size_t made = 0;
    while (made < baton.count && baton.strands[made].state != STRAND_ENDED)
        made++;
    if (made == BATON_STRANDS)
        die("more than %d threads at once", BATON_STRANDS);
    if (made == baton.count) {
        baton.count++;
        (void)sem_init(&baton.strands[made].turn, 0, 0);
    }
    record *fresh = &baton.strands[made];
    fresh->state = STRAND_READY;
    fresh->quiet = quiet;
    fresh->name = name;
    return made;
}

void baton_begin(size_t number)
{
    own = number;
    await_turn();
}

void baton_end(void)
{
    baton.strands[own].state = STRAND_ENDED;
    hand_over(choose("the end of a thread"));
    own = BATON_NOBODY;
}

void baton_start(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    int here = sched_getcpu();
    CPU_SET((size_t)(here < 0 ? 0 : here), &one);
    (void)sched_setaffinity(0, sizeof one, &one); /* may fail: it is slower then */
    own = baton_new("main", false);
    baton.running = own;
}

void baton_choose_with(baton_chooser *chooser_or_null, void *data)
{
    baton.chooser = chooser_or_null;
    baton.data = data;
}

void baton_when_stuck(void (*stuck)(void))
{
    baton.stuck = stuck;
}

bool baton_is_held(void)
{
    return own != BATON_NOBODY;
}

size_t baton_running(void)
{
    return baton.running;
}

const char *baton_name(size_t number)
{
    return baton.strands[number].name;
}

int64_t baton_now_ms(void)
{
    return baton.now_ms;
}
