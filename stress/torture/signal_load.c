/* SPDX-License-Identifier: MIT */
#include "signal_load.h"
#include "../die.h"
#include "garbage.h"
#include "ledger.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MOST_THREADS = 4, OBJECT_SIZE_BYTES = 64, NESTED = 16, SHORT_MS = 1, WAIT_MS = 20000, THREAD_NAME_BYTES = 16 };

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

static _Thread_local volatile sig_atomic_t may_use; /* this thread is attached, and one of the load */

static void expect_either(sh_status got, sh_status one, sh_status other, const char *call)
{
    if (got != one && got != other)
        torture_fail(load.tally, "%s: %s answered %s, errno %d", load.of->name, call, sh_status_name(got), errno);
}

#define EXPECT(status, call) expect_either((call), (status), (status), #call)

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

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static sh_handle *wrap_number(void)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), NULL, &h));
    return h;
}

/* The program's own calls are interrupted, and are its to repeat. */
static bool transfer_byte(sh_raw from, sh_raw to)
{
    char byte = 'x';
    ssize_t moved;
    do {
        moved = write((int)to, &byte, 1);
    } while (moved < 0 && errno == EINTR);
    do {
        moved = read((int)from, &byte, 1);
    } while (moved < 0 && errno == EINTR);
    return moved == 1 && byte == 'x';
}

static void read_and_write(void)
{
    sh_handle *ends[2] = {NULL, NULL};
    EXPECT(SH_OK, sh_open_pipe(0, NULL, &ends[0], &ends[1]));
    sh_status inner = SH_E_ARGUMENT, outer;
    SH_WITH_HANDLE (ends[0], from, outer)
        SH_WITH_HANDLE (ends[1], to, inner)
            if (!transfer_byte(from, to))
                torture_fail(load.tally, "%s: a byte was lost under a lease", load.of->name);
    EXPECT(SH_OK, outer == SH_OK ? inner : outer);
    for (int i = 0; i < 2; i++) {
        EXPECT(SH_OK, sh_close(ends[i]));
        garbage_drop_handle(load.of->collector, ends[i]);
    }
}

static void use_and_close(void)
{
    sh_handle *h = wrap_number(), *copy = NULL;
    sh_lease leases[NESTED];
    sh_raw number;
    bool taken = false;
    for (int i = 0; i < NESTED; i++)
        EXPECT(SH_OK, sh_lease_begin(&leases[i], h, &number));
    EXPECT(SH_OK, sh_duplicate(h, &copy));
    EXPECT(SH_OK, sh_dangerous_add_ref(copy, &taken));
    EXPECT(SH_E_TIMEOUT, sh_close_wait(copy, SHORT_MS));
    EXPECT(SH_OK, sh_dangerous_release(copy));
    EXPECT(SH_PENDING, sh_close_wait(h, WAIT_MS));
    for (int i = 0; i < NESTED; i++)
        sh_lease_end(&leases[i]);
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(load.of->collector, copy);
    garbage_drop_handle(load.of->collector, h);
}

static void finalize(void *object, void *manual)
{
    if (manual != NULL)
        free(object);
}

static void drop_and_collect(void)
{
    bool manual = load.of->collector == SH_COLLECTOR_MANUAL;
    void *object = garbage_object(load.of->collector, OBJECT_SIZE_BYTES);
    EXPECT(SH_OK, sh_finalizer_register(object, finalize, manual ? &load : NULL));
    garbage_drop_object(load.of->collector, object);
    garbage_drop_handle(load.of->collector, wrap_number());
    sh_collect();
    EXPECT(SH_OK, sh_wait_for_pending_finalizers(WAIT_MS));
}

static void restart(void)
{
    sh_options options = form_options(load.of);
    (void)wrap_number(); /* left to the shutdown */
    EXPECT(SH_OK, sh_shutdown(WAIT_MS));
    EXPECT(SH_OK, sh_init(&options));
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

typedef void round_work(void);

typedef struct thread_plan {
    round_work *work;
} thread_plan;

static void *work_on(void *data)
{
    const thread_plan *plan = data;
    torture_must(sh_thread_attach(), "sh_thread_attach");
    may_use = 1;
    while (!atomic_load(&load.over)) {
        torture_try(load.tally);
        plan->work();
    }
    may_use = 0;
    return NULL;
}

static void start_thread(const thread_plan *plan)
{
    if (pthread_create(&load.threads[load.thread_count++], NULL, work_on, (void *)(uintptr_t)plan) != 0)
        die("a thread cannot be started");
}

void signal_load_start(const form *of, torture_tally *tally, bool restarts)
{
    static const thread_plan plans[] = {{read_and_write}, {use_and_close}, {drop_and_collect}};
    static const thread_plan restarting = {restart};
    if (!ledger_open())
        die("there is no memory for the ledger");
    load.of = of;
    load.tally = tally;
    load.descriptors_before = torture_open_descriptors();
    form_start(of);
    if (restarts) {
        start_thread(&restarting);
        return;
    }
    load.steady = wrap_number();
    load.steady_number = sh_dangerous_get_handle(load.steady);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
        start_thread(&plans[i]);
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
    int left = torture_open_descriptors() - load.descriptors_before;
    if (left != 0)
        torture_fail(load.tally, "%s: %d descriptors were left open", name, left);
}
