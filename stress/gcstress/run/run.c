/* SPDX-License-Identifier: MIT */
#include "run.h"
#include "../../die.h"
#include "../explore/apart.h"
#include "crew.h"
#include "force.h"
#include "gc/gc_host.h"
#include "here.h"
#include <errno.h>
#include <gc/gc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_SECONDS = 30, TICK_NS = 5000000, LAST_COLLECTIONS = 20, LAST_WAIT_MS = 1000, POINTS_PER_RUN = 64 };

static volatile sig_atomic_t interrupted;

void run_interrupt(void)
{
    interrupted = 1;
}

bool run_is_interrupted(void)
{
    return interrupted != 0;
}

uint64_t run_collections(const run_result *of)
{
    return of->small + of->full + of->unmap;
}

/* ---- in the process of its own ----------------------------------------------------------------------------------- */

/* A small heap that one thread marks: a collection is then little more than stopping the threads. */
static void start_library(const run_plan *plan)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    if (plan->scenario->collect == NULL) {
        options.collector = SH_COLLECTOR_BOEHM;
        GC_set_markers_count(1);
        here_listen();
    }
    sh_status status = sh_init(&options);
    if (status != SH_OK)
        die("sh_init: %s", sh_status_message(status));
}

static void count_handle(void *handle, void *count)
{
    (void)handle;
    ++*(uint64_t *)count;
}

static void add_point(run_result *into, double seconds)
{
    if (into->point_count == RUN_POINTS)
        return;
    run_point *added = &into->points[into->point_count];
    *added = (run_point){.seconds = seconds, .collections = run_collections(into)};
    gc->visit_watched(GC_EVERY_GROUP, count_handle, &added->live_handles);
    into->point_count++;
}

static bool is_found(const run_result *of)
{
    return __atomic_load_n(&of->found, __ATOMIC_ACQUIRE);
}

static bool is_over(const run_plan *plan, const run_result *of, double seconds)
{
    return is_found(of) || __atomic_load_n(&of->interrupted, __ATOMIC_ACQUIRE) || seconds >= plan->seconds;
}

/* What the last rounds have dropped. */
static void collect_the_rest(const run_plan *plan, run_result *into)
{
    for (int i = 0; i < LAST_COLLECTIONS && into->finalized < into->dropped && plan->scenario->collect == NULL; i++) {
        GC_gcollect();
        (void)sh_wait_for_pending_finalizers(LAST_WAIT_MS);
    }
}

static void run_here(const run_plan *plan, run_result *into)
{
    start_library(plan);
    force_start(plan, into);
    double begun = apart_now_seconds(), elapsed = 0;
    crew_start(plan, into);
    for (double next_point = 0; !is_over(plan, into, elapsed); elapsed = apart_now_seconds() - begun) {
        if (elapsed >= next_point) {
            add_point(into, elapsed);
            next_point += plan->seconds / POINTS_PER_RUN;
        }
        crew_nap(TICK_NS);
    }
    into->seconds = elapsed;
    if (is_found(into))
        return; /* what a violation leaves behind may keep the rest from ending */
    crew_stop();
    add_point(into, elapsed);
    collect_the_rest(plan, into);
}

_Noreturn static void be_child(const run_plan *plan, run_result *into)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN); /* the parent says when */
    run_here(plan, into);
    _exit(0);
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

static void note_violation(run_result *of, double seconds, const char *what, const char *detail)
{
    (void)snprintf(of->told.violation, sizeof of->told.violation, "%s: %s", what, detail);
    of->told.violation_line = of->told.count;
    of->found = true;
    of->seconds = seconds;
}

static void note_end(run_result *of, int status, bool hung, double seconds)
{
    if (hung)
        note_violation(of, seconds, "no round comes to its end", "its threads wait for each other, or loop");
    else if (WIFSIGNALED(status))
        note_violation(of, seconds, "the program crashed", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        die("the process that ran it could not go on");
}

/* SIGINT is held back until the child ignores it. */
static pid_t start_child(const run_plan *plan, run_result *into)
{
    sigset_t interrupt, before;
    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &interrupt, &before);
    (void)fflush(NULL); /* or the child has the parent's output, too */
    pid_t child = fork();
    if (child < 0)
        die("fork: %s", strerror(errno));
    if (child == 0)
        be_child(plan, into);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return child;
}

typedef struct heartbeat {
    uint64_t beats;
    double seconds;
} heartbeat;

/* Whether nothing has ended for so long that nothing will. */
static bool is_hung(heartbeat *last, const run_result *shared, double seconds)
{
    uint64_t beats = shared->rounds + shared->finalized + shared->found;
    if (beats != last->beats)
        *last = (heartbeat){beats, seconds};
    return seconds - last->seconds > HANG_SECONDS;
}

void run_run(const run_plan *plan, run_result *out_result, run_watcher *watch, void *data)
{
    run_result *shared = apart_allocate(sizeof *shared);
    double begun = apart_now_seconds(), elapsed = 0;
    pid_t child = start_child(plan, shared);
    heartbeat last = {0};
    bool hung = false;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        elapsed = apart_now_seconds() - begun;
        if (run_is_interrupted())
            __atomic_store_n(&shared->interrupted, true, __ATOMIC_RELEASE);
        if (!hung && is_hung(&last, shared, elapsed)) {
            hung = true;
            (void)kill(child, SIGKILL);
        }
        watch(shared, elapsed, data);
        struct timespec tick = {.tv_nsec = TICK_NS * 4};
        (void)nanosleep(&tick, NULL);
    }
    note_end(shared, status, hung, elapsed);
    *out_result = *shared;
    apart_free(shared, sizeof *shared);
}
