/* SPDX-License-Identifier: MIT */
#include "rounds.h"
#include "../child.h"
#include "../die.h"
#include "../progress.h"
#include "group.h"

enum { LIMIT_MS = 300000, QUICK_MS = 20000 };

static const group *const groups[] = {&group_references, &group_threads, &group_calls, &group_close, &group_ffi};

enum { GROUPS = sizeof groups / sizeof *groups };

/* ---- in a process of its own ------------------------------------------------------------------------------------- */

static void run_child(const char *name, const child_plan *plan)
{
    die_doing(name);
    const char *failure = child_run(plan);
    if (failure != NULL)
        die("%s", failure);
    die_doing(NULL);
}

typedef struct group_turn {
    const group *group;
    bool quick;
} group_turn;

static void work_group(int report, void *data)
{
    const group_turn *turn = data;
    measurement m = measurement_empty();
    turn->group->run(turn->quick, &m);
    child_report(report, &m, sizeof m);
}

static measurement run_group(const group *of, bool quick)
{
    group_turn turn = {of, quick};
    measurement m = measurement_empty();
    const child_plan plan = {
        .work = work_group, .data = &turn, .record = &m, .record_size_bytes = sizeof m, .limit_ms = LIMIT_MS};
    run_child(of->name, &plan);
    return m;
}

typedef struct population_turn {
    const variant *variant;
    long count;
} population_turn;

static void work_population(int report, void *data)
{
    const population_turn *turn = data;
    census c = population_measure(turn->variant, turn->count);
    child_report(report, &c, sizeof c);
}

static census run_population(const variant *of, long count)
{
    population_turn turn = {of, count};
    census c = {.complete = false};
    const child_plan plan = {
        .work = work_population, .data = &turn, .record = &c, .record_size_bytes = sizeof c, .limit_ms = LIMIT_MS};
    run_child(of->name, &plan);
    if (!c.complete)
        die("%s: its process told nothing", of->name);
    return c;
}

/* ---- what a population tells of the figures ---------------------------------------------------------------------- */

static void take_populations(result *r, int round)
{
    measurement *m = &r->measured[round];
    const census *unwatched = &r->populations[THE_MILLION][UNWATCHED][round];
    const census *no_order = &r->populations[THE_MILLION][NO_ORDER][round];
    const census *handle = &r->populations[THE_MILLION][HANDLE][round];
    m->values[UNWATCHED_PAUSE_MS] = unwatched->pause_ms;
    m->values[UNWATCHED_ALLOCATE_NS] = unwatched->allocate_ns;
    m->values[UNWATCHED_BYTES] = unwatched->bytes;
    m->values[NO_ORDER_PAUSE_MS] = no_order->pause_ms;
    m->values[NO_ORDER_ALLOCATE_NS] = no_order->allocate_ns;
    m->values[NO_ORDER_BYTES] = no_order->bytes;
    m->values[NO_ORDER_FINALIZE_NS] = no_order->finalize_ns;
    m->values[NO_ORDER_FINALIZE_CPU_NS] = no_order->finalize_cpu_ns;
    m->values[HANDLE_PAUSE_MS] = handle->pause_ms;
    m->values[HANDLE_ALLOCATE_NS] = handle->allocate_ns;
    m->values[HANDLE_BYTES] = handle->bytes;
    m->values[HANDLE_FINALIZE_NS] = handle->finalize_ns;
    m->values[HANDLE_FINALIZE_CPU_NS] = handle->finalize_cpu_ns;
    m->values[HANDLE_PAUSE_4M_MS] = r->populations[FOUR_MILLION][HANDLE][round].pause_ms;
}

/* Each round needs the million of each variant, and four million handles. A quick run has the others once, and leaves
 * out what takes longest. */
static bool is_due(const result *r, int round, int size, int who)
{
    bool needed = size == THE_MILLION || (size == FOUR_MILLION && who == HANDLE);
    bool longest = size > THE_MILLION && who == NO_ORDER;
    return needed || !r->quick || (round == 0 && !longest);
}

static int steps_of(const result *r)
{
    int steps = r->rounds * GROUPS;
    for (int round = 0; round < r->rounds; round++)
        for (int size = 0; size < SIZES; size++)
            for (int who = 0; who < VARIANTS; who++)
                steps += is_due(r, round, size, who);
    return steps;
}

static void run_populations(result *r, int round, progress *shown)
{
    for (int size = 0; size < SIZES; size++)
        for (int who = 0; who < VARIANTS; who++) {
            if (!is_due(r, round, size, who))
                continue;
            progress_begin(shown, variants[who]->name);
            r->populations[size][who][round] = run_population(variants[who], r->counts[size]);
            progress_step_done(shown);
        }
    take_populations(r, round);
}

static void run_groups(result *r, int round, progress *shown)
{
    for (int i = 0; i < GROUPS; i++) {
        progress_begin(shown, groups[i]->name);
        measurement m = run_group(groups[i], r->quick);
        measurement_merge(&r->measured[round], &m);
        progress_step_done(shown);
    }
}

void rounds_run(result *r, long million)
{
    for (int size = 0; size < SIZES; size++)
        r->counts[size] = (million << size) / 4;
    progress shown = progress_start(steps_of(r));
    int64_t start_ms = clock_now_ms();
    int done = 0;
    while (done < r->rounds && !(r->quick && done > 0 && clock_now_ms() - start_ms > QUICK_MS)) {
        r->measured[done] = measurement_empty();
        run_groups(r, done, &shown);
        run_populations(r, done, &shown);
        done++;
    }
    r->rounds = done;
    progress_end(&shown);
}
