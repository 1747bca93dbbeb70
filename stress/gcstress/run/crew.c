/* SPDX-License-Identifier: MIT */
#define GC_NO_THREAD_REDIRECTS /* under the manual host there is no collector */
#include "crew.h"
#include "../../dice.h"
#include "../../die.h"
#include "../door/door.h"
#include "force.h"
#include "here.h"
#include <gc/gc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Invariant: world is NULL outside a round; going is written by the first member, between two barriers. */
typedef struct group {
    pthread_barrier_t gate;
    atomic_size_t arrived;
    size_t number;
    uint64_t round;
    bool going;
    void *world;
    tale *told;
} group;

typedef struct member {
    group *group;
    size_t index;
    pthread_t thread;
} member;

static struct {
    const run_plan *plan;
    run_result *result;
    group *groups;
    size_t group_count;
    member *members;
    size_t member_count;
    atomic_bool is_running;
    atomic_bool stops;
    pthread_mutex_t tale_lock; /* covers every tale, and found */
    atomic_size_t strangers;   /* threads of the library that have come by */
} crew = {.tale_lock = PTHREAD_MUTEX_INITIALIZER};

/* The calling thread; group is NULL for one of the library's. */
static _Thread_local struct {
    const group *group;
    char who[TALE_NAME_BYTES];
    uint64_t dice;  /* a state of dice_split */
    bool has_ended; /* what is left of it, the collector does not know */
} self;

/* ---- what the threads come through ------------------------------------------------------------------------------- */

/* The same for the same seed, thread and round. */
static void take_dice(size_t thread, uint64_t round)
{
    uint64_t state = crew.plan->seed;
    state = dice_split(&state) ^ thread;
    self.dice = dice_split(&state) ^ round;
}

/* A thread of the library's has the name that the system knows, and dice of its own. */
static const char *own_name(void)
{
    if (self.who[0] == '\0') {
        (void)pthread_getname_np(pthread_self(), self.who, sizeof self.who);
        take_dice(RUN_THREADS + atomic_fetch_add(&crew.strangers, 1), 0);
    }
    return self.who;
}

/* Not where the collector has stopped whoever holds the lock. After a violation the tale stays as it is. */
static bool open_tales(void)
{
    if (!atomic_load(&crew.is_running) || here_is_collector_locked())
        return false;
    (void)pthread_mutex_lock(&crew.tale_lock);
    if (!crew.result->found)
        return true;
    (void)pthread_mutex_unlock(&crew.tale_lock);
    return false;
}

static void close_tales(void)
{
    (void)pthread_mutex_unlock(&crew.tale_lock);
}

/* What a thread of the library's does may be for any group: each is told. */
static bool is_for(const group *of)
{
    return self.group == NULL || self.group == of;
}

static void reach(door_place place, const char *where)
{
    if (!atomic_load(&crew.is_running) || here_is_collector_locked() || self.has_ended)
        return;
    const char *who = own_name();
    if (open_tales()) {
        for (size_t i = 0; i < crew.group_count; i++)
            if (is_for(&crew.groups[i]))
                tale_reach(crew.groups[i].told, who, where);
        close_tales();
    }
    force_at(place, where, &self.dice, self.group == NULL ? NULL : self.group->world);
}

__attribute__((format(printf, 2, 0))) static void tell_of(const door_deed *deed, const char *format, va_list arguments)
{
    const char *who = own_name();
    if (!open_tales())
        return;
    for (size_t i = 0; i < crew.group_count; i++) {
        if (!is_for(&crew.groups[i]))
            continue;
        va_list copy;
        va_copy(copy, arguments);
        tale_tell_of(crew.groups[i].told, who, deed, format, copy);
        va_end(copy);
    }
    close_tales();
}

__attribute__((format(printf, 1, 0))) static void tell(const char *format, va_list arguments)
{
    tell_of(&(door_deed){.number = 0}, format, arguments);
}

/* The first group's tale is the result's, so that it is there after a crash, too. A thread of the library's does not
 * say for which group it was at work: the first one stands for all. */
__attribute__((format(printf, 1, 0))) static void violate(const char *format, va_list arguments)
{
    const char *who = own_name();
    if (!open_tales())
        return;
    tale *told = crew.groups[self.group == NULL ? 0 : self.group->number].told;
    tale_violate(told, who, format, arguments);
    if (told != &crew.result->told)
        crew.result->told = *told;
    crew.result->found = true;
    close_tales();
}

static void count_dropped(void)
{
    (void)__atomic_fetch_add(&crew.result->dropped, 1, __ATOMIC_RELAXED);
}

static void count_finalized(void)
{
    (void)__atomic_fetch_add(&crew.result->finalized, 1, __ATOMIC_RELAXED);
}

static door_keeper keeper = {.reach = reach,
                             .tell = tell,
                             .violate = violate,
                             .tell_of = tell_of,
                             .dropped = count_dropped,
                             .finalized = count_finalized};

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static void *nap(void *duration_ns)
{
    struct timespec duration = {.tv_nsec = *(const long *)duration_ns};
    (void)nanosleep(&duration, NULL);
    return NULL;
}

static void *wait_at_gate(void *of)
{
    (void)pthread_barrier_wait(&((group *)of)->gate);
    return NULL;
}

/* A thread that the collector knows to be waiting costs it no signals. */
static void wait_blocked(void *(*wait)(void *data), void *data)
{
    if (crew.plan->scenario->collect == NULL)
        (void)GC_do_blocking(wait, data);
    else
        (void)wait(data);
}

void crew_nap(long duration_ns)
{
    wait_blocked(nap, &duration_ns);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static void call_self_main(void)
{
    (void)snprintf(self.who, sizeof self.who, "main");
}

static void begin_round(group *of)
{
    of->going = !atomic_load(&crew.stops);
    if (!of->going)
        return;
    atomic_store(&of->arrived, 0);
    call_self_main();
    if (open_tales()) {
        tale_clear(of->told);
        close_tales();
    }
    of->world = crew.plan->scenario->begin(crew.plan->approach);
}

static void end_round(group *of)
{
    void *ended = of->world;
    of->world = NULL;
    call_self_main();
    crew.plan->scenario->end(ended);
    of->round++;
    (void)__atomic_fetch_add(&crew.result->rounds, 1, __ATOMIC_RELAXED);
}

enum { MOST_SPINS = 3000 };

/* The gate wakes one after the other: whoever is early waits a moment for the rest, if they have processors. */
static void start_together(group *of)
{
    size_t wanted = crew.plan->scenario->thread_count;
    atomic_fetch_add(&of->arrived, 1);
    for (int i = 0; i < MOST_SPINS && atomic_load(&of->arrived) < wanted; i++)
        continue;
}

static void *work(void *argument)
{
    const member *own = argument;
    group *of = own->group;
    self.group = of;
    for (;;) {
        take_dice((size_t)(own - crew.members), of->round);
        if (own->index == 0)
            begin_round(of);
        wait_blocked(wait_at_gate, of);
        if (!of->going)
            break;
        (void)snprintf(self.who, sizeof self.who, "thread %zu", own->index);
        start_together(of);
        crew.plan->scenario->thread(of->world, own->index);
        wait_blocked(wait_at_gate, of);
        if (own->index == 0)
            end_round(of);
    }
    self.has_ended = true;
    return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

static void make_group(size_t number)
{
    group *made = &crew.groups[number];
    made->number = number;
    made->told = number == 0 ? &crew.result->told : die_or_allocate(1, sizeof *made->told);
    (void)pthread_barrier_init(&made->gate, NULL, (unsigned)crew.plan->scenario->thread_count);
}

static void start_member(size_t number)
{
    size_t in_group = crew.plan->scenario->thread_count;
    member *made = &crew.members[number];
    *made = (member){.group = &crew.groups[number / in_group], .index = number % in_group};
    int error = crew.plan->scenario->collect == NULL ? GC_pthread_create(&made->thread, NULL, work, made)
                                                     : pthread_create(&made->thread, NULL, work, made);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
}

void crew_start(const run_plan *plan, run_result *into)
{
    size_t in_group = plan->scenario->thread_count;
    crew.plan = plan;
    crew.result = into;
    crew.group_count = plan->threads < 2 * in_group ? 1 : plan->threads / in_group;
    crew.member_count = crew.group_count * in_group;
    crew.groups = die_or_allocate(crew.group_count, sizeof *crew.groups);
    crew.members = die_or_allocate(crew.member_count, sizeof *crew.members);
    into->threads = crew.member_count;
    for (size_t i = 0; i < crew.group_count; i++)
        make_group(i);
    keeper.collector = plan->scenario->collect == NULL ? SH_COLLECTOR_BOEHM : SH_COLLECTOR_MANUAL;
    door_keep(&keeper);
    atomic_store(&crew.is_running, true);
    for (size_t i = 0; i < crew.member_count; i++)
        start_member(i);
}

void crew_stop(void)
{
    atomic_store(&crew.stops, true);
    for (size_t i = 0; i < crew.member_count; i++) {
        if (crew.plan->scenario->collect == NULL)
            (void)GC_pthread_join(crew.members[i].thread, NULL);
        else
            (void)pthread_join(crew.members[i].thread, NULL);
    }
    atomic_store(&crew.is_running, false);
}
