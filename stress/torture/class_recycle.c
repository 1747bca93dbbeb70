/* SPDX-License-Identifier: MIT */
/*
 * recycle: eight threads use, close, replace and drop shared handles, and each number that comes free is opened again
 * at once for something else. While a user holds a lease or a reference, its number must mean what the handle was made
 * for.
 *
 * What a number means is its tag: numbers of our own, with the tag in a table, for speed; then real descriptors, where
 * the tag is the file's inode. A mismatch is a number that means something else while it is being used, or when it is
 * released.
 *
 * That the harness can see one is shown in each run: the same threads with raw numbers, and no library in between, must
 * find some. Seen to fail, too, with stress/mutants/claim-under-users.mutant.
 */
#include "form.h"
#include "recycle_race.h"
#include "recycle_space.h"
#include <stddef.h>

enum { LIMIT_S = 600 };
enum { OPERATIONS = 10000000, REAL_OPERATIONS = 200000, RAW_OPERATIONS = 200000, QUICK_SHARE = 20 };

static uint64_t share(const torture_plan *plan, uint64_t operations)
{
    return plan->quick ? operations / QUICK_SHARE : operations;
}

static void run_numbers(const form *of, const torture_plan *plan, torture_tally *tally)
{
    form_start(of);
    recycle_race race = {
        .of = of, .space = &recycle_numbers, .operations = share(plan, OPERATIONS), .seed = plan->seed};
    recycle_race_run(&race, tally);
    form_stop(of, tally);
    recycle_race_judge(&race, tally);
}

static void run_descriptors(const form *of, const torture_plan *plan, torture_tally *tally)
{
    int before = torture_open_descriptors();
    form_start(of);
    recycle_race race = {
        .of = of, .space = &recycle_descriptors, .operations = share(plan, REAL_OPERATIONS), .seed = plan->seed};
    recycle_race_run(&race, tally);
    form_stop(of, tally);
    recycle_race_judge(&race, tally);
    int left = torture_open_descriptors() - before;
    if (left != 0)
        torture_fail(tally, "%s: %d descriptors were left open", of->name, left);
}

/* Without the library: blind harnesses find nothing. */
static void run_raw(const form *of, const torture_plan *plan, torture_tally *tally)
{
    recycle_race race = {.of = of,
                         .space = &recycle_numbers,
                         .operations = share(plan, RAW_OPERATIONS),
                         .seed = plan->seed,
                         .raw = true};
    recycle_race_run(&race, tally);
    if (race.mismatches == 0)
        torture_fail(tally, "%s: no mismatch was found, so the harness finds none", of->name);
}

static void run(const torture_plan *plan, torture_tally *tally)
{
    static const form forms[] = {
        {"raw numbers", SH_COLLECTOR_DEFAULT, run_raw, LIMIT_S},
        {"collector, numbers", SH_COLLECTOR_BOEHM, run_numbers, LIMIT_S},
        {"collector, descriptors", SH_COLLECTOR_BOEHM, run_descriptors, LIMIT_S},
        {"manual host, numbers", SH_COLLECTOR_MANUAL, run_numbers, LIMIT_S},
        {"manual host, descriptors", SH_COLLECTOR_MANUAL, run_descriptors, LIMIT_S},
        {0},
    };
    form_run_all(forms, plan, tally);
}

const torture_class torture_recycle = {
    "recycle", "eight threads on shared handles whose numbers are used again at once: none means something else", run};
