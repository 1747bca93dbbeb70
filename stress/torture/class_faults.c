/* SPDX-License-Identifier: MIT */
/*
 * faults: every call that the library makes outside itself fails, in turn, under every public function.
 *
 * The lists of fault_case.h have a case for each exported function; one that has none fails here. A case is run once to
 * see what it reaches; then once for each call that it reached, each time it was reached, each errno value of the
 * call's manual page, for that one time and from then on: with Boehm's collector and the manual host, on a thread that
 * is known to the library and on one that is not. Each of these is a process of its own.
 *
 * What must hold (fault_trial.c): an answer that the function's page gives for it; errno as it was, or with
 * SH_E_SYSTEM what the system said; on failure, outputs, descriptors and the handle as they were, and no memory that
 * each failure loses; afterwards everything works, a shutdown releases everything, and no descriptor is left.
 *
 * Seen to fail: before the library kept errno in each of its calls out of the house, before sh_thread_detach minded
 * that pthread_setspecific can fail, and with thread_attach not giving back the record that it could not use.
 */
#include "../die.h"
#include "fault_trial.h"
#include "trial.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { TRIAL_LIMIT_S = 60, AT_ONCE = 4, COLLECTORS = 2, THREADS = 2, MOST_TIMES = 64 };

static const sh_collector collectors[COLLECTORS] = {SH_COLLECTOR_BOEHM, SH_COLLECTOR_MANUAL};

/* ---- the list of cases is complete ------------------------------------------------------------------------------- */

static const fault_case *const lists[] = {fault_base_cases, fault_call_cases, fault_domain_cases, fault_region_cases,
                                          fault_waking_cases};

/* The ith of all lists; NULL: there are not so many. */
static const fault_case *case_at(size_t i)
{
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++)
        for (const fault_case *each = lists[list]; each->symbol != NULL; each++)
            if (i-- == 0)
                return each;
    return NULL;
}

static size_t count_cases(void)
{
    size_t count = 0;
    while (case_at(count) != NULL)
        count++;
    return count;
}

static bool is_known(const char *symbol)
{
    for (size_t i = 0; case_at(i) != NULL; i++)
        if (strcmp(case_at(i)->symbol, symbol) == 0)
            return true;
    for (size_t i = 0; i < fault_free_symbol_count; i++)
        if (strcmp(fault_free_symbols[i], symbol) == 0)
            return true;
    return false;
}

static void check_cases(torture_tally *tally)
{
    for (const char *const *symbol = fault_exported_symbols; *symbol != NULL; symbol++) {
        torture_try(tally);
        if (!is_known(*symbol))
            torture_fail(tally, "%s is exported, and has no case in fault_….c", *symbol);
    }
}

/* ---- all faults of a case ---------------------------------------------------------------------------------------- */

/* Of one case with one host on one sort of thread; in memory that is shared with the trials. */
typedef int reached_counts[COLLECTORS][THREADS][FAULT_CALL_COUNT];

static reached_counts *map_counts(void)
{
    void *counts =
        mmap(NULL, count_cases() * sizeof(reached_counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        die("memory for the counts: %s", strerror(errno));
    return counts;
}

/* A wait goes on after EINTR: on and on, it would never end. */
static bool may_go_on(const fault_plan *plan)
{
    return plan->call != FAULT_sem_wait && plan->call != FAULT_sem_clockwait;
}

static void fail_call(trial_pool *pool, fault_trial trial, int times)
{
    for (int nth = 1; nth <= times && nth <= MOST_TIMES; nth++)
        for (const int *error = fault_errors(trial.plan.call); *error != 0; error++)
            for (int onwards = 0; onwards <= (may_go_on(&trial.plan) ? 1 : 0); onwards++) {
                trial.plan = (fault_plan){trial.plan.call, nth, onwards == 1, *error};
                trial_start(pool, fault_trial_name(&trial), fault_trial_run, &trial);
            }
}

/* The collector is started by the main thread. */
static bool applies(const fault_case *of, int thread)
{
    return thread == 0 || (of->flags & FAULT_STARTS) == 0;
}

static fault_trial trial_of(size_t i, int collector, int thread)
{
    return (fault_trial){.of = case_at(i), .collector = collectors[collector], .fresh_thread = thread == 1};
}

static void count_all(trial_pool *pool, reached_counts *counts)
{
    for (size_t i = 0; case_at(i) != NULL; i++)
        for (int collector = 0; collector < COLLECTORS; collector++)
            for (int thread = 0; thread < THREADS; thread++) {
                fault_trial trial = trial_of(i, collector, thread);
                trial.out_reached = counts[i][collector][thread];
                if (applies(trial.of, thread))
                    trial_start(pool, fault_trial_name(&trial), fault_trial_run, &trial);
            }
    trial_wait_all(pool);
}

static void fail_all(trial_pool *pool, reached_counts *counts)
{
    for (size_t i = 0; case_at(i) != NULL; i++)
        for (int collector = 0; collector < COLLECTORS; collector++)
            for (int thread = 0; thread < THREADS; thread++)
                for (fault_call call = 0; call < FAULT_CALL_COUNT; call++) {
                    fault_trial trial = trial_of(i, collector, thread);
                    trial.plan.call = call;
                    fail_call(pool, trial, counts[i][collector][thread][call]);
                }
    trial_wait_all(pool);
}

static void run(const torture_plan *plan, torture_tally *tally)
{
    (void)plan; /* they are all needed, and take a minute at most */
    check_cases(tally);
    trial_pool pool = {.tally = tally, .at_once = AT_ONCE, .limit_s = TRIAL_LIMIT_S};
    reached_counts *counts = map_counts();
    count_all(&pool, counts);
    fail_all(&pool, counts);
}

const torture_class torture_faults = {"faults", "every call of every function fails, in turn, in every way", run};
