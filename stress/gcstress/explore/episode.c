/* SPDX-License-Identifier: MIT */
#include "episode.h"
#include "../../die.h"
#include "../baton/store_buffer.h"
#include "../door/door.h"
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>

/* Invariant: jobs are handed out and taken back by the main strand, while all workers wait at the gate. */
static struct {
    const sh_stress_scenario *scenario;
    void *world;
    tale *told;        /* NULL: nobody listens */
    strategy *choices; /* NULL: outside a run */
    size_t threads;    /* started */
    size_t busy;       /* have not come back */
    bool has_job[EPISODE_THREADS];
} run;

/* ---- states ------------------------------------------------------------------------------------------------------ */

enum { STATES = 1 << 20 };

static struct {
    uint64_t *seen; /* STATES; 0: free. Not static: `run` has a collector that looks through all that is */
    size_t count;
    uint64_t places[BATON_STRANDS]; /* in this run */
} states;

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdu;
}

static void note_place(size_t strand, const char *where)
{
    for (const char *c = where; *c != '\0'; c++)
        states.places[strand] = mix(states.places[strand], (uint64_t)*c);
}

static void note_state(void)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < BATON_STRANDS; i++)
        hash = mix(hash, states.places[i]);
    hash |= hash == 0;
    size_t at = (size_t)(hash % STATES);
    while (states.seen[at] != 0 && states.seen[at] != hash)
        at = (at + 1) % STATES;
    if (states.seen[at] == hash || states.count > STATES / 2)
        return;
    states.seen[at] = hash;
    states.count++;
}

size_t episode_states(void)
{
    return states.count;
}

/* ---- what the threads come through ------------------------------------------------------------------------------- */

static void reach(door_place place, const char *where)
{
    (void)place;
    if (run.choices == NULL || !baton_is_held())
        return;
    tale_reach(run.told, baton_name(baton_running()), where);
    note_place(baton_running(), where);
    store_buffer_pass(where);
}

static void note_store(uintptr_t *word, uintptr_t before)
{
    if (run.choices != NULL && baton_is_held())
        store_buffer_add(word, before);
}

static void note_fence(void)
{
    if (baton_is_held())
        store_buffer_drain();
}

__attribute__((format(printf, 1, 0))) static void tell(const char *format, va_list arguments)
{
    if (run.told != NULL)
        tale_tell(run.told, baton_name(baton_running()), format, arguments);
}

__attribute__((format(printf, 2, 0))) static void tell_of(const door_deed *deed, const char *format, va_list arguments)
{
    if (run.told != NULL)
        tale_tell_of(run.told, baton_name(baton_running()), deed, format, arguments);
}

__attribute__((format(printf, 1, 0))) static void violate(const char *format, va_list arguments)
{
    if (run.told != NULL)
        tale_violate(run.told, baton_name(baton_running()), format, arguments);
}

static const checkpoint_stores stores = {
    .stored = note_store, .fenced = note_fence, .world_stopped = store_buffer_drain_all};
static const door_keeper keeper = {.collector = SH_COLLECTOR_MANUAL,
                                   .reach = reach,
                                   .tell = tell,
                                   .violate = violate,
                                   .tell_of = tell_of,
                                   .stores = &stores};

static size_t choose(const baton_choice *choice, void *choices)
{
    note_state();
    return strategy_choose(choice, choices);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static const char *const names[EPISODE_THREADS] = {"thread 0", "thread 1", "thread 2", "thread 3",
                                                   "thread 4", "thread 5", "thread 6", "thread 7"};

typedef struct start {
    size_t index;
    size_t strand;
} start;

static void *work(void *argument)
{
    start mine = *(start *)argument;
    free(argument);
    baton_begin(mine.strand);
    for (;;) {
        while (!run.has_job[mine.index])
            (void)baton_wait(&run.has_job[mine.index], BATON_FOREVER, "the beginning");
        run.scenario->thread(run.world, mine.index);
        store_buffer_drain(); /* it will wait for the next job */
        run.has_job[mine.index] = false;
        run.busy--;
        baton_wake(&run.busy);
    }
    return NULL;
}

static void start_thread(size_t index)
{
    start *given = die_or_allocate(1, sizeof *given);
    *given = (start){index, baton_new(names[index], false)};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, work, given);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
}

static void run_threads(void)
{
    while (run.threads < run.scenario->thread_count)
        start_thread(run.threads++);
    run.busy = run.scenario->thread_count;
    for (size_t i = 0; i < run.scenario->thread_count; i++) {
        run.has_job[i] = true;
        baton_wake(&run.has_job[i]);
    }
    while (run.busy > 0)
        (void)baton_wait(&run.busy, BATON_FOREVER, "the end");
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

void episode_start(void)
{
    states.seen = die_or_allocate(STATES, sizeof *states.seen);
    baton_start();
    door_keep(&keeper);
    sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    sh_status status = sh_init(&options);
    if (status != SH_OK)
        die("sh_init: %s", sh_status_message(status));
}

void episode_run(const sh_stress_scenario *scenario, const char *approach_or_null, strategy *choices, tale *out_tale)
{
    tale_clear(out_tale);
    memset(states.places, 0, sizeof states.places);
    run.scenario = scenario;
    run.told = out_tale;
    run.world = scenario->begin(approach_or_null);
    baton_rest(); /* what the last run has left to do would be a choice of this one's */
    strategy_begin(choices);
    run.choices = choices;
    baton_choose_with(choose, choices);
    run_threads();
    baton_choose_with(NULL, NULL);
    run.choices = NULL;
    scenario->end(run.world);
    run.told = NULL;
}
