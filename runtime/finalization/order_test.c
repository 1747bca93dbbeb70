/* SPDX-License-Identifier: MIT */
/* What runs before what in the two lanes, and whose finalizers run at all. */
#include "finalization/deaths_test.h"
#include <pthread.h>

TestSuite(lanes, .init = testing_start_manual);

/* ---- the order --------------------------------------------------------------------------------------------------- */

Test(lanes, every_normal_finalizer_before_the_first_critical_one)
{
    enum { EACH = 1000 };
    testing_on_release(record_critical);
    begin_collection();
    for (size_t i = 0; i < EACH; i++) {
        own(i, record_normal);
        drop(make((sh_raw)i + 1)); /* the handles are reported first */
        die(i);
    }
    end_collection();
    testing_settle();
    cr_assert_eq(history.count, 2 * EACH);
    for (size_t i = 0; i < EACH; i++) {
        cr_assert_eq(history.entries[i], 'n');
        cr_assert_eq(history.entries[EACH + i], 'c');
    }
}

static void *die_in_parallel(void *first)
{
    size_t begin = *(size_t *)first;
    begin_collection();
    for (size_t i = begin; i < begin + 100; i++) {
        own(i, record_normal);
        drop(make((sh_raw)i + 1));
        die(i);
    }
    end_collection();
    return NULL;
}

/* Each thread's hundred and hundred are one collection of their own: within it the order holds. */
Test(lanes, a_hundred_and_a_hundred_in_parallel_threads)
{
    testing_on_release(record_critical);
    pthread_t threads[8];
    size_t firsts[8];
    for (size_t i = 0; i < 8; i++) {
        firsts[i] = i * 100;
        (void)pthread_create(&threads[i], NULL, die_in_parallel, &firsts[i]);
    }
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    testing_settle();
    cr_assert_eq(history.count, 1600);
    size_t normals = 0, criticals = 0;
    for (size_t i = 0; i < history.count; i++) {
        normals += history.entries[i] == 'n';
        criticals += history.entries[i] == 'c';
        cr_assert_geq(normals, (criticals + 99) / 100 * 100, "whole collections go ahead of their handles");
    }
}

static sh_handle *used_by_finalizer;
static sh_status status_in_finalizer;
static sh_raw raw_in_finalizer;

static void die_with_handle(void)
{
    begin_collection();
    drop(used_by_finalizer);
    die(0);
    end_collection();
    testing_settle();
}

static void use_handle(void *object, void *data)
{
    (void)object;
    (void)data;
    SH_WITH_HANDLE (used_by_finalizer, raw, status_in_finalizer) {
        raw_in_finalizer = raw;
    }
}

/* Document 002's FileStream: the finalizer flushes through its still open handle. */
Test(lanes, a_finalizer_finds_its_handle_open)
{
    used_by_finalizer = make(7);
    own(0, use_handle);
    die_with_handle();
    cr_expect_eq(status_in_finalizer, SH_OK);
    cr_expect_eq(raw_in_finalizer, 7);
    cr_expect_eq(testing_released().count, 1);
}

static void close_handle(void *object, void *data)
{
    (void)object;
    (void)data;
    status_in_finalizer = sh_close(used_by_finalizer);
}

Test(lanes, a_finalizer_may_close_the_handle_itself)
{
    used_by_finalizer = make(7);
    own(0, close_handle);
    die_with_handle();
    cr_expect_eq(status_in_finalizer, SH_OK);
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
}

/* ---- registering ------------------------------------------------------------------------------------------------- */

static char order[8];
static size_t order_count;

static void append(void *object, void *data)
{
    (void)object;
    order[order_count++] = *(const char *)data;
}

Test(lanes, several_for_one_object_run_in_the_order_of_registration)
{
    for (const char *name = "abc"; *name != '\0'; name++)
        cr_assert_eq((sh_finalizer_register)(&objects[0], append, (void *)(uintptr_t)name), SH_OK);
    die(0);
    testing_settle();
    cr_expect_str_eq(order, "abc");
}

Test(lanes, suppressed_ones_do_not_run)
{
    own(0, record_normal);
    own(0, record_normal);
    own(1, record_normal);
    sh_finalizer_suppress(&objects[0]);
    sh_finalizer_suppress(&objects[5]);
    sh_finalizer_suppress(NULL);
    cr_expect_eq(sh_host_drop_object(&objects[0]), SH_E_ARGUMENT, "it has none any more");
    die(1);
    testing_settle();
    cr_expect_eq(recorded('n'), 1);
}

static void suppress_next(void *object, void *data)
{
    (void)data;
    record('n');
    sh_finalizer_suppress((char *)object + 1);
}

Test(lanes, a_finalizer_may_suppress_one_that_is_due)
{
    own(0, suppress_next);
    own(1, record_normal);
    begin_collection();
    die(0);
    die(1);
    end_collection();
    testing_settle();
    cr_expect_eq(recorded('n'), 1);
    cr_expect_eq(testing_events(SH_EVENT_FINALIZER_OVERDUE, NULL), 0, "nothing is waited for");
}

Test(lanes, bad_arguments)
{
    cr_expect_eq(sh_finalizer_register(NULL, record_normal, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_finalizer_register(&objects[0], NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_host_drop_object(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_host_collection_end(), SH_E_ARGUMENT);
    testing_at("gc.finalizer", 1, NULL, NULL);
    cr_expect_eq(sh_finalizer_register(&objects[0], record_normal, NULL), SH_E_NOMEM);
    testing_at_nothing();
    sh_keep_alive(NULL);
}

static void register_next(void *object, void *data)
{
    (void)data;
    record('n');
    cr_assert_eq(sh_finalizer_register((char *)object + 1, record_normal, NULL), SH_OK);
    cr_assert_eq(sh_host_drop_object((char *)object + 1), SH_OK);
}

Test(lanes, a_finalizer_may_make_work)
{
    own(0, register_next);
    die(0);
    testing_settle();
    cr_expect_eq(recorded('n'), 2);
}
