/* SPDX-License-Identifier: MIT */
#define SH_NO_INLINE /* the library's own functions have the checkpoints */
#include "fork_load.h"
#include "../die.h"
#include "fork_work.h"
#include "garbage.h"
#include "last_user.h"
#include "ledger.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_THREADS = 12, NESTED_LEASES = 3, HANDLES_OF_A_START = 5, OBJECT_SIZE_BYTES = 256 };
enum { REGION_STACK_BYTES = 64 * 1024 };
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

bool fork_work_goes_on(void)
{
    return !atomic_load(&load.over);
}

void fork_work_expect(sh_status got, sh_status expected, const char *what)
{
    if (got != expected)
        torture_fail(load.tally, "in the parent, %s answered %s", what, sh_status_name(got));
}

static void expect(sh_status got, const char *what)
{
    fork_work_expect(got, SH_OK, what);
}

sh_collector fork_work_collector(void)
{
    return load.of->collector;
}

void fork_work_drop(sh_handle *h)
{
    garbage_drop_handle(load.of->collector, h);
}

sh_handle *fork_work_wrap_number(void)
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

/* Once all of them have begun. */
static void repeat(void (*work)(void))
{
    (void)pthread_barrier_wait(&load.begun);
    while (fork_work_goes_on())
        work();
}

/* In a domain, until its end. */
static void *hold_leases(void *unused)
{
    sh_status status, in_domain = SH_E_ARGUMENT;
    expect(sh_domain_enter(fork_load.domain), "sh_domain_enter");
    SH_WITH_HANDLE (fork_load.held, raw, status)
        SH_WITH_HANDLE (fork_load.held_in_domain, raw_too, in_domain) {
            (void)raw;
            (void)raw_too;
            (void)pthread_barrier_wait(&load.begun);
            while (fork_work_goes_on())
                (void)usleep(COLLECTOR_PAUSE_US);
        }
    expect(status, "a lease");
    expect(in_domain, "a lease in a domain");
    return unused;
}

static void *lease_and_leave(void *unused)
{
    (void)pthread_barrier_wait(&load.begun);
    for (size_t turn = 0; fork_work_goes_on(); turn++) {
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
    sh_handle *h = fork_work_wrap_number();
    bool referenced = false;
    expect(sh_dangerous_add_ref(h, &referenced), "sh_dangerous_add_ref");
    sh_handle *copy = NULL;
    expect(sh_duplicate(h, &copy), "sh_duplicate");
    expect(sh_close(copy), "the close of a copy");
    sh_status closing = sh_close_wait(h, 0);
    if (closing != SH_E_TIMEOUT)
        torture_fail(load.tally, "in the parent, a close under a user answered %s", sh_status_name(closing));
    expect(sh_dangerous_release(h), "the last release");
    fork_work_drop(copy);
    fork_work_drop(h);
}

static void open_and_close(void)
{
    sh_handle *ends[2] = {NULL, NULL};
    sh_handle *copy = NULL;
    expect(sh_open_pipe(0, NULL, &ends[0], &ends[1]), "sh_open_pipe");
    expect(sh_duplicate(ends[0], &copy), "the duplicate of a pipe");
    expect(sh_close(copy), "the close of a pipe's copy");
    expect(sh_close(ends[0]), "the close of a pipe");
    fork_work_drop(copy);
    fork_work_drop(ends[0]);
    fork_work_drop(ends[1]);
}

static void make_each(void)
{
    make_and_close();
    fork_work_drop(fork_work_wrap_number());
    open_and_close();
    (void)usleep(10); /* garbage of real descriptors must not outrun the collector */
}

static void *make_and_close_on(void *unused)
{
    repeat(make_each);
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
    for (uintptr_t turn = 0; fork_work_goes_on(); turn++) {
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
    fork_work_drop(event);
    sh_handle *late = NULL;
    expect(sh_create(&ledger_kind, NULL, &late), "sh_create");
    expect(sh_close(late), "the close of an unset handle");
    if (sh_set_handle(late, ledger_number()) != SH_E_CLOSED)
        torture_fail(load.tally, "in the parent, a value was stored in a closed handle");
    bool unused = false;
    if (sh_dangerous_add_ref(late, &unused) != SH_E_CLOSED)
        torture_fail(load.tally, "in the parent, a closed handle got a user");
    fork_work_drop(late);
}

/* A thread's first region with a stack asks the system for it. */
static void make_constrained(void)
{
    const sh_reserve reserve = {.handle_count = 2, .lease_count = 1, .stack_bytes = REGION_STACK_BYTES};
    sh_region region = {.thread = NULL};
    expect(sh_region_enter(&region, &reserve), "sh_region_enter");
    sh_handle *h = fork_work_wrap_number();
    expect(sh_thread_abort(gettid()), "sh_thread_abort");
    expect(sh_close(h), "a close in a region");
    fork_work_expect(sh_region_leave(&region), SH_E_ABORTED, "sh_region_leave");
    fork_work_drop(h);
}

static void *live_briefly(void *unused)
{
    sh_status status;
    SH_WITH_HANDLE (fork_load.shared[0], raw, status)
        (void)raw;
    expect(status, "a lease of a new thread");
    do_wrong();
    make_constrained();
    return unused;
}

static void run_brief_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, live_briefly, NULL) != 0)
        die("a thread cannot be started");
    (void)pthread_join(thread, NULL);
}

static void *be_born_and_die(void *unused)
{
    repeat(run_brief_thread);
    return unused;
}

static void collect_once(void)
{
    sh_collect();
    (void)usleep(COLLECTOR_PAUSE_US); /* or nobody else gets the collector's lock, and each fork needs it */
}

static void *collect(void *unused)
{
    repeat(collect_once);
    return unused;
}

static void *live_in_domains(void *unused)
{
    repeat(fork_work_domain);
    return unused;
}

static void *race(void *unused)
{
    repeat(fork_work_races);
    return unused;
}

static void *wake_readers(void *unused)
{
    repeat(fork_work_waking);
    return unused;
}

/* ---- a runtime that starts and stops ----------------------------------------------------------------------------- */

static void *restart(void *unused)
{
    sh_options options = form_options(load.of);
    while (fork_work_goes_on()) {
        expect(sh_init(&options), "sh_init");
        for (int i = 0; i < HANDLES_OF_A_START; i++)
            (void)fork_work_wrap_number(); /* left to the shutdown */
        expect(sh_shutdown(RESTART_MS), "sh_shutdown");
    }
    expect(sh_init(&options), "the last sh_init");
    return unused;
}

/* Where the runtime is just stopped, it is refused. */
static void *make_when_admitted(void *unused)
{
    while (fork_work_goes_on()) {
        sh_raw number = ledger_number();
        sh_handle *h = NULL;
        if (sh_wrap(&ledger_kind, number, NULL, &h) != SH_OK) {
            ledger_take_back(number);
            (void)usleep(COLLECTOR_PAUSE_US / 10);
            continue;
        }
        (void)sh_close(h);
        fork_work_drop(h);
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

static void count(void *unused, void *data)
{
    (void)unused;
    (void)data;
    (void)atomic_fetch_add(&fork_load.finalized_in_domain, 1);
}

/* One thread of the parent will be in it. */
static void fill_domain(void)
{
    static char place[OBJECT_SIZE_BYTES]; /* with the manual host, an object is any pointer */
    bool manual = load.of->collector == SH_COLLECTOR_MANUAL;
    torture_must(sh_domain_create("inherited", &fork_load.domain), "sh_domain_create");
    torture_must(sh_domain_enter(fork_load.domain), "sh_domain_enter");
    fork_load.held_in_domain = fork_work_wrap_number();
    fork_load.free_in_domain = fork_work_wrap_number();
    fork_load.object_in_domain = manual ? place : garbage_object(SH_COLLECTOR_BOEHM, OBJECT_SIZE_BYTES);
    torture_must(sh_finalizer_register(fork_load.object_in_domain, count, NULL), "sh_finalizer_register");
    torture_must(sh_domain_leave(fork_load.domain), "sh_domain_leave");
}

void fork_load_start(const form *of, torture_tally *tally)
{
    static thread_work *const works[] = {hold_leases, lease_and_leave, make_and_close_on, drop_objects, be_born_and_die,
                                         collect,     live_in_domains, wake_readers,      race};
    enum { WORKS = sizeof works / sizeof *works };
    prepare(of, tally);
    fork_load.held = fork_work_wrap_number();
    for (int i = 0; i < FORK_LOAD_SHARED; i++)
        fork_load.shared[i] = fork_work_wrap_number();
    fill_domain();
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
    if (last_user_failures() > 0)
        torture_fail(load.tally, "in the parent, a finalizer could not use a handle of its domain");
}
