/* SPDX-License-Identifier: MIT */
#include "force.h"
#include "../../dice.h"
#include "../../die.h"
#include "../baton/locks.h"
#include "here.h"
#include "sites.h"
#include <gc/gc.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

static const run_plan *plan;
static run_result *result;
static _Thread_local bool is_inside;

void force_start(const run_plan *given, run_result *into)
{
    plan = given;
    result = into;
    if ((given->level & RUN_AT_NEW_SITES) != 0)
        sites_start();
    bool needs_little = (given->level & RUN_LITTLE_AT_CHECKPOINTS) != 0 || given->mix;
    if (needs_little && given->scenario->collect == NULL) {
        GC_enable_incremental();
        if (!GC_is_incremental_mode())
            die("this collector cannot collect a little at a time: leave out --mix, and 8 from the level");
    }
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

/* Which bits of the level the place answers to. */
static unsigned levels_of(door_place place)
{
    unsigned bits = RUN_AT_CHECKPOINTS | RUN_LITTLE_AT_CHECKPOINTS;
    if (place == DOOR_ALLOCATION)
        bits |= RUN_AT_ALLOCATIONS;
    if (place == DOOR_CROSSING)
        bits |= RUN_AT_CROSSINGS;
    return bits;
}

static bool can_collect(const void *world_or_null)
{
    if (is_inside)
        return false;
    if (plan->scenario->collect != NULL)
        return world_or_null != NULL && locks_held() == 0;
    return !here_is_collector_locked() && GC_thread_is_registered();
}

/* Answers the bits that ask for a collection here; 0: none. */
static unsigned asked_for(door_place place, const char *where)
{
    unsigned asked = plan->level == RUN_AT_NEW_SITES ? RUN_AT_CHECKPOINTS : plan->level & levels_of(place);
    if (asked != 0 && (plan->level & RUN_AT_NEW_SITES) != 0 && !sites_is_new(where))
        return 0;
    return asked;
}

/* ---- collections ------------------------------------------------------------------------------------------------- */

static void count(uint64_t *number)
{
    (void)__atomic_fetch_add(number, 1, __ATOMIC_RELAXED);
}

/* A step of a collection, or its beginning: another is begun where none is under way. */
static void collect_a_little(void)
{
    GC_start_incremental_collection();
    (void)GC_collect_a_little();
    count(&result->small);
}

static void collect_fully(void (*collect)(void), uint64_t *number)
{
    uint64_t before = here_collections();
    collect();
    if (here_collections() != before)
        count(number);
}

static void collect(bool little, uint64_t *dice, void *world)
{
    uint64_t percent = plan->mix ? dice_split(dice) % 100 : 90;
    if (plan->scenario->collect != NULL) {
        if (plan->scenario->collect(world))
            count(&result->full);
    } else if (little || percent < 90) {
        collect_a_little();
    } else if (!plan->mix || percent < 98) {
        collect_fully(GC_gcollect, &result->full);
    } else {
        collect_fully(GC_gcollect_and_unmap, &result->unmap);
    }
}

/* ---- others ------------------------------------------------------------------------------------------------------ */

enum { SPINS = 2000, PLACES = 48, NAP_NS = 10000, IDLE_NAPS = 5 };

static atomic_uint_fast64_t places; /* that any thread has come to */

/* Until others have come by some places, so that what a collection has begun comes to its end however slow it is here;
 * or until they seem to have none to go to. */
static void wait_for_others(uint64_t thrown)
{
    uint64_t seen = atomic_load(&places), enough = seen + 1 + thrown % PLACES;
    const struct timespec nap = {.tv_nsec = NAP_NS};
    for (int idle = 0; idle < IDLE_NAPS && seen < enough; idle++) {
        (void)nanosleep(&nap, NULL);
        uint64_t now = atomic_load(&places);
        if (now != seen)
            idle = 0;
        seen = now;
    }
}

/* Mostly a moment, so that two threads that run at the same time meet in different ways. */
static void let_others_in(uint64_t *dice)
{
    uint64_t thrown = dice_split(dice);
    uint64_t often = thrown % 32;
    if (often == 0)
        wait_for_others(thrown >> 8);
    else if (often < 4)
        (void)sched_yield();
    else if (often < 6)
        for (uint64_t i = (thrown >> 8) % SPINS; i > 0; i--)
            atomic_signal_fence(memory_order_seq_cst); /* a turn that the compiler keeps */
}

void force_at(door_place place, const char *where, uint64_t *dice, void *world_or_null)
{
    if (here_is_collector_locked())
        return; /* all others wait for this thread */
    atomic_fetch_add(&places, 1);
    unsigned asked = can_collect(world_or_null) ? asked_for(place, where) : 0;
    if (asked != 0) {
        is_inside = true;
        collect(asked == RUN_LITTLE_AT_CHECKPOINTS, dice, world_or_null);
        is_inside = false;
    }
    let_others_in(dice);
}
