/* SPDX-License-Identifier: MIT */
/*
 * Users by lease against closers, with the parts that are compiled into the program: what the barrier is there for, in
 * tight loops, since a processor delays a write for some nanoseconds only. Whatever they do, no value is released under
 * its user, and none stays for ever. The argument `manual`: the host; ThreadSanitizer sees that one only.
 */
#include "base/atomic.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { DUEL_ROUNDS = 20000, PLACE_STEPS = 4000 };
#else
enum { DUEL_ROUNDS = 60000, PLACE_STEPS = 40000 };
#endif

static bool manual;

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void drop(sh_handle *h)
{
    if (manual)
        CHECK(sh_host_drop(h) == SH_OK);
}

/* ---- duels: one step of each side, as close together as can be --------------------------------------------------- */

enum { SPINS_BEFORE_YIELDING = 2000, LONGEST_DELAY = 512, LOOKS_WHILE_INSIDE = 40, SIDES = 2, MADE_AT_ONCE = 1000 };

/* Invariant: what a side does in a round lies between two meetings. */
static struct {
    sh_handle *made[MADE_AT_ONCE];
    sh_handle *h;
    atomic_word gone;    /* the value is released */
    atomic_word arrived; /* at meetings, by both sides together */
    void (*challenge)(unsigned *seed);
    void (*prepare)(void);
} duel;

static int note_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    atomic_word_store_release(&duel.gone, 1);
    return 0;
}

static const sh_kind duel_kind = {
    .name = "duel", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = note_release};

/* Without a system call, while both run. */
static void meet(word_t *in_out_meetings)
{
    (void)atomic_word_add_full(&duel.arrived, 1);
    word_t all = ++*in_out_meetings * SIDES;
    for (int spins = 0; atomic_word_load_acquire(&duel.arrived) < all; spins++)
        if (spins > SPINS_BEFORE_YIELDING)
            (void)sched_yield();
}

static void delay(unsigned *seed)
{
    for (volatile unsigned left = next(seed) % LONGEST_DELAY; left > 0; left--)
        continue;
}

enum { FAR_BYTES = 1 << 24, LINES = 48, FROM_LINE_TO_LINE_BYTES = 4096 + 64 };

/* Beyond the caches that are near, and farther from each other than what is fetched ahead. */
static volatile char far_away[FAR_BYTES];

#define FAR_1(i) line[(i)*FROM_LINE_TO_LINE_BYTES] = 1
#define FAR_4(i) FAR_1(i), FAR_1((i) + 1), FAR_1((i) + 2), FAR_1((i) + 3)
#define FAR_16(i) FAR_4(i), FAR_4((i) + 4), FAR_4((i) + 8), FAR_4((i) + 12)

/* Writes reach memory in order, so one that follows those of lines far away is late by as long as they take. Nothing
 * else is written in between: a processor keeps some dozens back only. */
static void keep_writes_back(unsigned *seed)
{
    volatile char *line = far_away + (size_t)next(seed) * (FAR_BYTES - LINES * FROM_LINE_TO_LINE_BYTES) / 65536;
    FAR_16(0), FAR_16(16), FAR_16(32);
}

static void lease_once(void)
{
    sh_lease lease;
    sh_raw raw;
    CHECK(sh_lease_begin(&lease, duel.h, &raw) == SH_OK);
    sh_lease_end(&lease);
}

static sh_lease held;

static void hold(void)
{
    sh_raw raw;
    CHECK(sh_lease_begin(&held, duel.h, &raw) == SH_OK);
}

static void enter(unsigned *seed)
{
    sh_lease lease;
    sh_raw raw;
    delay(seed);
    keep_writes_back(seed);
    if (sh_lease_begin(&lease, duel.h, &raw) != SH_OK)
        return;
    bool still_open = true;
    for (int look = 0; look < LOOKS_WHILE_INSIDE && still_open; look++)
        still_open = atomic_word_load(&duel.gone) == 0;
    CHECK(still_open);
    sh_lease_end(&lease);
}

static void leave(unsigned *seed)
{
    delay(seed);
    keep_writes_back(seed);
    sh_lease_end(&held);
}

static void *challenge(void *unused)
{
    unsigned seed = 1;
    word_t meetings = 0;
    for (int round = 0; round < DUEL_ROUNDS && atomic_word_load(&tap.failures) == 0; round++) {
        meet(&meetings);
        duel.prepare();
        meet(&meetings);
        meet(&meetings);
        duel.challenge(&seed);
        meet(&meetings);
        meet(&meetings); /* so that both see the same failures */
    }
    return unused;
}

/* As an unload leaves it: nobody new, and a barrier behind that. */
static void drain(sh_handle *h)
{
    state_word_drain(&h->state);
    if (platform_barrier())
        (void)state_word_fenced(&h->state);
}

/* So that a round has the two sides only, and not the threads that handles die on. */
static void make_all(void)
{
    for (int i = 0; i < MADE_AT_ONCE; i++)
        CHECK(sh_wrap(&duel_kind, 7, NULL, &duel.made[i]) == SH_OK);
}

static void drop_all(void)
{
    for (int i = 0; i < MADE_AT_ONCE; i++) {
        (void)sh_close(duel.made[i]);
        drop(duel.made[i]);
    }
}

static void close_against(word_t *in_out_meetings, unsigned *seed, bool drained)
{
    meet(in_out_meetings);
    meet(in_out_meetings);
    if (drained)
        drain(duel.h);
    meet(in_out_meetings);
    delay(seed);
    (void)sh_close(duel.h);
    meet(in_out_meetings);
    CHECK(atomic_word_load_acquire(&duel.gone) == 1);
    meet(in_out_meetings);
}

/* Whatever the other side does, the value is gone when both are through. */
static void fight(void (*prepare)(void), void (*other_side)(unsigned *seed), bool drained)
{
    pthread_t challenger;
    unsigned seed = 2;
    word_t meetings = 0;
    atomic_word_store(&duel.arrived, 0);
    duel.prepare = prepare;
    duel.challenge = other_side;
    make_all();
    (void)pthread_create(&challenger, NULL, challenge, NULL);
    for (int round = 0; round < DUEL_ROUNDS && atomic_word_load(&tap.failures) == 0; round++) {
        if (round > 0 && round % MADE_AT_ONCE == 0) {
            drop_all();
            make_all();
        }
        duel.h = duel.made[round % MADE_AT_ONCE];
        atomic_word_store(&duel.gone, 0);
        close_against(&meetings, &seed, drained);
    }
    (void)pthread_join(challenger, NULL);
    drop_all();
}

static void nobody_enters_what_is_released(void)
{
    fight(lease_once, enter, false);
}

static void the_last_to_leave_releases(void)
{
    fight(hold, leave, false);
}

/* The closer needs no barrier then, so who leaves has to fence. */
static void the_last_to_leave_releases_while_its_domain_is_unloaded(void)
{
    fight(hold, leave, true);
}

int main(int count, char **arguments)
{
    manual = count > 1 && strcmp(arguments[1], "manual") == 0;
    sh_options options = {.collector = manual ? SH_COLLECTOR_MANUAL : SH_COLLECTOR_BOEHM};
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(nobody_enters_what_is_released);
    TAP_RUN(the_last_to_leave_releases);
    TAP_RUN(the_last_to_leave_releases_while_its_domain_is_unloaded);
    CHECK(sh_shutdown(10000) == SH_OK);
    return tap_end();
}
