/* SPDX-License-Identifier: MIT */
/*
 * Leases against closes, one step of the one between two steps of the other: at each checkpoint on the way. The
 * library's own functions, since the inlined parts have none.
 */
#define SH_NO_INLINE
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

TestSuite(lease_points, .init = testing_start_manual);

enum { DEEP = 40 };

static sh_handle *make(void)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_derived_kind, 7, NULL, &h), SH_OK);
    return h;
}

static void expect_released_once(const sh_handle *h)
{
    cr_expect(sh_is_released(h));
    cr_expect_eq(testing_released().count, 1);
}

static void *run_lease(void *h)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, h, &raw) == SH_OK)
        sh_lease_end(&lease);
    return NULL;
}

static void begin_lease(sh_lease *lease, sh_handle *h)
{
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(lease, h, &raw), SH_OK);
}

static void *run_close(void *h)
{
    (void)sh_close(h);
    return NULL;
}

static void on_a_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, run, argument), 0);
    (void)pthread_join(thread, NULL);
}

static void close_here(void *h)
{
    (void)sh_close(h);
}

static void close_elsewhere(void *h)
{
    on_a_thread(run_close, h);
}

static void lease_elsewhere(void *h)
{
    on_a_thread(run_lease, h);
}

/* ---- a close while a lease begins or ends ------------------------------------------------------------------------ */

static void (*const closings[])(void *h) = {close_here, close_elsewhere};
enum { CLOSINGS = sizeof closings / sizeof *closings };

static void begin_while_it_is_closed(sh_handle *h, const char *checkpoint, void (*closing)(void *h))
{
    sh_lease lease;
    sh_raw raw;
    size_t before = testing_released().count;
    testing_at(checkpoint, 1, closing, h);
    cr_expect_eq(sh_lease_begin(&lease, h, &raw), SH_E_CLOSED, "at %s", checkpoint);
    cr_expect_eq(testing_reached(), 1, "%s", checkpoint);
    testing_at_nothing();
    cr_expect(sh_is_released(h), "at %s", checkpoint);
    cr_expect_eq(testing_released().count, before + 1);
}

Test(lease_points, a_close_while_a_lease_begins)
{
    for (int i = 0; i < CLOSINGS; i++) {
        begin_while_it_is_closed(make(), "handle.lease-written", closings[i]);
        begin_while_it_is_closed(make(), "core.lease", closings[i]);
        sh_handle *mine = make(), *everybodys = make(), *others = make();
        (void)run_lease(mine);
        begin_while_it_is_closed(mine, "handle.lease-written", closings[i]);
        (void)run_lease(everybodys);
        lease_elsewhere(everybodys);
        begin_while_it_is_closed(everybodys, "handle.lease-written", closings[i]);
        lease_elsewhere(others);
        begin_while_it_is_closed(others, "core.lease", closings[i]);
    }
}

Test(lease_points, a_close_while_a_lease_ends)
{
    for (int i = 0; i < CLOSINGS; i++) {
        sh_handle *h = make();
        sh_lease lease;
        begin_lease(&lease, h);
        testing_at("handle.lease-cleared", 1, closings[i], h);
        sh_lease_end(&lease);
        cr_expect_eq(testing_reached(), 1);
        testing_at_nothing();
        cr_expect(sh_is_released(h));
        cr_expect_eq(testing_released().count, (size_t)i + 1);
    }
}

/* ---- others while a close is on its way -------------------------------------------------------------------------- */

static const char *const on_the_way[] = {"core.close",         "handle.fence",  "handle.fenced",    "thread.look",
                                         "handle.looked-once", "handle.looked", "core.claim-leased"};
enum { ON_THE_WAY = sizeof on_the_way / sizeof *on_the_way };

static void close_while(void (*step)(void *h))
{
    for (int i = 0; i < ON_THE_WAY; i++) {
        sh_handle *h = make();
        lease_elsewhere(h);
        testing_at(on_the_way[i], 1, step, h);
        (void)sh_close(h);
        cr_expect_geq(testing_reached(), 1, "%s", on_the_way[i]); /* who finds nobody looks once more */
        testing_at_nothing();
        cr_expect(sh_is_released(h), "at %s", on_the_way[i]);
        cr_expect_eq(testing_released().count, (size_t)i + 1, "at %s", on_the_way[i]);
    }
}

Test(lease_points, a_second_closer)
{
    close_while(close_elsewhere);
}

Test(lease_points, a_second_closer_on_the_same_thread)
{
    close_while(close_here);
}

Test(lease_points, an_entrant_who_is_refused)
{
    close_while(lease_elsewhere);
}

static void join_and_leave(void *argument)
{
    sh_handle *h = argument;
    if (state_word_join(&h->state) == STATE_DONE)
        (void)reference_drop(h);
}

Test(lease_points, somebody_who_joins)
{
    close_while(join_and_leave);
}

static void set_as_invalid(void *h)
{
    sh_set_handle_as_invalid(h);
}

Test(lease_points, somebody_who_sets_it_as_invalid)
{
    for (int i = 0; i < ON_THE_WAY; i++) {
        sh_handle *h = make();
        lease_elsewhere(h);
        testing_at(on_the_way[i], 1, set_as_invalid, h);
        (void)sh_close(h);
        testing_at_nothing();
        cr_expect(sh_is_released(h), "at %s", on_the_way[i]);
    }
    cr_expect_eq(testing_released().count, 0);
}

static void end_lease(void *lease)
{
    sh_lease_end(lease);
}

/* A user of another thread, who leaves at the checkpoint; or is still there, and leaves afterwards. */
Test(lease_points, the_last_user_leaves)
{
    for (int i = 0; i < ON_THE_WAY; i++) {
        sh_handle *h = make();
        sh_lease lease;
        lease_elsewhere(h);
        begin_lease(&lease, h);
        testing_at(on_the_way[i], 1, end_lease, &lease);
        close_elsewhere(h);
        testing_at_nothing();
        sh_lease_end(&lease);
        cr_expect(sh_is_released(h), "at %s", on_the_way[i]);
        cr_expect_eq(testing_released().count, (size_t)i + 1, "at %s", on_the_way[i]);
    }
}

/* Whoever leaves between CLOSED and FENCED leaves it to the closer, whose look is still to come. */
static void expect_not_released(void *h)
{
    (void)run_lease(h);
    lease_elsewhere(h);
    cr_expect_not(sh_is_released(h));
}

Test(lease_points, nobody_looks_before_the_fence)
{
    sh_handle *h = make();
    lease_elsewhere(h);
    testing_at("handle.fence", 1, expect_not_released, h);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(testing_reached(), 1);
    testing_at_nothing();
    expect_released_once(h);
}

/* ---- memory that changes hands while somebody looks -------------------------------------------------------------- */

/* What this thread has of the handle that came after. */
typedef struct successor {
    sh_handle *before;
    sh_handle *h;
    sh_lease lease;
} successor;

/* Somebody else releases the handle that is looked for, and it dies. The next one is closed while it is leased. */
static void make_successor(void *argument)
{
    successor *next = argument;
    sh_raw raw;
    lease_elsewhere(next->before); /* refused, and the last to leave */
    expect_released_once(next->before);
    cr_assert_eq(sh_host_drop(next->before), SH_OK);
    next->h = make();
    cr_assert_eq(sh_lease_begin(&next->lease, next->h, &raw), SH_OK);
    close_elsewhere(next->h);
}

/* The last to leave looks; the memory changes hands at the checkpoint, if it can. */
static successor leave_while_it_changes_hands(const char *checkpoint)
{
    successor next = {.before = make()};
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, next.before, &raw), SH_OK);
    close_elsewhere(next.before);
    testing_at(checkpoint, 1, make_successor, &next);
    sh_lease_end(&lease);
    cr_expect_geq(testing_reached(), 1, "%s", checkpoint);
    testing_at_nothing();
    cr_expect_not(sh_is_released(next.h), "under its user");
    cr_expect_eq(testing_released().count, 1);
    sh_lease_end(&next.lease);
    cr_expect(sh_is_released(next.h));
    cr_expect_eq(testing_released().count, 2);
    return next;
}

/* Nobody leases the first handle any more; whoever looked has seen nothing of the leases of the second. */
Test(lease_points, who_found_nobody_releases_no_other_handle_under_its_user)
{
    successor next = leave_while_it_changes_hands("handle.looked-once");
    cr_expect_eq(next.h, next.before, "it was the same memory");
}

/* After the second look it is too late for a third: the claim is for the word that it had read. */
Test(lease_points, the_memory_stays_from_the_second_look_to_the_claim)
{
    successor next = leave_while_it_changes_hands("core.claim-leased");
    cr_expect_neq(next.h, next.before);
    cr_expect_eq(make(), next.before, "and not for longer");
}

/* ---- deaths ------------------------------------------------------------------------------------------------------ */

static int refuse_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return EIO;
}

/* The worker cannot claim it in the step that closes it, and still knows that it has released it. */
Test(lease_points, a_refused_release_of_what_others_had_leased_is_a_death_like_any_other)
{
    sh_handle *h = make();
    lease_elsewhere(h);
    testing_on_release(refuse_release);
    cr_assert_eq(sh_host_drop(h), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, NULL), 1);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 1);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 0, "nobody has one");
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(make(), h, "its memory is given back");
}

/* ---- who leased it ----------------------------------------------------------------------------------------------- */

static int fences_of_close(sh_handle *h)
{
    testing_at("handle.fence", 1, NULL, NULL);
    cr_expect_eq(sh_close(h), SH_OK);
    int reached = testing_reached();
    testing_at_nothing();
    return reached;
}

Test(lease_points, a_close_fences_for_other_threads_only)
{
    sh_handle *nobodys = make(), *mine = make(), *others = make(), *everybodys = make();
    (void)run_lease(mine);
    lease_elsewhere(others);
    (void)run_lease(everybodys);
    lease_elsewhere(everybodys);
    cr_expect_eq(fences_of_close(nobodys), 0);
    cr_expect_eq(fences_of_close(mine), 0);
    cr_expect_eq(fences_of_close(others), 1);
    cr_expect_eq(fences_of_close(everybodys), 1);
}

typedef struct number_question {
    sh_handle *h;
    int fences;
} number_question;

static void *attach_and_close(void *argument)
{
    number_question *asked = argument;
    cr_assert_eq(sh_thread_attach(), SH_OK);
    asked->fences = fences_of_close(asked->h);
    return NULL;
}

/* The number is the slots', and they are empty by then. */
Test(lease_points, the_next_thread_with_the_slots_may_close_it)
{
    number_question asked = {.h = make()};
    lease_elsewhere(asked.h);
    on_a_thread(attach_and_close, &asked);
    cr_expect_eq(asked.fences, 0, "it has the number of the thread before");
    expect_released_once(asked.h);
}

/* ---- where the slots are ----------------------------------------------------------------------------------------- */

/* Of so many, all but the last end; whoever closes has to find it. */
static void hold_deep(int depth)
{
    sh_handle *h = make(), *other = make();
    sh_lease leases[DEEP];
    size_t before = testing_released().count;
    for (int i = 0; i < depth; i++)
        begin_lease(&leases[i], i + 1 < depth ? other : h);
    for (int i = 0; i + 1 < depth; i++)
        sh_lease_end(&leases[i]);
    close_elsewhere(h);
    cr_expect_not(sh_is_released(h), "%d deep", depth);
    cr_expect_eq(sh_close(h), SH_PENDING);
    sh_lease_end(&leases[depth - 1]);
    cr_expect_eq(testing_released().count, before + 1, "%d deep", depth);
    cr_expect_eq(sh_close(other), SH_OK);
}

Test(lease_points, a_look_finds_each_slot)
{
    for (int depth = 1; depth <= DEEP; depth++)
        hold_deep(depth);
}

Test(lease_points, one_handle_twice)
{
    sh_handle *h = make();
    sh_lease outer, inner;
    begin_lease(&outer, h);
    begin_lease(&inner, h);
    cr_expect_eq(sh_close(h), SH_PENDING);
    sh_lease_end(&outer);
    cr_expect_not(sh_is_released(h));
    sh_lease_end(&inner);
    expect_released_once(h);
}

Test(lease_points, an_ended_lease_ends_no_other)
{
    sh_handle *h = make(), *other = make();
    sh_lease ended, lease;
    begin_lease(&ended, other);
    sh_lease_end(&ended);
    begin_lease(&lease, h);
    sh_lease_end(&ended); /* its slot is another's by now */
    cr_expect_eq(sh_close(h), SH_PENDING);
    sh_lease_end(&lease);
    expect_released_once(h);
}

/* ---- detaching --------------------------------------------------------------------------------------------------- */

Test(lease_points, detached_from_what_is_closed)
{
    sh_handle *h = make();
    sh_lease lease;
    begin_lease(&lease, h);
    close_elsewhere(h);
    cr_expect_eq(sh_lease_detach(&lease), SH_OK);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released_once(h);
}

Test(lease_points, detached_at_the_limit_of_the_count)
{
    sh_handle *h = make();
    sh_lease lease;
    begin_lease(&lease, h);
    (void)atomic_word_add(&h->state.bits, STATE_LIMIT);
    cr_expect_eq(sh_lease_detach(&lease), SH_E_OVERFLOW);
    (void)atomic_word_add(&h->state.bits, (word_t)0 - STATE_LIMIT);
    cr_expect_eq(sh_close(h), SH_PENDING, "the lease goes on");
    sh_lease_end(&lease);
    expect_released_once(h);
}

static void close_for_a_look(void *h)
{
    close_elsewhere(h);
    cr_expect_not(sh_is_released(h));
}

/* The count before the slot is cleared: it is seen in one place at least. */
Test(lease_points, a_close_while_it_is_detached)
{
    sh_handle *h = make();
    sh_lease lease;
    begin_lease(&lease, h);
    testing_at("core.join", 1, close_for_a_look, h);
    cr_expect_eq(sh_lease_detach(&lease), SH_OK);
    cr_expect_eq(testing_reached(), 2, "the close changed the word");
    testing_at_nothing();
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released_once(h);
}

static void detach(void *lease)
{
    cr_expect_eq(sh_lease_detach(lease), SH_OK);
}

/* Whoever looked and found no slot finds the count. */
Test(lease_points, detached_while_somebody_looks)
{
    sh_handle *h = make();
    sh_lease lease;
    lease_elsewhere(h);
    begin_lease(&lease, h);
    testing_at("thread.look", 1, detach, &lease);
    close_elsewhere(h);
    cr_expect_geq(testing_reached(), 1);
    testing_at_nothing();
    cr_expect_not(sh_is_released(h));
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released_once(h);
}

/* ---- signal handlers --------------------------------------------------------------------------------------------- */

static sh_handle *handlers[2];

/* Handles that somebody keeps open meanwhile. */
static void lease_in_handler(int number)
{
    (void)number;
    for (int i = 0; i < 2; i++) {
        sh_lease outer, inner;
        sh_raw raw;
        if (sh_lease_begin(&outer, handlers[i], &raw) != SH_OK)
            continue;
        if (sh_lease_begin(&inner, handlers[i], &raw) == SH_OK)
            sh_lease_end(&inner);
        sh_lease_end(&outer);
    }
}

static void interrupt_here(void *unused)
{
    (void)unused;
    (void)raise(SIGUSR1);
}

Test(lease_points, a_signal_handler_may_lease_at_each_of_them)
{
    static const char *const points[] = {"handle.lease-written", "core.lease",    "handle.lease-cleared",
                                         "handle.fence",         "handle.fenced", "thread.look",
                                         "handle.looked-once",   "handle.looked", "core.claim-leased"};
    (void)signal(SIGUSR1, lease_in_handler);
    sh_handle *held = make();
    sh_lease keeps;
    begin_lease(&keeps, held);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        sh_handle *h = make();
        lease_elsewhere(h);
        handlers[0] = held;
        handlers[1] = h;
        sh_lease lease;
        testing_at(points[i], 1, interrupt_here, NULL);
        begin_lease(&lease, h);
        sh_lease_end(&lease);
        cr_expect_eq(sh_close(h), SH_OK, "at %s", points[i]);
        cr_expect_eq(testing_reached() > 0, true, "%s", points[i]);
        testing_at_nothing();
        cr_expect_eq(testing_released().count, i + 1);
    }
    cr_expect_eq(sh_close(held), SH_PENDING);
    sh_lease_end(&keeps);
    cr_expect(sh_is_released(held));
}

/* ---- without a barrier ------------------------------------------------------------------------------------------- */

Test(lease_points, users_fence_where_there_is_no_barrier)
{
    atomic_word_store(&platform_barrier_missing, 1);
    sh_handle *h = make();
    (void)run_lease(h);
    cr_expect_neq(state_word_read(&h->state) & STATE_USERS_FENCE, 0);
    lease_elsewhere(h);
    cr_expect_eq(fences_of_close(h), 0);
    atomic_word_store(&platform_barrier_missing, 0);
}

Test(lease_points, a_barrier_that_fails_releases_nothing)
{
    sh_handle *h = make();
    lease_elsewhere(h);
    testing_at("platform.barrier", 1, NULL, NULL);
    cr_expect_eq(sh_close(h), SH_E_SYSTEM);
    testing_at_nothing();
    cr_expect_eq(sh_close(h), SH_E_SYSTEM, "told once");
    cr_expect_not(sh_is_released(h));
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 1);
    atomic_word_store(&platform_barrier_missing, 0);
    cr_expect_eq(sh_close(h), SH_OK, "once it may ask again");
}

/* ---- an unload --------------------------------------------------------------------------------------------------- */

/* Its one barrier is behind all handles' refusal, and whoever ends a lease since then fences. */
Test(lease_points, a_lease_ends_while_its_domain_is_unloaded)
{
    sh_domain *domain;
    sh_handle *h;
    sh_lease lease;
    cr_assert_eq(sh_domain_create("unloaded", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    h = make();
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    begin_lease(&lease, h);
    testing_at("unload.condemn", 1, end_lease, &lease);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect_eq(testing_reached(), 1);
    testing_at_nothing();
    expect_released_once(h);
}

Test(lease_points, who_ends_a_lease_while_its_domain_is_unloaded_fences)
{
    sh_handle *h = make();
    sh_lease lease;
    begin_lease(&lease, h);
    state_word_drain(&h->state);
    testing_at("handle.left", 1, NULL, NULL);
    sh_lease_end(&lease);
    cr_expect_eq(testing_reached(), 1);
    testing_at_nothing();
    cr_expect_eq(sh_close(h), SH_OK);
}

/* And once before, for whoever is making handles in the domain. */
Test(lease_points, an_unload_fences_once_for_all_handles)
{
    enum { MANY = 5 };
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("unloaded", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    for (int i = 0; i < MANY; i++)
        lease_elsewhere(make());
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    testing_from("platform.barrier", MANY + 100, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect_eq(testing_reached(), 2);
    testing_at_nothing();
    cr_expect_eq(testing_released().count, MANY);
}

Test(lease_points, an_unload_without_a_barrier_leaves_it_open)
{
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("unloaded", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    sh_handle *h = make();
    lease_elsewhere(h);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    testing_from("platform.barrier", 1, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domain, 100, NULL), SH_E_TIMEOUT);
    testing_at_nothing();
    cr_expect_not(sh_is_released(h));
    atomic_word_store(&platform_barrier_missing, 0);
}

/* ---- counted references, as the library's own functions take them ------------------------------------------------ */

static void undo_over_release(void *argument)
{
    sh_handle *h = argument;
    (void)atomic_word_add(&h->state.bits, STATE_ONE);
}

Test(lease_points, a_reference_beside_a_release_too_many)
{
    sh_handle *h = make();
    bool taken = false;
    (void)atomic_word_add(&h->state.bits, (word_t)0 - STATE_ONE);
    testing_at("core.negative", 1, undo_over_release, h);
    cr_expect_eq(sh_dangerous_add_ref(h, &taken), SH_OK);
    testing_at_nothing();
    cr_expect(taken);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(sh_close(h), SH_OK);
}

static sh_status in_finalizer;

static void refer(void *object, void *h)
{
    bool taken = false;
    (void)object;
    in_finalizer = sh_dangerous_add_ref(h, &taken);
    if (taken)
        (void)sh_dangerous_release(h);
}

static void expect_refused(void *h)
{
    bool taken = false;
    cr_expect_eq(sh_dangerous_add_ref(h, &taken), SH_E_CLOSED, "no thread of ours");
}

static void unload_with_finalizer(bool closed)
{
    static char object;
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("unloaded", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    sh_handle *h = make();
    cr_assert_eq(sh_finalizer_register(&object, refer, h), SH_OK);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    if (closed)
        (void)sh_close(h);
    testing_at("unload.refused", 1, expect_refused, h);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    testing_at_nothing();
    cr_expect_eq(in_finalizer, closed ? SH_E_CLOSED : SH_OK);
}

Test(lease_points, finalizers_alone_take_references_while_draining)
{
    unload_with_finalizer(false);
    unload_with_finalizer(true);
}
