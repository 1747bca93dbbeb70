/* SPDX-License-Identifier: MIT */
#include "fork_load.h"
#include "../die.h"
#include "garbage.h"
#include "ledger.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_THREADS = 8, NESTED_LEASES = 3, HANDLES_OF_A_START = 5, OBJECT_SIZE_BYTES = 256 };
enum { FINALIZER_US = 1500, COLLECTOR_PAUSE_US = 1000, RESTART_MS = 20000 };

fork_load_handles fork_load;

static struct {
    const form *of;
    torture_tally *tally;
    atomic_bool over;
    pthread_t threads[MOST_THREADS];
    int thread_count;
    pthread_barrier_t begun;
} load;

static bool goes_on(void)
{
    return !atomic_load(&load.over);
}

static void expect(sh_status got, const char *what)
{
    if (got != SH_OK)
        torture_fail(load.tally, "in the parent, %s answered %s", what, sh_status_name(got));
}

static sh_handle *wrap_number(void)
{
    sh_raw number = ledger_number();
    sh_handle *h = NULL;
    sh_status status = sh_wrap(&ledger_kind, number, NULL, &h);
    if (status != SH_OK)
        ledger_take_back(number);
    expect(status, "sh_wrap");
    return h;
}

/* ---- the threads ------------------------------------------------------------------------------------------------- */

static void *hold_one_lease(void *unused)
{
    sh_status status;
    SH_WITH_HANDLE (fork_load.held, raw, status) {
        (void)raw;
        (void)pthread_barrier_wait(&load.begun);
        while (goes_on())
            (void)usleep(COLLECTOR_PAUSE_US);
    }
    expect(status, "a lease");
    return unused;
}

static void *lease_and_leave(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    for (size_t turn = 0; goes_on(); turn++) {
        sh_lease nested[NESTED_LEASES];
        sh_raw raw;
        for (size_t i = 0; i < NESTED_LEASES; i++)
            expect(sh_lease_begin(&nested[i], fork_load.shared[(turn + i) % FORK_LOAD_SHARED], &raw), "a nested lease");
        for (size_t i = 0; i < NESTED_LEASES; i++)
            sh_lease_end(&nested[i]);
    }
    return unused;
}

static void make_and_close(void)
{
    sh_handle *h = wrap_number();
    bool referenced = false;
    expect(sh_dangerous_add_ref(h, &referenced), "sh_dangerous_add_ref");
    sh_handle *copy = NULL;
    expect(sh_duplicate(h, &copy), "sh_duplicate");
    expect(sh_close(copy), "the close of a copy");
    sh_status closing = sh_close_wait(h, 0);
    if (closing != SH_E_TIMEOUT)
        torture_fail(load.tally, "in the parent, a close under a user answered %s", sh_status_name(closing));
    expect(sh_dangerous_release(h), "the last release");
    garbage_drop_handle(load.of->collector, copy);
    garbage_drop_handle(load.of->collector, h);
}

static void *make_and_close_on(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    while (goes_on()) {
        make_and_close();
        garbage_drop_handle(load.of->collector, wrap_number());
        sh_handle *ends[2] = {NULL, NULL};
        expect(sh_open_pipe(0, NULL, &ends[0], &ends[1]), "sh_open_pipe");
        expect(sh_close(ends[0]), "the close of a pipe");
        garbage_drop_handle(load.of->collector, ends[0]);
        garbage_drop_handle(load.of->collector, ends[1]);
        (void)usleep(10); /* garbage of real descriptors must not outrun the collector */
    }
    return unused;
}

static void finalize(void *object, void *data)
{
    if (data == NULL)
        (void)usleep(FINALIZER_US); /* long enough to be running at a fork */
    if (load.of->collector == SH_COLLECTOR_MANUAL)
        free(object);
}

static void *drop_objects(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    for (uintptr_t turn = 0; goes_on(); turn++) {
        void *object = garbage_object(load.of->collector, OBJECT_SIZE_BYTES);
        expect(sh_finalizer_register(object, finalize, turn % 4 == 0 ? NULL : &load), "sh_finalizer_register");
        garbage_drop_object(load.of->collector, object);
        (void)usleep(FINALIZER_US / 2);
    }
    return unused;
}

/* What only goes wrong programs reach: a second owner, a reference too many given back, a value that comes too late. */
static void do_wrong(void)
{
    sh_handle *event = NULL, *second = NULL;
    expect(sh_open_event(0, 0, NULL, &event), "sh_open_event");
    if (sh_wrap(&sh_kind_event, sh_dangerous_get_handle(event), NULL, &second) != SH_E_OWNED)
        torture_fail(load.tally, "in the parent, a descriptor got a second owner");
    if (sh_dangerous_release(event) != SH_E_UNBALANCED)
        torture_fail(load.tally, "in the parent, a reference that nobody had was given back");
    sh_set_handle_as_invalid(event);
    (void)close((int)sh_dangerous_get_handle(event));
    garbage_drop_handle(load.of->collector, event);
    sh_handle *late = NULL;
    expect(sh_create(&ledger_kind, NULL, &late), "sh_create");
    expect(sh_close(late), "the close of an unset handle");
    if (sh_set_handle(late, ledger_number()) != SH_E_CLOSED)
        torture_fail(load.tally, "in the parent, a value was stored in a closed handle");
    bool unused = false;
    if (sh_dangerous_add_ref(late, &unused) != SH_E_CLOSED)
        torture_fail(load.tally, "in the parent, a closed handle got a user");
    garbage_drop_handle(load.of->collector, late);
}

static void *live_briefly(void *unused)
{
    sh_status status;
    SH_WITH_HANDLE (fork_load.shared[0], raw, status)
        (void)raw;
    expect(status, "a lease of a new thread");
    do_wrong();
    return unused;
}

static void *be_born_and_die(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    while (goes_on()) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live_briefly, NULL) != 0)
            die("a thread cannot be started");
        (void)pthread_join(thread, NULL);
    }
    return unused;
}

static void *collect(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    while (goes_on()) {
        sh_collect();
        (void)usleep(COLLECTOR_PAUSE_US); /* or nobody else gets the collector's lock, and each fork needs it */
    }
    return unused;
}

/* ---- a runtime that starts and stops ----------------------------------------------------------------------------- */

static void *restart(void *unused)
{
    sh_options options = form_options(load.of);
    while (goes_on()) {
        expect(sh_init(&options), "sh_init");
        for (int i = 0; i < HANDLES_OF_A_START; i++)
            (void)wrap_number(); /* left to the shutdown */
        expect(sh_shutdown(RESTART_MS), "sh_shutdown");
    }
    expect(sh_init(&options), "the last sh_init");
    return unused;
}

/* Where the runtime is just stopped, it is refused. */
static void *make_when_admitted(void *unused)
{
    while (goes_on()) {
        sh_raw number = ledger_number();
        sh_handle *h = NULL;
        if (sh_wrap(&ledger_kind, number, NULL, &h) != SH_OK) {
            ledger_take_back(number);
            (void)usleep(COLLECTOR_PAUSE_US / 10);
            continue;
        }
        (void)sh_close(h);
        garbage_drop_handle(load.of->collector, h);
    }
    return unused;
}

/* ---- start and stop ---------------------------------------------------------------------------------------------- */

typedef void *thread_work(void *unused);

static void start_thread(thread_work *work)
{
    if (pthread_create(&load.threads[load.thread_count++], NULL, work, NULL) != 0)
        die("a thread cannot be started");
}

static void prepare(const form *of, torture_tally *tally)
{
    if (!ledger_open())
        die("there is no memory for the ledger");
    load.of = of;
    load.tally = tally;
    form_start(of);
}

void fork_load_start(const form *of, torture_tally *tally)
{
    static thread_work *const works[] = {hold_one_lease, lease_and_leave, make_and_close_on,
                                         drop_objects,   be_born_and_die, collect};
    enum { WORKS = sizeof works / sizeof *works };
    prepare(of, tally);
    fork_load.held = wrap_number();
    for (int i = 0; i < FORK_LOAD_SHARED; i++)
        fork_load.shared[i] = wrap_number();
    (void)pthread_barrier_init(&load.begun, NULL, WORKS + 1);
    for (int i = 0; i < WORKS; i++)
        start_thread(works[i]);
    (void)pthread_barrier_wait(&load.begun);
}

void fork_load_start_restarting(const form *of, torture_tally *tally)
{
    prepare(of, tally);
    start_thread(restart);
    start_thread(make_when_admitted);
}

void fork_load_stop(void)
{
    atomic_store(&load.over, true);
    for (int i = 0; i < load.thread_count; i++)
        (void)pthread_join(load.threads[i], NULL);
}
