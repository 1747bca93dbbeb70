/* SPDX-License-Identifier: MIT */
#include "signal_rounds.h"
#include "garbage.h"
#include "last_user.h"
#include "ledger.h"
#include "reader.h"
#include "signal_load.h"
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { OBJECT_SIZE_BYTES = 64, NESTED = 16, SHORT_MS = 1, WAIT_MS = 20000 };
enum { ANNOUNCED_HANDLES = 2, ANNOUNCED_STACK_BYTES = 64 * 1024 };

static struct {
    const form *of;
    torture_tally *tally;
} rounds;

void signal_rounds_start(const form *of, torture_tally *tally)
{
    rounds.of = of;
    rounds.tally = tally;
}

static void expect_either(sh_status got, sh_status one, sh_status other, const char *call)
{
    if (got != one && got != other)
        torture_fail(rounds.tally, "%s: %s answered %s, errno %d", rounds.of->name, call, sh_status_name(got), errno);
}

#define EXPECT(status, call) expect_either((call), (status), (status), #call)

/* ---- handles ----------------------------------------------------------------------------------------------------- */

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
                torture_fail(rounds.tally, "%s: a byte was lost under a lease", rounds.of->name);
    EXPECT(SH_OK, outer == SH_OK ? inner : outer);
    for (int i = 0; i < 2; i++) {
        EXPECT(SH_OK, sh_close(ends[i]));
        garbage_drop_handle(rounds.of->collector, ends[i]);
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
    garbage_drop_handle(rounds.of->collector, copy);
    garbage_drop_handle(rounds.of->collector, h);
}

static void finalize(void *object, void *manual)
{
    if (manual != NULL)
        free(object);
}

static void drop_and_collect(void)
{
    bool manual = rounds.of->collector == SH_COLLECTOR_MANUAL;
    void *object = garbage_object(rounds.of->collector, OBJECT_SIZE_BYTES);
    EXPECT(SH_OK, sh_finalizer_register(object, finalize, manual ? &rounds : NULL));
    garbage_drop_object(rounds.of->collector, object);
    garbage_drop_handle(rounds.of->collector, wrap_number());
    sh_collect();
    EXPECT(SH_OK, sh_wait_for_pending_finalizers(WAIT_MS));
}

/* ---- domains and regions ----------------------------------------------------------------------------------------- */

static void end_domain(sh_domain *domain)
{
    EXPECT(SH_OK, sh_domain_unload(domain, WAIT_MS, NULL));
    EXPECT(SH_OK, sh_domain_destroy(domain));
}

static void unload_under_a_finalizer(void)
{
    sh_domain *domain = NULL;
    EXPECT(SH_OK, sh_domain_create("under signals", &domain));
    EXPECT(SH_OK, sh_domain_enter(domain));
    sh_handle *h = wrap_number();
    EXPECT(SH_OK, last_user_register(rounds.of->collector, h));
    EXPECT(SH_OK, sh_domain_leave(domain));
    end_domain(domain);
    garbage_drop_handle(rounds.of->collector, h);
}

static void unload_under_a_user(void)
{
    sh_domain *domain = NULL;
    sh_handle *h = NULL;
    bool taken = false;
    EXPECT(SH_OK, sh_domain_create("under signals", &domain));
    const sh_create_options inside = {.domain = domain};
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), &inside, &h));
    EXPECT(SH_OK, sh_dangerous_add_ref(h, &taken));
    EXPECT(SH_E_TIMEOUT, sh_domain_unload(domain, SHORT_MS, NULL));
    EXPECT(SH_OK, sh_dangerous_release(h));
    end_domain(domain);
    garbage_drop_handle(rounds.of->collector, h);
}

static void make_constrained(bool block_signals)
{
    const sh_reserve reserve = {.handle_count = ANNOUNCED_HANDLES,
                                .lease_count = 1,
                                .stack_bytes = ANNOUNCED_STACK_BYTES,
                                .block_signals = block_signals};
    sh_region region = {.thread = NULL};
    sh_lease lease;
    sh_raw number;
    EXPECT(SH_OK, sh_region_enter(&region, &reserve));
    sh_handle *h = wrap_number();
    EXPECT(SH_OK, sh_lease_begin(&lease, h, &number));
    EXPECT(SH_OK, sh_thread_abort(gettid()));
    EXPECT(SH_OK, sh_safepoint());
    sh_lease_end(&lease);
    EXPECT(SH_E_ABORTED, sh_region_leave(&region));
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(rounds.of->collector, h);
}

static void unload_and_constrain(void)
{
    unload_under_a_finalizer();
    make_constrained(false);
    unload_under_a_user();
    make_constrained(true);
}

/* ---- waking ------------------------------------------------------------------------------------------------------ */

/* Signals interrupt it, and it goes on; once woken, it cannot. */
static ssize_t read_until_woken(int number)
{
    ssize_t size;
    signal_load_admit_handler(true);
    do {
        size = reader_read(number);
    } while (size < 0 && errno == EINTR);
    signal_load_admit_handler(false);
    return size;
}

static void wake_reader(void)
{
    sh_handle *event = NULL;
    reader blocked;
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &event));
    reader_start(&blocked, event, read_until_woken);
    EXPECT(SH_OK, sh_close_wait(event, WAIT_MS));
    (void)pthread_join(blocked.thread, NULL);
    EXPECT(SH_OK, blocked.status);
    if (blocked.size >= 0 || blocked.error != EBADF)
        torture_fail(rounds.tally, "%s: a reader was not woken by EBADF", rounds.of->name);
    garbage_drop_handle(rounds.of->collector, event);
}

/* ---- the runtime ------------------------------------------------------------------------------------------------- */

void signal_rounds_restart(void)
{
    sh_options options = form_options(rounds.of);
    (void)wrap_number(); /* left to the shutdown */
    EXPECT(SH_OK, sh_shutdown(WAIT_MS));
    EXPECT(SH_OK, sh_init(&options));
}

signal_round *const signal_rounds[] = {read_and_write,       use_and_close, drop_and_collect,
                                       unload_and_constrain, wake_reader,   NULL};
