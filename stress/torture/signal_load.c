/* SPDX-License-Identifier: MIT */
#include "signal_load.h"
#include "../die.h"
#include "last_user.h"
#include "ledger.h"
#include "signal_rounds.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MOST_THREADS = 8, THREAD_NAME_BYTES = 16 };

static struct {
    const form *of;
    torture_tally *tally;
    sh_handle *steady; /* open all the time; NULL while the runtime restarts */
    sh_raw steady_number;
    int descriptors_before;
    atomic_bool over;
    pthread_t threads[MOST_THREADS];
    int thread_count;
} load;

static _Atomic uint64_t wrong_in_handlers, on_our_threads;

static _Thread_local volatile sig_atomic_t may_use;

void signal_load_admit_handler(bool admitted)
{
    may_use = admitted;
}

/* ---- the handler ------------------------------------------------------------------------------------------------- */

static void use_steady(void)
{
    sh_lease lease;
    sh_raw number;
    bool taken = false;
    bool well = sh_lease_begin(&lease, load.steady, &number) == SH_OK && number == load.steady_number &&
                sh_dangerous_add_ref(load.steady, &taken) == SH_OK && sh_dangerous_release(load.steady) == SH_OK;
    if (well)
        sh_lease_end(&lease);
    else
        (void)atomic_fetch_add(&wrong_in_handlers, 1);
}

void signal_load_handle(int signal)
{
    int saved = errno;
    char name[THREAD_NAME_BYTES];
    if (signal == SIGUSR1 && may_use && load.steady != NULL)
        use_steady();
    if (prctl(PR_GET_NAME, name) == 0 && strncmp(name, "sh-", 3) == 0)
        (void)atomic_fetch_add(&on_our_threads, 1);
    errno = saved;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *work_on(void *data)
{
    signal_round *const *round = data;
    torture_must(sh_thread_attach(), "sh_thread_attach");
    signal_load_admit_handler(true);
    while (!atomic_load(&load.over)) {
        torture_try(load.tally);
        (*round)();
    }
    signal_load_admit_handler(false);
    return NULL;
}

static void start_thread(signal_round *const *round)
{
    if (pthread_create(&load.threads[load.thread_count++], NULL, work_on, (void *)(uintptr_t)round) != 0)
        die("a thread cannot be started");
}

void signal_load_start(const form *of, torture_tally *tally, bool restarts)
{
    static signal_round *const restarting = signal_rounds_restart;
    if (!ledger_open())
        die("there is no memory for the ledger");
    load.of = of;
    load.tally = tally;
    load.descriptors_before = torture_open_descriptors();
    signal_rounds_start(of, tally);
    form_start(of);
    if (restarts) {
        start_thread(&restarting);
        return;
    }
    torture_must(sh_wrap(&ledger_kind, ledger_number(), NULL, &load.steady), "sh_wrap");
    load.steady_number = sh_dangerous_get_handle(load.steady);
    for (signal_round *const *round = signal_rounds; *round != NULL; round++)
        start_thread(round);
}

void signal_load_stop(void)
{
    const char *name = load.of->name;
    atomic_store(&load.over, true);
    for (int i = 0; i < load.thread_count; i++)
        (void)pthread_join(load.threads[i], NULL);
    form_stop(load.of, load.tally);
    if (atomic_load(&wrong_in_handlers) > 0)
        torture_fail(load.tally, "%s: a lease in a handler was refused", name);
    if (atomic_load(&on_our_threads) > 0)
        torture_fail(load.tally, "%s: a handler ran on a thread of the library", name);
    if (ledger_wrong_releases() > 0 || ledger_live() > 0)
        torture_fail(load.tally, "%s: a number was released twice, or never", name);
    if (last_user_failures() > 0)
        torture_fail(load.tally, "%s: a finalizer could not use a handle of its domain", name);
    int left = torture_open_descriptors() - load.descriptors_before;
    if (left != 0)
        torture_fail(load.tally, "%s: %d descriptors were left open", name, left);
}
