/* SPDX-License-Identifier: MIT */
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

TestSuite(lease, .init = testing_start_manual);

static sh_handle *make(void)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_derived_kind, 7, NULL, &h), SH_OK);
    return h;
}

static void expect_holders(const sh_handle *h, size_t leases, size_t counted)
{
    size_t lease_count, counted_references;
    cr_assert_eq(sh_holders(h, NULL, 0, &lease_count, &counted_references), SH_OK);
    cr_expect_eq(lease_count, leases);
    cr_expect_eq(counted_references, counted);
}

Test(lease, tells_the_value_and_keeps_the_handle_open)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw = 0;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_expect_eq(raw, 7);
    cr_expect_eq(sh_close(h), SH_PENDING);
    sh_lease_end(&lease);
    cr_expect(sh_is_released(h));
    sh_lease_end(&lease);
    cr_expect_eq(testing_released().count, 1, "ended is ended");
}

Test(lease, is_refused_on_what_is_closed_or_unset)
{
    sh_handle *closed = make(), *unset;
    cr_assert_eq(sh_create(&testing_kind, NULL, &unset), SH_OK);
    (void)sh_close(closed);
    sh_lease lease = {.handle = NULL};
    sh_raw raw = 99;
    cr_expect_eq(sh_lease_begin(&lease, closed, &raw), SH_E_CLOSED);
    cr_expect_eq(sh_lease_begin(&lease, unset, &raw), SH_E_INVALID);
    cr_expect_null(lease.handle);
    cr_expect_eq(raw, 99);
    expect_holders(unset, 0, 0);
}

/* The library's own, which the macros of a C program do not call; no less strict than they are. */
Test(lease, needs_a_handle_and_a_place_for_the_lease_and_the_value)
{
    sh_handle *h = make();
    sh_lease lease = {.handle = NULL};
    sh_raw raw = 99;
    cr_expect_eq(sh_lease_begin_at(NULL, h, NULL, &raw), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin_at(&lease, NULL, NULL, &raw), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin_at(&lease, h, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_null(lease.handle);
    cr_expect_eq(raw, 99);
    expect_holders(h, 0, 0);
    cr_expect_eq(sh_close(h), SH_OK);
}

Test(lease, asks_for_a_kind)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw;
    cr_expect_eq(sh_lease_begin_kind(&lease, h, &sh_kind_file, &raw), SH_E_KIND);
    cr_assert_eq(sh_lease_begin_kind(&lease, h, &testing_kind, &raw), SH_OK);
    sh_lease_end(&lease);
    cr_assert_eq((sh_lease_begin_kind)(&lease, h, &testing_derived_kind, &raw), SH_OK);
    sh_lease_end(&lease);
    cr_assert_eq((sh_lease_begin)(&lease, h, &raw), SH_OK);
    sh_lease_end(&lease);
}

Test(lease, many_end_in_any_order)
{
    enum { MANY = 100 };
    sh_handle *h = make();
    sh_lease leases[MANY];
    sh_raw raw;
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq(sh_lease_begin(&leases[i], h, &raw), SH_OK);
    expect_holders(h, MANY, 0);
    for (size_t i = 0; i < MANY; i += 2)
        sh_lease_end(&leases[i]);
    expect_holders(h, MANY / 2, 0);
    for (size_t i = 0; i < MANY; i += 2)
        cr_assert_eq(sh_lease_begin(&leases[i], h, &raw), SH_OK);
    (void)sh_close(h);
    for (size_t i = MANY; i-- > 0;) {
        cr_expect_not(sh_is_released(h));
        sh_lease_end(&leases[i]);
    }
    cr_expect(sh_is_released(h));
}

Test(lease, without_memory_for_another_is_refused)
{
    enum { FIRST_BLOCK = 32 };
    sh_handle *h = make();
    sh_lease leases[FIRST_BLOCK + 1];
    sh_raw raw;
    for (size_t i = 0; i < FIRST_BLOCK; i++)
        cr_assert_eq(sh_lease_begin(&leases[i], h, &raw), SH_OK);
    testing_at("gc.scanned", 1, NULL, NULL);
    cr_expect_eq(sh_lease_begin(&leases[FIRST_BLOCK], h, &raw), SH_E_NOMEM);
    testing_at_nothing();
    expect_holders(h, FIRST_BLOCK, 0);
    for (size_t i = 0; i < FIRST_BLOCK; i++)
        sh_lease_end(&leases[i]);
    cr_expect_eq(sh_close(h), SH_OK);
}

Test(lease, detached_it_is_a_counted_reference)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_expect_eq(sh_lease_detach(&lease), SH_OK);
    expect_holders(h, 0, 1);
    sh_lease_end(&lease);
    cr_expect_eq(sh_lease_detach(&lease), SH_E_ARGUMENT);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect(sh_is_released(h));
}

/* ---- holders ----------------------------------------------------------------------------------------------------- */

Test(lease, holders_say_who_and_since_where)
{
    sh_handle *h = make();
    sh_lease lease, unrecorded;
    sh_raw raw;
    bool success = false;
    int line = __LINE__ + 1;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_assert_eq((sh_lease_begin)(&unrecorded, h, &raw), SH_OK);
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    sh_holder holders[1];
    size_t leases, counted;
    cr_assert_eq(sh_holders(h, holders, 1, &leases, &counted), SH_OK);
    cr_expect_eq(leases, 2, "also those that did not fit");
    cr_expect_eq(counted, 1);
    cr_expect_eq(holders[0].thread_id, platform_thread_id());
    cr_expect_eq(holders[0].since.line, line);
    cr_expect_not_null(strstr(holders[0].since.file, "lease_test.c"));
    sh_holder both[2];
    cr_assert_eq(sh_holders(h, both, 2, &leases, &counted), SH_OK);
    cr_expect_null(both[1].since.file);
}

Test(lease, holders_of_a_spoilt_count)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    (void)sh_dangerous_release(h); /* steals the lease's reference */
    expect_holders(h, 1, 0);
    (void)atomic_word_add(&h->state.bits, (word_t)0 - STATE_ONE);
    expect_holders(h, 1, 0);
}

typedef struct destructor_holder {
    sh_handle *h;
    pthread_key_t key;
    sh_lease lease;
    sh_status closed;
} destructor_holder;

static void close_and_end_lease(void *holder)
{
    destructor_holder *self = holder;
    self->closed = sh_close(self->h);
    sh_lease_end(&self->lease);
}

static void *leave_the_lease_to_a_destructor(void *argument)
{
    destructor_holder *self = argument;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&self->lease, self->h, &raw), SH_OK);
    (void)pthread_setspecific(self->key, self);
    return NULL;
}

/* Destructors run in the order of the keys, and the program's key is younger than ours. */
Test(lease, a_destructor_of_the_thread_may_end_its_lease)
{
    destructor_holder holder = {.h = make()};
    cr_assert_eq(pthread_key_create(&holder.key, close_and_end_lease), 0);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, leave_the_lease_to_a_destructor, &holder);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(holder.closed, SH_PENDING, "it was still leased");
    cr_expect_eq(testing_events(SH_EVENT_UNBALANCED_RELEASE, NULL), 0);
    expect_holders(holder.h, 0, 0);
    cr_expect(sh_is_released(holder.h));
}

typedef struct holding_thread {
    sh_handle *h;
    pthread_barrier_t held;
    pthread_barrier_t leave;
    int64_t thread_id;
} holding_thread;

static void *hold(void *argument)
{
    holding_thread *self = argument;
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, self->h, &raw), SH_OK);
    self->thread_id = platform_thread_id();
    (void)pthread_barrier_wait(&self->held);
    (void)pthread_barrier_wait(&self->leave);
    return NULL; /* without ending it */
}

Test(lease, the_end_of_a_thread_gives_its_leases_back)
{
    holding_thread holder = {.h = make()};
    (void)pthread_barrier_init(&holder.held, NULL, 2);
    (void)pthread_barrier_init(&holder.leave, NULL, 2);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, hold, &holder);
    (void)pthread_barrier_wait(&holder.held);
    sh_holder found;
    size_t leases, counted;
    cr_assert_eq(sh_holders(holder.h, &found, 1, &leases, &counted), SH_OK);
    cr_expect_eq(leases, 1);
    cr_expect_eq(found.thread_id, holder.thread_id);
    cr_expect_eq(sh_close(holder.h), SH_PENDING);
    cr_expect_eq(sh_close_wait(holder.h, 0), SH_E_TIMEOUT, "another thread's lease");
    (void)pthread_barrier_wait(&holder.leave);
    (void)pthread_join(thread, NULL);
    cr_expect(sh_is_released(holder.h));
}

Test(lease, detaching_a_thread_waits_for_its_leases)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_expect_eq(sh_thread_detach(), SH_E_ARGUMENT);
    sh_lease_end(&lease);
    cr_expect_eq(sh_thread_detach(), SH_OK);
    cr_expect_eq(sh_thread_detach(), SH_E_ARGUMENT);
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK, "the first use attaches it again");
    sh_lease_end(&lease);
}

static sh_status attached_in_release, detached_in_release, detached_in_sink;

static int attach_and_detach(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    attached_in_release = sh_thread_attach();
    detached_in_release = sh_thread_detach();
    return EIO;
}

static void detach_in_sink(const sh_event *event, void *unused)
{
    (void)event;
    (void)unused;
    detached_in_sink = sh_thread_detach();
}

/* Or the collector would meet a thread that it does not know. */
Test(lease, our_own_threads_stay_attached)
{
    testing_on_release(attach_and_detach);
    sh_set_event_sink(detach_in_sink, NULL);
    cr_assert_eq(sh_host_drop(make()), SH_OK);
    testing_settle();
    cr_expect_eq(attached_in_release, SH_OK);
    cr_expect_eq(detached_in_release, SH_E_UNSUPPORTED);
    cr_expect_eq(detached_in_sink, SH_E_UNSUPPORTED);
    cr_expect_eq(sh_shutdown(5000), SH_OK);
}

static void *lease_on_a_thread(void *h)
{
    sh_lease lease;
    sh_raw raw;
    return sh_lease_begin(&lease, h, &raw) == SH_E_NOMEM ? h : NULL;
}

Test(lease, a_thread_that_cannot_be_attached)
{
    sh_handle *h = make();
    testing_at("gc.scanned", 1, NULL, NULL);
    pthread_t thread;
    void *refused;
    (void)pthread_create(&thread, NULL, lease_on_a_thread, h);
    (void)pthread_join(thread, &refused);
    cr_expect_eq(refused, h);
}

static void *end_elsewhere(void *lease)
{
    sh_lease_end(lease);
    return NULL;
}

/* Against the contract, and still no reference is lost. */
Test(lease, ended_on_another_thread)
{
    sh_handle *h = make();
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, end_elsewhere, &lease);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(sh_close(h), SH_OK);
}

/* ---- SH_WITH_HANDLE ---------------------------------------------------------------------------------------------- */

static sh_status last_status;

static int leave_by_return(sh_handle *h)
{
    SH_WITH_HANDLE (h, raw, last_status) {
        return (int)raw;
    }
    return -1;
}

static int leave_by_goto(sh_handle *h)
{
    SH_WITH_HANDLE (h, raw, last_status) {
        if (raw == 7)
            goto out;
    }
    return -1;
out:
    return 7;
}

static int leave_by_break(sh_handle *h)
{
    int seen = 0;
    for (int i = 0; i < 3; i++)
        SH_WITH_HANDLE (h, raw, last_status) {
            seen += (int)raw;
            break; /* this scope only */
        }
    return seen;
}

static int leave_by_continue(sh_handle *h)
{
    int seen = 0;
    for (int i = 0; i < 3; i++)
        SH_WITH_HANDLE (h, raw, last_status) {
            if (raw == 7) {
                seen += (int)raw;
                continue;
            }
            seen = -100;
        }
    return seen;
}

static int nest(sh_handle *h)
{
    int seen = 0;
    SH_WITH_HANDLE (h, outer, last_status) {
        SH_WITH_HANDLE (h, inner, last_status) {
            seen = (int)(outer + inner);
        }
    }
    return seen;
}

Test(lease, every_way_out_of_the_scope_ends_it)
{
    sh_handle *h = make();
    cr_expect_eq(leave_by_return(h), 7);
    expect_holders(h, 0, 0);
    cr_expect_eq(leave_by_goto(h), 7);
    expect_holders(h, 0, 0);
    cr_expect_eq(leave_by_break(h), 21);
    expect_holders(h, 0, 0);
    cr_expect_eq(leave_by_continue(h), 21);
    expect_holders(h, 0, 0);
    cr_expect_eq(nest(h), 14);
    expect_holders(h, 0, 0);
    cr_expect_eq(last_status, SH_OK);
    (void)sh_close(h);
    cr_expect_eq(leave_by_return(h), -1, "the block is skipped");
    cr_expect_eq(last_status, SH_E_CLOSED);
}
