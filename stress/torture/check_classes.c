/* SPDX-License-Identifier: MIT */
/* Classes for the check of the program itself: one for each way in which a class can end. */
#include "classes.h"
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static void run_well(const torture_plan *plan, torture_tally *tally)
{
    for (int i = 0; i < (plan->quick ? 3 : 5); i++)
        torture_try(tally);
    (void)puts("what a class prints does not mix with the result");
    (void)fflush(stdout);
}

static void run_badly(const torture_plan *plan, torture_tally *tally)
{
    torture_try(tally);
    torture_try(tally);
    torture_fail(tally, "seed %d broke a promise", (int)plan->seed);
    torture_fail(tally, "the second sentence is not kept");
}

static void crash(const torture_plan *plan, torture_tally *tally)
{
    (void)plan;
    torture_try(tally);
    (void)raise(SIGSEGV);
}

static void hang(const torture_plan *plan, torture_tally *tally)
{
    (void)plan;
    torture_try(tally);
    for (;;)
        (void)pause();
}

/* The class is over, and a process of it still holds what it inherited. */
static void leave_a_process(const torture_plan *plan, torture_tally *tally)
{
    (void)plan;
    torture_try(tally);
    if (fork() == 0)
        for (;;)
            (void)pause();
}

static const torture_class good = {"good", "succeeds", run_well};
static const torture_class bad = {"bad", "breaks a promise twice", run_badly};
static const torture_class crashing = {"crashing", "ends by a signal", crash};
static const torture_class hanging = {"hanging", "does not end", hang};
static const torture_class leaving = {"leaving", "leaves a process behind", leave_a_process};

const torture_class *const torture_classes[] = {&good, &bad, &crashing, &hanging, &leaving, NULL};
