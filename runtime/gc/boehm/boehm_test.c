/* SPDX-License-Identifier: MIT */
/* The runtime on the real collector. A conservative stack may hold a few dead objects: at least 95 % must be found. */
#include "gc/boehm/boehm.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(boehm, .init = testing_start_boehm);

#define NEARLY_ALL(count) ((count) - (count) / 20)

static void make_leak(size_t i, void *kind)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(kind, (sh_raw)i + 1, NULL, &h), SH_OK);
}

/* Without a collection in between, so that one collection finds them all. */
static void drop(size_t count, void (*make)(size_t i, void *data), void *data)
{
    GC_disable();
    testing_make_garbage(count, make, data);
    GC_enable();
}

static void drop_handles(size_t count)
{
    drop(count, make_leak, (void *)(uintptr_t)&testing_kind);
}

/* ---- finding the dead -------------------------------------------------------------------------------------------- */

Test(boehm, the_first_full_collection_finds_every_dead_handle)
{
    enum { COUNT = 20000 };
    drop_handles(COUNT);
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(COUNT));
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 1, "a million leaks from one line are one event");
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), testing_released().count);
}

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t first = *(const uintptr_t *)a, second = *(const uintptr_t *)b;
    return (first > second) - (first < second);
}

/* What the collector has given for handles, and no handle was made of yet, it must not give to anybody else. */
Test(boehm, new_objects_outlive_a_collection)
{
    enum { ROUNDS = 40, EACH = 75 };
    static sh_handle *all[ROUNDS * EACH];
    for (size_t i = 0; i < ROUNDS * EACH; i++) {
        if (i % EACH == 0)
            sh_collect();
        cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &all[i]), SH_OK);
    }
    for (size_t i = 0; i < ROUNDS * EACH; i++)
        cr_assert_eq(sh_dangerous_get_handle(all[i]), (sh_raw)i + 1, "two handles have the same memory");
    qsort(all, ROUNDS * EACH, sizeof *all, compare_addresses);
    for (size_t i = 1; i < ROUNDS * EACH; i++)
        cr_assert_neq(all[i], all[i - 1]);
}

static void *make_many(void *unused)
{
    enum { MANY = 20000 };
    cr_assert_eq(sh_thread_attach(), SH_OK);
    for (sh_raw raw = 1; raw <= MANY; raw++) {
        sh_handle *h;
        cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
        cr_assert_eq(sh_dangerous_get_handle(h), raw, "another thread has the same memory");
        if (raw % 7 != 0)
            cr_assert_eq(sh_close(h), SH_OK);
    }
    return unused;
}

/* They take new objects from one list, which one of them fills. */
Test(boehm, threads_that_make_handles_share_none)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_many, NULL), 0);
    for (int i = 0; i < 5; i++)
        sh_collect();
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    sh_collect();
    testing_settle();
    cr_expect_gt(testing_released().count, 4 * 20000 * 6 / 7);
}

Test(boehm, living_handles_are_left_alone)
{
    enum { COUNT = 2000 };
    sh_handle **living = GC_MALLOC(COUNT * sizeof *living);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &living[i]), SH_OK);
    for (int i = 0; i < 5; i++)
        sh_collect();
    testing_settle();
    cr_expect_eq(testing_released().count, 0);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(sh_dangerous_get_handle(living[i]), (sh_raw)i + 1);
    sh_keep_alive(living);
}

static platform_signal let_go;

static int wait_in_first_release(sh_raw raw, void *context)
{
    static atomic_word begun;
    (void)raw;
    (void)context;
    if (atomic_word_add(&begun, 1) == 0)
        (void)platform_signal_wait(&let_go, PLATFORM_FOREVER);
    return 0;
}

/* Finding 2: a queued handle is only safe for one cycle, unless every later one marks it again. */
Test(boehm, dead_handles_survive_any_number_of_collections_in_their_lane)
{
    enum { COUNT = 10000 };
    sh_options options = {.finalizer_deadline_ms = -1};
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&options), SH_OK);
    platform_signal_init(&let_go);
    testing_on_release(wait_in_first_release);
    drop_handles(COUNT);
    sh_collect();
    for (int i = 0; i < 10; i++) {
        sh_collect();
        for (int j = 0; j < 20000; j++)
            (void)GC_MALLOC_ATOMIC(24); /* would take the place of a handle that was swept */
    }
    platform_signal_post(&let_go);
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(COUNT));
    cr_expect_eq(testing_events_sum(SH_EVENT_LEAKED_TO_FINALIZER), testing_released().count, "each of them intact");
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, NULL), 0);
}

/* What the collector had handed out in all at the first release, and at the newest. */
static struct {
    size_t first_bytes;
    size_t newest_bytes;
} allocated;

static int note_allocated(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    allocated.newest_bytes = GC_get_total_bytes();
    if (allocated.first_bytes == 0)
        allocated.first_bytes = allocated.newest_bytes;
    return 0;
}

/* Without a deadline, since a worker that takes over from a slow one allocates. */
Test(unstarted_boehm, the_critical_lane_allocates_nothing)
{
    enum { COUNT = 5000 };
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .finalizer_deadline_ms = -1};
    cr_assert_eq(sh_init(&options), SH_OK);
    testing_listen();
    testing_on_release(note_allocated);
    drop_handles(COUNT);
    testing_from("platform.pages", 1, NULL, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(COUNT));
    cr_expect_eq(allocated.newest_bytes, allocated.first_bytes);
    cr_expect_eq(testing_reached(), 0, "nor maps it pages");
    testing_at_nothing();
}

static void make_and_close(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &h), SH_OK);
    cr_assert_eq(sh_close(h), SH_OK);
}

static void count_watched(void *handle, void *count)
{
    (void)handle;
    (*(size_t *)count)++;
}

Test(boehm, closed_handles_leave_the_table_in_silence)
{
    enum { COUNT = 5000 };
    drop(COUNT, make_and_close, NULL);
    sh_collect();
    size_t watched = 0;
    gc->visit_watched(GC_EVERY_GROUP, count_watched, &watched);
    cr_expect_leq(watched, COUNT / 20);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
}

Test(boehm, incremental_collections_end_in_a_full_one)
{
    enum { COUNT = 5000 };
    GC_enable_incremental();
    drop_handles(COUNT);
    for (int i = 0; i < 200; i++)
        (void)GC_collect_a_little();
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(COUNT));
}

/* ---- the order --------------------------------------------------------------------------------------------------- */

/* Document 002's FileStream, as an object of the collector: its handle, and bytes that are not written yet. */
typedef struct stream {
    sh_handle *h;
    size_t number;
} stream;

static struct {
    size_t flushed;
    size_t refused;
    size_t released_before; /* releases that were seen before the last flush */
} streams;

static void flush_stream(void *object, void *unused)
{
    (void)unused;
    const stream *s = object;
    sh_status status;
    SH_WITH_HANDLE (s->h, raw, status) {
        streams.flushed += raw == (sh_raw)s->number + 1;
    }
    streams.refused += status != SH_OK;
    streams.released_before = testing_released().count;
}

static void drop_stream(size_t i, void *unused)
{
    (void)unused;
    stream *s = GC_MALLOC(sizeof *s);
    s->number = i;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &s->h), SH_OK);
    cr_assert_eq(sh_finalizer_register(s, flush_stream, NULL), SH_OK);
}

Test(boehm, ten_thousand_streams_dropped_without_close)
{
    enum { COUNT = 10000 };
    drop(COUNT, drop_stream, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(streams.flushed, NEARLY_ALL(COUNT));
    cr_expect_eq(streams.refused, 0);
    cr_expect_eq(streams.released_before, 0, "every flush before the first release");
    cr_expect_geq(testing_released().count, NEARLY_ALL(COUNT));
}

static void note_order(void *object, void *unused)
{
    (void)object;
    (void)unused;
    streams.flushed++;
    streams.released_before = testing_released().count;
}

static void drop_owner(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    cr_assert_eq(sh_finalizer_register(GC_MALLOC(16), note_order, NULL), SH_OK);
}

Test(boehm, the_order_holds_without_references_between_them)
{
    enum { COUNT = 1000 };
    drop_handles(COUNT);
    drop(COUNT, drop_owner, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(streams.flushed, NEARLY_ALL(COUNT));
    cr_expect_eq(streams.released_before, 0);
}

static void *drop_a_hundred_and_a_hundred(void *unused)
{
    cr_assert_eq(sh_thread_attach(), SH_OK);
    drop_handles(100);
    drop(100, drop_owner, NULL);
    return unused;
}

Test(boehm, a_hundred_and_a_hundred_made_in_parallel_threads)
{
    pthread_t threads[8];
    GC_disable();
    for (int i = 0; i < 8; i++)
        (void)pthread_create(&threads[i], NULL, drop_a_hundred_and_a_hundred, NULL);
    for (int i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    GC_enable();
    sh_collect();
    testing_settle();
    cr_expect_geq(streams.flushed, NEARLY_ALL(800));
    cr_expect_eq(streams.released_before, 0);
    cr_expect_geq(testing_released().count, NEARLY_ALL(800));
}

/* A chain and a cycle of owners: with ordered finalizers a chain of 10 needs 18 collections, and a cycle never ends. */
typedef struct linked {
    struct linked *next;
    sh_handle *h;
} linked;

static void drop_ring(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    linked *members[10];
    for (int m = 0; m < 10; m++) {
        members[m] = GC_MALLOC(sizeof **members);
        cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &members[m]->h), SH_OK);
        cr_assert_eq(sh_finalizer_register(members[m], note_order, NULL), SH_OK);
    }
    for (int m = 0; m < 10; m++)
        members[m]->next = members[(m + 1) % 10];
}

Test(boehm, a_ring_of_owners_is_finalized_by_one_collection)
{
    drop(100, drop_ring, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(streams.flushed, NEARLY_ALL(1000));
    cr_expect_eq(streams.released_before, 0);
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
}

static stream *saved;

static void resurrect(void *object, void *unused)
{
    (void)unused;
    saved = object;
}

static void drop_resurrected(size_t i, void *unused)
{
    drop_stream(i, unused);
    stream *s = GC_MALLOC(sizeof *s);
    cr_assert_eq(sh_wrap(&testing_kind, 99, NULL, &s->h), SH_OK);
    cr_assert_eq(sh_finalizer_register(s, resurrect, NULL), SH_OK);
}

/* The owner is back; its handle was released by its critical finalizer, and says so. */
Test(boehm, a_resurrected_owner_finds_its_handle_closed)
{
    drop(20, drop_resurrected, NULL);
    sh_collect();
    testing_settle();
    cr_assert_not_null(saved);
    sh_collect();
    cr_expect(sh_is_closed(saved->h));
    cr_expect(sh_is_released(saved->h));
    bool success = false;
    cr_expect_eq(sh_dangerous_add_ref(saved->h, &success), SH_E_CLOSED);
}

/* ---- references that the collector cannot see -------------------------------------------------------------------- */

/* A pointer that only a malloc'ed place has, with a reference on the handle. */
static word_t *hidden_places[20];

static void hide_with_reference(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h;
    bool success = false;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &h), SH_OK);
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    *hidden_places[i] = gc_hide(h);
}

Test(boehm, a_leaked_reference_keeps_handle_and_memory)
{
    for (int i = 0; i < 20; i++)
        hidden_places[i] = malloc(sizeof(word_t));
    testing_make_garbage(20, hide_with_reference, NULL);
    for (int i = 0; i < 3; i++) {
        sh_collect();
        testing_settle();
        for (int j = 0; j < 20000; j++)
            (void)GC_MALLOC_ATOMIC(24);
    }
    cr_expect_eq(testing_released().count, 0);
    cr_expect_geq(testing_events_sum(SH_EVENT_LEAKED_REFERENCE), 19);
    cr_expect_leq(testing_events_sum(SH_EVENT_LEAKED_REFERENCE), 20, "told once each");
    for (int i = 0; i < 20; i++) {
        sh_handle *h = gc_unhide(*hidden_places[i]);
        cr_expect_eq(sh_dangerous_get_handle(h), i + 1);
        cr_expect_eq(sh_dangerous_release(h), SH_OK);
        (void)sh_close(h);
    }
    cr_expect_eq(testing_released().count, 20);
}

static sh_lease outlasting;

static void lease_and_forget(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h;
    sh_raw raw;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &h), SH_OK);
    cr_assert_eq(sh_lease_begin(&outlasting, h, &raw), SH_OK);
    outlasting.handle = (sh_handle *)gc_hide(h); /* only the thread's record reaches it */
}

Test(boehm, a_lease_reaches_its_handle)
{
    testing_make_garbage(1, lease_and_forget, NULL);
    for (int i = 0; i < 3; i++)
        sh_collect();
    testing_settle();
    cr_expect_eq(testing_released().count, 0);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 0, "it is not leaked either");
    outlasting.handle = gc_unhide((word_t)outlasting.handle);
    sh_lease_end(&outlasting);
}

/* ---- deaths that have to be confirmed ---------------------------------------------------------------------------- */

static stream *guarded[100];
static size_t guarded_count;

/* What a guardian does: an ordered finalizer of the host's brings the object back. */
static void GC_CALLBACK guard(void *object, void *unused)
{
    (void)unused;
    if (guarded_count < 100)
        guarded[guarded_count++] = object;
}

static void drop_guarded(size_t i, void *unused)
{
    (void)unused;
    stream *s = GC_MALLOC(sizeof *s);
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &s->h), SH_OK);
    GC_register_finalizer(s, guard, NULL, NULL, NULL);
}

static void expect_guarded(bool confirm, size_t least_released, size_t most_released)
{
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&(sh_options){.confirm_death = confirm}), SH_OK);
    drop(50, drop_guarded, NULL);
    GC_gcollect();
    testing_settle();
    cr_assert_geq(guarded_count, NEARLY_ALL(50));
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, least_released);
    cr_expect_leq(testing_released().count, most_released);
    sh_keep_alive(guarded);
}

Test(boehm, what_a_guardian_brings_back_is_dead_to_the_first_collection)
{
    expect_guarded(false, NEARLY_ALL(50), 50);
}

Test(boehm, what_a_guardian_brings_back_lives_when_deaths_are_confirmed)
{
    expect_guarded(true, 0, 0);
}

Test(boehm, a_confirmed_death_takes_two_collections)
{
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&(sh_options){.confirm_death = true}), SH_OK);
    drop_handles(1000);
    GC_gcollect();
    testing_settle();
    cr_expect_eq(testing_released().count, 0);
    GC_gcollect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
}

/* So few that all their addresses are judged together: none may be left where the second collection looks. */
Test(boehm, the_first_look_leaves_nothing_for_the_second)
{
    enum { FEW = 50 };
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&(sh_options){.confirm_death = true}), SH_OK);
    drop_handles(FEW);
    GC_gcollect();
    GC_gcollect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(FEW));
}

/* The objects that wait in the host's queue still reach their handles when the second collection looks. */
Test(boehm, a_collection_that_is_asked_for_confirms_by_itself)
{
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&(sh_options){.confirm_death = true}), SH_OK);
    drop(50, drop_guarded, NULL);
    drop_handles(1000);
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
    cr_expect_leq(testing_released().count, 1000);
    cr_expect_geq(guarded_count, NEARLY_ALL(50));
    sh_keep_alive(guarded);
}

/* ---- finalizers of others ---------------------------------------------------------------------------------------- */

static size_t foreign_runs;

static void GC_CALLBACK run_foreign(void *object, void *data)
{
    (void)object;
    foreign_runs += (size_t)(uintptr_t)data;
}

static void drop_with_foreign_first(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    void *object = GC_MALLOC(16);
    GC_register_finalizer_no_order(object, run_foreign, (void *)1, NULL, NULL);
    cr_assert_eq(sh_finalizer_register(object, note_order, NULL), SH_OK);
    cr_assert_eq(sh_finalizer_register(object, note_order, NULL), SH_OK);
}

Test(boehm, a_finalizer_that_was_there_before_runs_too)
{
    drop(1000, drop_with_foreign_first, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(foreign_runs, NEARLY_ALL(1000));
    cr_expect_eq(streams.flushed, 2 * foreign_runs);
}

static void drop_suppressed(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    void *object = GC_MALLOC(16);
    GC_register_finalizer_no_order(object, run_foreign, (void *)1, NULL, NULL);
    cr_assert_eq(sh_finalizer_register(object, note_order, NULL), SH_OK);
    sh_finalizer_suppress(object);
}

Test(boehm, suppressing_ours_leaves_theirs)
{
    drop(1000, drop_suppressed, NULL);
    sh_collect();
    testing_settle();
    cr_expect_eq(streams.flushed, 0);
    cr_expect_geq(foreign_runs, NEARLY_ALL(1000));
}

Test(boehm, suppressing_what_has_only_theirs)
{
    void *object = GC_MALLOC(16);
    GC_register_finalizer_no_order(object, run_foreign, (void *)1, NULL, NULL);
    sh_finalizer_suppress(object);
    sh_finalizer_suppress((char *)object + 1);
    GC_finalization_proc there = 0;
    GC_register_finalizer_no_order(object, 0, NULL, &there, NULL);
    cr_expect_eq(there, run_foreign);
}

static stream *neighbour_of(void *object)
{
    return *(stream **)object;
}

static void suppress_neighbour(void *object, void *unused)
{
    (void)unused;
    sh_finalizer_suppress(neighbour_of(object));
    foreign_runs++;
}

static void drop_with_neighbour(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    stream **object = GC_MALLOC(sizeof *object);
    *object = GC_MALLOC(sizeof **object);
    cr_assert_eq(sh_finalizer_register(object, suppress_neighbour, NULL), SH_OK);
    cr_assert_eq(sh_finalizer_register(*object, note_order, NULL), SH_OK);
}

Test(boehm, a_finalizer_may_suppress_one_that_is_due)
{
    drop(1000, drop_with_neighbour, NULL);
    sh_collect();
    testing_settle();
    cr_expect_geq(foreign_runs, NEARLY_ALL(1000));
    cr_expect_lt(streams.flushed, foreign_runs, "those that came after their neighbour");
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, NULL), 0, "none is waited for in vain");
}

/* ---- finalizers and unloads -------------------------------------------------------------------------------------- */

static void unload_beside(void *domain)
{
    testing_at_nothing();
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
}

static sh_domain *enter_new_domain(void)
{
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    return domain;
}

static void count_run(void *object, void *in_out_count)
{
    (void)object;
    ++*(int *)in_out_count;
}

static void *unload_elsewhere(void *domain)
{
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    return NULL;
}

static pthread_t other_unload;

static void begin_another_unload(void *domain)
{
    testing_at_nothing();
    (void)pthread_create(&other_unload, NULL, unload_elsewhere, domain);
    (void)usleep(50 * 1000); /* into its wait */
}

/* The one has the finalizer in its hands when the other comes to the handles. */
Test(boehm, of_two_unloads_neither_releases_before_the_finalizers)
{
    sh_domain *domain = enter_new_domain();
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 1, NULL, &h), SH_OK);
    void *object = GC_MALLOC(16);
    cr_assert_eq(sh_finalizer_register(object, note_order, NULL), SH_OK);
    testing_at("finalizer.condemn", 1, begin_another_unload, domain);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    (void)pthread_join(other_unload, NULL);
    cr_expect_eq(streams.flushed, 1);
    cr_expect_eq(streams.released_before, 0);
    cr_expect_eq(testing_released().count, 1);
}

Test(boehm, a_finalizer_that_is_registered_beside_an_unload_is_refused)
{
    sh_domain *domain = enter_new_domain();
    int runs = 0;
    void *object = GC_MALLOC(16);
    GC_finalization_proc there;
    testing_at("finalizer.registered", 1, unload_beside, domain);
    cr_expect_eq(sh_finalizer_register(object, count_run, &runs), SH_E_CLOSED);
    GC_register_finalizer_no_order(object, 0, NULL, &there, NULL);
    cr_expect_eq(there, (GC_finalization_proc)0, "taken back");
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    sh_collect();
    testing_settle();
    cr_expect_eq(runs, 0);
}

/* The unload meets the object by its first finalizer, and takes the second one along. */
Test(boehm, a_finalizer_that_an_unload_has_met_is_not_refused)
{
    sh_domain *domain = enter_new_domain();
    int runs = 0;
    void *object = GC_MALLOC(16);
    cr_assert_eq(sh_finalizer_register(object, count_run, &runs), SH_OK);
    testing_at("finalizer.registered", 1, unload_beside, domain);
    cr_expect_eq(sh_finalizer_register(object, count_run, &runs), SH_OK);
    cr_expect_eq(runs, 2);
    sh_collect();
    testing_settle();
    cr_expect_eq(runs, 2);
}

Test(boehm, a_domain_with_a_finalizer_is_not_destroyed)
{
    sh_domain *domain = enter_new_domain();
    int runs = 0;
    void *object = GC_MALLOC(16);
    cr_assert_eq(sh_finalizer_register(object, count_run, &runs), SH_OK);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    cr_assert_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(runs, 1);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    GC_reachable_here(object);
}

Test(boehm, a_finalizer_needs_the_first_byte_of_an_object)
{
    char *object = GC_MALLOC(64);
    void *elsewhere = malloc(64);
    cr_expect_eq(sh_finalizer_register(object + 8, note_order, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_finalizer_register(elsewhere, note_order, NULL), SH_E_ARGUMENT);
    free(elsewhere);
}

Test(boehm, a_finalizer_without_memory_is_not_registered)
{
    void *object = GC_MALLOC(64);
    testing_at("gc.finalizer", 1, NULL, NULL);
    cr_expect_eq(sh_finalizer_register(object, note_order, NULL), SH_E_NOMEM);
    testing_at_nothing();
    GC_finalization_proc there = 0;
    GC_register_finalizer_no_order(object, 0, NULL, &there, NULL);
    cr_expect_eq((void *)(uintptr_t)there, NULL);
    cr_expect_eq(sh_finalizer_register(object, note_order, NULL), SH_OK);
}

/* ---- the collection callback ------------------------------------------------------------------------------------- */

static size_t events_heard;

static void GC_CALLBACK listen_only(GC_EventType event)
{
    (void)event;
    events_heard++;
}

static GC_on_collection_event_proc before_them;

static void GC_CALLBACK listen_and_pass_on(GC_EventType event)
{
    events_heard++;
    before_them(event);
}

Test(boehm, a_replaced_callback_is_noticed_and_called)
{
    GC_set_on_collection_event(listen_only);
    drop_handles(1000);
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
    cr_expect_gt(events_heard, 0);
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 1);
    size_t before = events_heard;
    sh_collect();
    cr_expect_gt(events_heard, before, "theirs is called by ours");
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 1);
}

Test(boehm, a_callback_that_passes_on_is_none_of_our_business)
{
    before_them = GC_get_on_collection_event();
    GC_set_on_collection_event(listen_and_pass_on);
    drop_handles(1000);
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 0);
    cr_expect_eq(sh_shutdown(1000), SH_OK);
    cr_expect_eq(GC_get_on_collection_event(), listen_and_pass_on);
    GC_gcollect();
}

static size_t hosts_own;

static void GC_CALLBACK listen_before_us(GC_EventType event)
{
    (void)event;
    hosts_own++;
}

/* The host listened before us, somebody else chained in front of us, and the runtime stops and starts. */
Test(boehm, the_hosts_callback_survives_a_restart_inside_a_chain)
{
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    GC_set_on_collection_event(listen_before_us);
    cr_assert_eq(sh_init(NULL), SH_OK);
    before_them = GC_get_on_collection_event();
    GC_set_on_collection_event(listen_and_pass_on);
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(NULL), SH_OK);
    size_t before = hosts_own;
    drop_handles(1000);
    sh_collect();
    testing_settle();
    cr_expect_gt(hosts_own, before);
    cr_expect_geq(testing_released().count, NEARLY_ALL(1000));
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 0);
    GC_set_on_collection_event(before_them);
    cr_expect_eq(sh_shutdown(1000), SH_OK);
    cr_expect_eq(GC_get_on_collection_event(), listen_before_us);
}

Test(boehm, a_replaced_callback_is_noticed_without_being_asked)
{
    GC_set_on_collection_event(listen_only);
    GC_gcollect();
    drop_handles(10);
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 1);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *use_on_a_fresh_thread(void *unused)
{
    for (int i = 0; i < 200; i++) {
        sh_handle *h;
        cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
        if (i % 50 == 0)
            sh_collect();
        cr_assert_eq(sh_close(h), SH_OK);
    }
    return unused;
}

Test(boehm, a_thread_that_the_collector_does_not_know_is_attached_by_its_first_use)
{
    for (int round = 0; round < 5; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            (void)pthread_create(&threads[i], NULL, use_on_a_fresh_thread, NULL);
        for (int i = 0; i < 4; i++)
            (void)pthread_join(threads[i], NULL);
    }
    cr_expect_eq(testing_released().count, 5 * 4 * 200);
}

static void *thread_that_blocks_signals(void *unused)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    return use_on_a_fresh_thread(unused);
}

Test(boehm, a_thread_that_blocks_signals_answers_the_collector)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, thread_that_blocks_signals, NULL);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(testing_released().count, 200);
}

Test(boehm, a_thread_the_collector_knew_stays_known)
{
    cr_expect_eq(sh_thread_detach(), SH_OK);
    cr_expect(GC_thread_is_registered());
    cr_expect_eq(sh_thread_attach(), SH_OK);
}

enum { MAKERS = 4, MADE_BY_EACH = 50000 };

static atomic_word made;

static void make_one(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &h), SH_OK);
    (void)atomic_word_add(&made, 1);
    if (i % 3 == 0)
        cr_assert_eq(sh_close(h), SH_OK);
}

static void *make_and_drop(void *unused)
{
    cr_assert_eq(sh_thread_attach(), SH_OK);
    testing_make_garbage(MADE_BY_EACH, make_one, NULL);
    return unused;
}

static atomic_word stop_collecting;

static void *collect_on_and_on(void *unused)
{
    while (atomic_word_load(&stop_collecting) == 0) {
        sh_collect();
        platform_sleep_ms(1); /* or nobody else gets the collector's lock for seconds on end */
    }
    return unused;
}

/* Makers, closers, the collector and the lanes all at once: in the end each was released exactly once. */
Test(boehm, many_threads_under_constant_collection)
{
    pthread_t makers[MAKERS], collector;
    (void)pthread_create(&collector, NULL, collect_on_and_on, NULL);
    for (int i = 0; i < MAKERS; i++)
        (void)pthread_create(&makers[i], NULL, make_and_drop, NULL);
    for (int i = 0; i < MAKERS; i++)
        (void)pthread_join(makers[i], NULL);
    atomic_word_store(&stop_collecting, 1);
    (void)pthread_join(collector, NULL);
    sh_collect();
    testing_settle();
    size_t found = testing_released().count;
    cr_expect_geq(found, NEARLY_ALL((size_t)MAKERS * MADE_BY_EACH));
    cr_expect_eq(sh_shutdown(5000), SH_OK);
    cr_expect_eq(testing_released().count, atomic_word_load(&made));
}

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static void leak_file(size_t i, void *unused)
{
    (void)i;
    (void)unused;
    sh_handle *h;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &h), SH_OK);
}

Test(boehm, when_descriptors_run_out_the_dead_give_theirs_back)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    testing_make_garbage(2000, leak_file, NULL);
    testing_settle();
}

Test(boehm, when_descriptors_run_out_deaths_are_confirmed_first)
{
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_assert_eq(sh_init(&(sh_options){.confirm_death = true}), SH_OK);
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    testing_make_garbage(2000, leak_file, NULL);
    testing_settle();
}

Test(boehm, a_wrapper_that_was_refused_is_garbage)
{
    sh_handle *first, *second = NULL;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &first), SH_OK);
    cr_expect_eq(sh_wrap(&sh_kind_fd, sh_dangerous_get_handle(first), NULL, &second), SH_E_OWNED);
    cr_expect_null(second);
    sh_collect();
    testing_settle();
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
    cr_expect_eq(sh_close(first), SH_OK);
}

/* ---- M13 --------------------------------------------------------------------------------------------------------- */

/* Document 002: a wrapper with a 4 KB buffer. With a finalizer of its own it survives the collection that finds it
 * dead; with only its handle finalizable it is gone. */
enum { WRAPPERS = 2000, BUFFER_SIZE_BYTES = 4080 /* 4 KB with the collector's own byte */ };

typedef struct wrapper {
    sh_handle *h;
    char *buffer;
} wrapper;

static void finalize_nothing(void *object, void *unused)
{
    (void)object;
    (void)unused;
}

static void drop_wrapper(size_t i, void *finalizable)
{
    wrapper *w = GC_MALLOC(sizeof *w);
    w->buffer = GC_MALLOC_ATOMIC(BUFFER_SIZE_BYTES);
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &w->h), SH_OK);
    if (*(bool *)finalizable)
        cr_assert_eq(sh_finalizer_register(w, finalize_nothing, NULL), SH_OK);
}

static size_t bytes_in_use(void)
{
    return GC_get_heap_size() - GC_get_free_bytes();
}

/* In use after the first collection that finds the wrappers dead, over what is in use without them. */
static size_t left_after_one_collection(bool finalizable)
{
    GC_gcollect();
    size_t before = bytes_in_use();
    drop(WRAPPERS, drop_wrapper, &finalizable);
    GC_gcollect();
    size_t after = bytes_in_use();
    testing_settle();
    return after > before ? after - before : 0;
}

Test(boehm, a_smaller_graph_goes_one_collection_sooner)
{
    size_t all = (size_t)WRAPPERS * BUFFER_SIZE_BYTES;
    size_t handle_only = left_after_one_collection(false);
    size_t own_finalizer = left_after_one_collection(true);
    cr_log_info("left of %zu KB of buffers: %zu KB with a finalizer, %zu KB without", all / 1024, own_finalizer / 1024,
                handle_only / 1024);
    cr_expect_leq(handle_only, all / 10);
    cr_expect_geq(own_finalizer, all - all / 10);
}
