/* SPDX-License-Identifier: MIT */
/*
 * signals: SIGPWR, SIGXCPU and SIGUSR1, each at 10 kHz, to every thread of the process in turn, the library's and the
 * collector's among them, during everything.
 *
 * SIGPWR and SIGXCPU are libgc's own: it suspends threads with the one and restarts them with the other. One of these
 * that the collector has not sent cannot be promised to do no harm: docs/embedding.md says what happened. So in the
 * first form the two come from the collector alone, which collects without pause; in the second the collector was told
 * to use other signals before it started, and all three are the program's; in the others there is no collector, or the
 * runtime starts and stops all the time.
 *
 * The handler of SIGUSR1 is installed without SA_RESTART, and takes a lease and a reference (lease.h says when it may).
 * Nothing of ours may answer EINTR, or anything but what it must; no handler may run on a thread of ours; nothing may
 * be left.
 *
 * Seen to fail with stress/mutants/our-threads-take-signals.mutant.
 */
#include "signal_load.h"
#include "signal_storm.h"
#include <gc/gc.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

enum { SECONDS = 20, QUICK_SECONDS = 2, LIMIT_S = 300, LOOK_MS = 10 };

static const int usr1_only[] = {SIGUSR1};
static const int all_three[] = {SIGUSR1, SIGPWR, SIGXCPU};

static void install(void (*handler)(int signal), int signal, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(signal, &action, NULL);
}

/* Until so many were sent, however long a busy machine takes for it. */
static void wait_for_signals(const signal_storm *storm, uint64_t count)
{
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    while (atomic_load(&storm->sent) < count)
        (void)nanosleep(&pause, NULL);
}

static void rage_over(const form *of, const torture_plan *plan, torture_tally *tally, signal_storm *storm,
                      bool restarts)
{
    install(signal_load_handle, SIGUSR1, 0);
    if (storm->signal_count > 1) {
        install(signal_load_handle, SIGPWR, SA_RESTART);
        install(signal_load_handle, SIGXCPU, SA_RESTART);
    }
    signal_load_start(of, tally, restarts);
    signal_storm_start(storm);
    wait_for_signals(storm, (uint64_t)STORM_HZ * (plan->quick ? QUICK_SECONDS : SECONDS));
    signal_storm_stop(storm);
    signal_load_stop();
}

/* Before the collector starts. */
static void use_other_signals_to_collect(void)
{
    GC_set_suspend_signal(SIGRTMIN + 4);
    GC_set_thr_restart_signal(SIGRTMIN + 5);
}

static void rage_beside_the_collectors(const form *of, const torture_plan *plan, torture_tally *tally)
{
    signal_storm storm = {.signals = usr1_only, .signal_count = 1};
    rage_over(of, plan, tally, &storm, false);
}

static void rage_with_all(const form *of, const torture_plan *plan, torture_tally *tally)
{
    signal_storm storm = {.signals = all_three, .signal_count = 3};
    use_other_signals_to_collect();
    rage_over(of, plan, tally, &storm, false);
}

static void rage_over_restarts(const form *of, const torture_plan *plan, torture_tally *tally)
{
    signal_storm storm = {.signals = all_three, .signal_count = 3};
    use_other_signals_to_collect();
    rage_over(of, plan, tally, &storm, true);
}

static void run(const torture_plan *plan, torture_tally *tally)
{
    static const form forms[] = {
        {"collector", SH_COLLECTOR_BOEHM, rage_beside_the_collectors, LIMIT_S},
        {"collector with other signals", SH_COLLECTOR_BOEHM, rage_with_all, LIMIT_S},
        {"manual host", SH_COLLECTOR_MANUAL, rage_with_all, LIMIT_S},
        {"collector, restarting", SH_COLLECTOR_BOEHM, rage_over_restarts, LIMIT_S},
        {"manual host, restarting", SH_COLLECTOR_MANUAL, rage_over_restarts, LIMIT_S},
        {0},
    };
    form_run_all(forms, plan, tally);
}

const torture_class torture_signals = {
    "signals", "SIGPWR, SIGXCPU and SIGUSR1 at 10 kHz during everything: nothing fails, nothing is left", run};
