/* SPDX-License-Identifier: MIT */
/*
 * Regions: a thread opens a descriptor and stores it, and at one of the steps on its way it is aborted, cancelled, or
 * gets no memory from then on. In a constrained region no descriptor may be lost, whatever the step. Without one, the
 * very same blows have to lose some, or they prove nothing.
 *
 * Source: document 003's "rude thread abort, out-of-memory" between getting a handle and storing it.
 */
#include "base/checkpoint.h"
#include "no_memory.h"
#include "torture.h"
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FULL_TRIES_PER_STEP = 100000, QUICK_TRIES_PER_STEP = 500, UNPROTECTED_TRIES_PER_STEP = 100 };

typedef enum blow { BLOW_ABORT, BLOW_CANCEL, BLOW_MEMORY } blow;

static const char *const BLOW_NAMES[] = {"aborted", "cancelled", "without memory"};

/* ---- one try, on one thread -------------------------------------------------------------------------------------- */

/* Invariant: one try at a time. Its thread writes; who judges reads when that thread has finished. */
static struct {
    blow kind;
    int at;       /* the step at which the blow falls; 0: it does not */
    int reached;  /* steps so far */
    int number;   /* what was opened, or -1 */
    bool refused; /* something failed, or gave up, after what could fail had been done */
    bool memory_is_out;
    sh_handle *stored;  /* by the protected way */
    int *stored_number; /* by the other */
} try;

static _Thread_local bool is_trying;

static void strike(void)
{
    switch (try.kind) {
    case BLOW_ABORT:
        if (sh_thread_abort(gettid()) != SH_OK)
            try.refused = try.number >= 0;
        break;
    case BLOW_CANCEL:
        (void)pthread_cancel(pthread_self());
        break;
    case BLOW_MEMORY:
        try.memory_is_out = true;
        no_memory_begin();
        break;
    }
}

/* A place where a thread may be torn away, as a virtual machine has one at every other instruction. True: it is
 * aborted, and gives up where it stands. */
static bool step(void)
{
    if (++try.reached == try.at)
        strike();
    if (try.kind == BLOW_CANCEL)
        pthread_testcancel();
    return sh_safepoint() == SH_E_ABORTED;
}

/* The library's own checkpoints are steps of the try, too. True: it gets no memory there. */
static bool on_checkpoint(const char *name)
{
    (void)name;
    if (!is_trying)
        return false;
    is_trying = false; /* a step goes through checkpoints itself */
    if (step())
        try.refused = true; /* an abort that was told inside */
    is_trying = true;
    return try.memory_is_out;
}

static int open_one(void)
{
    try.number = eventfd(0, EFD_CLOEXEC);
    return try.number;
}

/* ---- the two ways ------------------------------------------------------------------------------------------------ */

static void inside(void)
{
    sh_handle *made;
    try.refused = true; /* until the end is reached */
    if (step() || sh_create(&sh_kind_event, NULL, &made) != SH_OK || step())
        return;
    int number = open_one();
    if (step() || sh_set_handle(made, number) != SH_OK || step())
        return;
    try.stored = made;
    if (step())
        return;
    try.refused = false;
}

static void protected_way(void)
{
    sh_region region;
    const sh_reserve reserve = {.handle_count = 1};
    is_trying = true;
    if (!step() && sh_region_enter(&region, &reserve) == SH_OK) {
        inside();
        if (sh_region_leave(&region) == SH_OK)
            (void)step();
    }
    is_trying = false;
}

/* As with .NET's IntPtr: the number is kept in an object of its own. */
static void unprotected_way(void)
{
    if (step())
        return;
    int number = open_one();
    if (step())
        return;
    int *box = malloc(sizeof *box);
    if (box == NULL)
        return;
    if (step()) {
        free(box); /* as a collector would */
        return;
    }
    *box = number;
    try.stored_number = box;
    (void)step();
}

/* ---- tries ------------------------------------------------------------------------------------------------------- */

typedef void way(void);

static void close_stored(void)
{
    if (try.stored != NULL) {
        (void)sh_close(try.stored);
        if (sh_host_drop(try.stored) == SH_E_CLOSED)
            try.refused = true;
    }
    if (try.stored_number != NULL) {
        (void)close(*try.stored_number);
        free(try.stored_number);
    }
}

/* Whether the descriptor was lost; then it is closed here. */
static bool is_lost(void)
{
    if (try.number < 0 || fcntl(try.number, F_GETFD) < 0)
        return false;
    (void)close(try.number);
    return true;
}

static void *walk(void *the_way)
{
    (*(way *const *)the_way)();
    if (try.memory_is_out)
        (void)no_memory_end();
    return NULL;
}

/* Only a cancellation costs a thread. */
static bool try_once(way *the_way, blow kind, int at)
{
    try.kind = kind;
    try.at = at;
    try.reached = 0;
    try.number = -1;
    try.refused = false;
    try.memory_is_out = false;
    try.stored = NULL;
    try.stored_number = NULL;
    pthread_t thread;
    if (kind != BLOW_CANCEL)
        (void)walk(&the_way);
    else if (pthread_create(&thread, NULL, walk, &the_way) == 0)
        (void)pthread_join(thread, NULL);
    while (sh_safepoint() == SH_E_ABORTED)
        continue; /* an abort that nobody met is not for the next try */
    close_stored();
    return is_lost();
}

/* The second try: the first one meets what happens only once in a process. */
static int count_steps(way *the_way, blow kind)
{
    (void)try_once(the_way, kind, 0);
    (void)try_once(the_way, kind, 0);
    return try.reached;
}

static void run_protected(blow kind, int tries_per_step, torture_tally *tally)
{
    int steps = count_steps(protected_way, kind);
    for (int at = 1; at <= steps; at++)
        for (int i = 0; i < tries_per_step; i++) {
            torture_try(tally);
            if (try_once(protected_way, kind, at))
                torture_fail(tally, "%s at step %d of %d, a region lost a descriptor", BLOW_NAMES[kind], at, steps);
            else if (try.refused)
                torture_fail(tally, "%s at step %d of %d, something failed inside a region", BLOW_NAMES[kind], at,
                             steps);
        }
}

static void run_unprotected(blow kind, torture_tally *tally)
{
    int steps = count_steps(unprotected_way, kind), lost = 0;
    for (int at = 1; at <= steps; at++)
        for (int i = 0; i < UNPROTECTED_TRIES_PER_STEP; i++)
            lost += try_once(unprotected_way, kind, at);
    torture_try(tally);
    if (lost < UNPROTECTED_TRIES_PER_STEP) /* at one step at least each try loses its descriptor */
        torture_fail(tally, "%s without a region, only %d descriptors were lost: the blows prove nothing",
                     BLOW_NAMES[kind], lost);
}

static void run(blow kind, const torture_plan *plan, torture_tally *tally)
{
    torture_must(sh_init(NULL), "sh_init");
    checkpoint_set_hook(on_checkpoint);
    run_unprotected(kind, tally);
    run_protected(kind, plan->quick ? QUICK_TRIES_PER_STEP : FULL_TRIES_PER_STEP, tally);
    checkpoint_set_hook(NULL);
}

/* ---- the classes ------------------------------------------------------------------------------------------------- */

static void run_abort(const torture_plan *plan, torture_tally *tally)
{
    run(BLOW_ABORT, plan, tally);
}

static void run_cancel(const torture_plan *plan, torture_tally *tally)
{
    run(BLOW_CANCEL, plan, tally);
}

static void run_memory(const torture_plan *plan, torture_tally *tally)
{
    run(BLOW_MEMORY, plan, tally);
}

const torture_class torture_region_abort = {
    .name = "region-abort", .what = "sh_thread_abort at every step between open and store", .run = run_abort};
const torture_class torture_region_cancel = {
    .name = "region-cancel", .what = "pthread_cancel at every step between open and store", .run = run_cancel};
const torture_class torture_region_memory = {
    .name = "region-memory", .what = "no memory from every step between open and store on", .run = run_memory};
