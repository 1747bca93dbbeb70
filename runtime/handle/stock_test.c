/* SPDX-License-Identifier: MIT */
/* Handles made beforehand: what they need is there, what they do not need is given back. */
#include "handle/class.h"
#include "handle/context.h"
#include "handle/handle.h"
#include "handle/stock.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <unistd.h>

static thread_record *record_here(void)
{
    thread_record *record = thread_here();
    cr_assert_not_null(record);
    return record;
}

static void no_memory(void)
{
    testing_from("gc.handle", 1, NULL, NULL);
}

static size_t watched;

static void count_watched(void *handle, void *unused)
{
    (void)handle;
    (void)unused;
    watched++;
}

static size_t count_all(void)
{
    watched = 0;
    gc->visit_watched(GC_EVERY_GROUP, count_watched, NULL);
    return watched;
}

TestSuite(stock, .init = testing_start_manual);

/* ---- taking ------------------------------------------------------------------------------------------------------ */

Test(stock, is_used_before_memory_is_asked_for)
{
    cr_assert_eq(stock_prepare(record_here(), 2), SH_OK);
    no_memory();
    sh_handle *first, *second, *third;
    cr_expect_eq(sh_create(&testing_kind, NULL, &first), SH_OK);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &second), SH_OK);
    cr_expect_eq(sh_create(&testing_kind, NULL, &third), SH_E_NOMEM, "both are taken");
    testing_at_nothing();
    cr_expect_eq(sh_set_handle(first, 6), SH_OK);
    cr_expect_eq(sh_dangerous_get_handle(second), 7);
    cr_expect_eq(sh_close(first), SH_OK);
    cr_expect_eq(sh_close(second), SH_OK);
    cr_expect_eq(testing_released().count, 2);
    stock_return(record_here());
}

Test(stock, the_innermost_is_used_first)
{
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    handle_stock *outer = stock_here(0);
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    handle_stock *inner = stock_here(0);
    cr_expect_neq(inner, outer);
    cr_expect_not_null(stock_take(inner));
    cr_expect_eq(stock_here(0), outer, "then the next one");
    stock_return(record_here());
    cr_expect_eq(stock_here(0), outer);
    stock_return(record_here());
    cr_expect_null(stock_here(0));
}

Test(stock, a_refused_argument_costs_none)
{
    static const sh_kind invalid = {.name = "no release"};
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    sh_handle *h;
    cr_expect_eq(sh_create(&invalid, NULL, &h), SH_E_ARGUMENT);
    cr_expect_eq(stock_here(0)->left, 1);
    stock_return(record_here());
}

static sh_site fresh_sites[1024];

Test(stock, keeps_places_for_classes_and_contexts)
{
    uint32_t number;
    for (size_t i = 0; i < 511; i++) { /* with the blanks' own, the first index is full */
        const handle_class wanted = {.kind = &testing_kind, .site = &fresh_sites[i], .owned = true};
        cr_assert_eq(class_intern(&wanted, &number), SH_OK);
    }
    cr_assert_eq(stock_prepare(record_here(), 600), SH_OK);
    testing_from("platform.pages", 1, NULL, NULL);
    for (size_t i = 0; i < 400; i++) {
        sh_handle *h;
        static char context;
        const sh_create_options options = {.context = &context};
        cr_assert_eq(sh_create_at(&testing_kind, &options, sizeof options, &fresh_sites[511 + i], &h), SH_OK);
        cr_assert_eq(sh_close(h), SH_OK);
    }
    testing_at_nothing();
    stock_return(record_here());
}

Test(stock, is_for_the_domain_that_the_thread_was_in)
{
    sh_domain *domain;
    sh_handle *h;
    cr_assert_eq(sh_domain_create("tenant", &domain), SH_OK);
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    no_memory();
    cr_expect_eq(sh_create(&testing_kind, NULL, &h), SH_E_NOMEM, "the blank is of another");
    testing_at_nothing();
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    no_memory();
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    testing_at_nothing();
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_eq(stock_prepare(record_here(), 1), SH_E_CLOSED);
    cr_expect_eq(sh_domain_leave(domain), SH_OK);
    stock_return(record_here());
    stock_return(record_here());
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static void expect_refused_at(const char *name, int nth)
{
    size_t before = count_all();
    testing_at(name, nth, NULL, NULL);
    cr_expect_eq(stock_prepare(record_here(), 3), SH_E_NOMEM, "%s %d", name, nth);
    cr_expect_eq(testing_reached(), nth);
    testing_at_nothing();
    cr_expect_null(stock_here(0));
    cr_expect_eq(count_all(), before, "what was made is given back");
}

Test(stock, without_memory_nothing_is_prepared)
{
    expect_refused_at("platform.pages", 1); /* the classes' block, which is there from then on */
    expect_refused_at("platform.pages", 2); /* their index, likewise */
    expect_refused_at("platform.pages", 2); /* the contexts' block */
    expect_refused_at("gc.scanned", 1);
    for (int nth = 1; nth <= 3; nth++)
        expect_refused_at("gc.handle", nth);
}

Test(stock, more_than_there_can_be_are_refused)
{
    cr_expect_eq(stock_prepare(record_here(), SIZE_MAX), SH_E_NOMEM);
    cr_expect_eq(stock_prepare(record_here(), (size_t)1024 * 1024 + 1), SH_E_NOMEM);
    /* All classes that there can be are reserved: there is none left for the blanks themselves. */
    cr_expect_eq(stock_prepare(record_here(), (size_t)1024 * 1024), SH_E_NOMEM);
    cr_expect_eq(stock_prepare(record_here(), 1), SH_OK);
    stock_return(record_here());
}

Test(stock, what_is_left_is_given_back)
{
    size_t before = count_all();
    cr_assert_eq(stock_prepare(record_here(), 3), SH_OK);
    cr_expect_eq(count_all(), before + 3);
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    stock_return(record_here());
    cr_expect_eq(count_all(), before + 1, "the one that was made a handle");
    cr_expect_eq(sh_close(h), SH_OK);
}

/* ---- whoever meets a blank passes over it ------------------------------------------------------------------------ */

static void meet(void *handle, void *unused)
{
    (void)unused;
    cr_expect(sh_is_closed(handle));
    cr_expect(sh_is_released(handle));
    cr_expect(sh_is_invalid(handle));
    cr_expect_not(sh_owns_handle(handle));
    cr_expect_eq(release_judge(handle), GC_FORGET);
    event_record described = {.kind = NULL};
    handle_describe(handle, &described);
    cr_expect_str_eq(described.kind->name, "announced");
}

Test(stock, a_blank_looks_like_one_that_has_ended)
{
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    gc->visit_watched(GC_EVERY_GROUP, meet, NULL);
    stock_return(record_here());
}

Test(stock, survives_a_shutdown)
{
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    cr_assert_eq(sh_shutdown(10000), SH_OK);
    testing_start_manual();
    sh_handle *h;
    no_memory();
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    testing_at_nothing();
    cr_assert_eq(sh_host_drop(h), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 1, "it is watched like any other");
    stock_return(record_here());
}

Test(stock_on_boehm, has_nothing_to_tell_a_collector)
{
    testing_start_boehm();
    cr_assert_eq(stock_prepare(record_here(), 3), SH_OK);
    sh_collect();
    cr_expect_eq(stock_here(0)->left, 3);
    cr_expect_eq(stock_here(0)->blanks[2]->state.bits.value, STATE_BLANK);
    stock_return(record_here());
    sh_collect();
    testing_settle();
}

enum { BLANKS = 200 };

static void wrap_one(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)i + 1, NULL, &h), SH_OK);
}

/* What was a blank when the runtime was stopped is watched when it has started again. */
Test(stock_on_boehm, survives_a_shutdown)
{
    testing_start_boehm();
    cr_assert_eq(stock_prepare(record_here(), BLANKS), SH_OK);
    cr_assert_eq(sh_shutdown(10000), SH_OK);
    testing_start_boehm();
    no_memory();
    testing_make_garbage(BLANKS, wrap_one, NULL);
    testing_at_nothing();
    sh_collect();
    testing_settle();
    cr_expect_geq(testing_released().count, BLANKS * 95 / 100);
    stock_return(record_here());
}

/* ---- at hand ----------------------------------------------------------------------------------------------------- */

static sh_handle *wrapped(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

static uint32_t at_hand(void)
{
    return record_here()->stock.left;
}

/* Two from here are of one class: the second takes the shortest way, while there are blanks at hand. */
static const sh_site one_place = {"one_place.c", 1};

static sh_status wrap_at_one_place(const sh_kind *kind, sh_raw raw, sh_handle **out_handle)
{
    return sh_wrap_at(kind, raw, NULL, 0, &one_place, out_handle);
}

static sh_handle *wrapped_at_one_place(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(wrap_at_one_place(&testing_kind, raw, &h), SH_OK);
    return h;
}

static sh_domain *entered_domain(void)
{
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("tenant", &domain), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    return domain;
}

TestSuite(at_hand, .init = testing_start_boehm);

Test(at_hand, some_are_made_at_once_and_then_many)
{
    cr_expect_eq(at_hand(), 0);
    (void)wrapped(1);
    uint32_t few = at_hand();
    cr_expect_gt(few, 0);
    no_memory();
    for (uint32_t i = 0; i < few; i++)
        (void)wrapped(i + 2);
    sh_handle *h = NULL;
    cr_expect_eq(sh_wrap(&testing_kind, 99, NULL, &h), SH_E_NOMEM);
    cr_expect_null(h);
    testing_at_nothing();
    (void)wrapped(99);
    cr_expect_eq(at_hand(), THREAD_BLANKS - 1);
}

Test(at_hand, they_are_of_the_domain_that_the_handle_is_made_in)
{
    sh_domain *domain;
    sh_handle *tenants[THREAD_BLANKS], *ours[THREAD_BLANKS];
    cr_assert_eq(sh_domain_create("tenant", &domain), SH_OK);
    const sh_create_options options = {.domain = domain};
    for (size_t i = 0; i < THREAD_BLANKS; i++) {
        ours[i] = wrapped((sh_raw)(2 * i + 1));
        cr_assert_eq(sh_wrap(&testing_kind, (sh_raw)(2 * i + 2), &options, &tenants[i]), SH_OK);
    }
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    sh_handle *entered = wrapped(999);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect(sh_is_released(entered));
    for (size_t i = 0; i < THREAD_BLANKS; i++) {
        cr_expect(sh_is_released(tenants[i]), "%zu", i);
        cr_expect_not(sh_is_closed(ours[i]), "%zu", i);
    }
    cr_expect_eq(sh_domain_destroy(domain), SH_OK, "what is at hand for it is no handle");
}

/* The class made last is of the tenant, and so are the blanks; the thread is not any more. */
Test(at_hand, what_was_made_for_a_domain_that_the_thread_has_left_is_not_used)
{
    sh_domain *domain = entered_domain();
    sh_handle *tenants = wrapped_at_one_place(1);
    cr_expect_gt(at_hand(), 0);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    sh_handle *ours = wrapped_at_one_place(2);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect(sh_is_released(tenants));
    cr_expect_not(sh_is_closed(ours));
}

/* The class made last is of the tenant, whose blank a region had; those at hand are not. */
Test(at_hand, the_class_that_a_region_made_last_is_not_that_of_another_domain)
{
    (void)wrapped_at_one_place(1);
    uint32_t left = at_hand();
    sh_domain *domain = entered_domain();
    cr_assert_eq(stock_prepare(record_here(), 1), SH_OK);
    sh_handle *tenants = wrapped_at_one_place(2);
    stock_return(record_here());
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(at_hand(), left, "it was none of those");
    cr_expect_gt(left, 0);
    sh_handle *ours = wrapped_at_one_place(3), *copy;
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect(sh_is_released(tenants));
    cr_expect_not(sh_is_closed(ours));
    cr_expect_eq(sh_duplicate(ours, &copy), SH_OK, "a copy is of its original's domain");
}

Test(at_hand, the_first_of_a_domain_are_few_also_when_there_was_no_memory_at_first)
{
    (void)wrapped(1);
    uint32_t few = at_hand();
    (void)entered_domain();
    sh_handle *h;
    no_memory();
    cr_expect_eq(sh_wrap(&testing_kind, 2, NULL, &h), SH_E_NOMEM);
    testing_at_nothing();
    (void)wrapped(2);
    cr_expect_eq(at_hand(), few);
}

/* A refusal costs no blank. */
static void expect_refused_handle(const sh_kind *kind, sh_raw raw, sh_status why)
{
    sh_handle *h = NULL;
    uint32_t before = at_hand();
    cr_expect_gt(before, 0, "or it would not be the shortest way");
    cr_expect_eq(wrap_at_one_place(kind, raw, &h), why);
    cr_expect_null(h);
    cr_expect_eq(at_hand(), before);
}

Test(at_hand, an_invalid_value_is_refused)
{
    (void)wrapped_at_one_place(7);
    expect_refused_handle(&testing_kind, 0, SH_E_INVALID);
    expect_refused_handle(&testing_kind, -1, SH_E_INVALID);
}

Test(at_hand, none_is_used_of_an_unloaded_domain)
{
    sh_domain *domain = entered_domain();
    (void)wrapped_at_one_place(7);
    cr_assert_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    expect_refused_handle(&testing_kind, 8, SH_E_CLOSED);
}

Test(at_hand, none_is_used_after_a_shutdown)
{
    (void)wrapped_at_one_place(7);
    cr_assert_eq(sh_shutdown(10000), SH_OK);
    expect_refused_handle(&testing_kind, 8, SH_E_CLOSED);
    testing_start_boehm();
    (void)wrapped_at_one_place(8);
}

Test(at_hand, a_second_owner_is_refused)
{
    sh_handle *first, *second = NULL;
    sh_raw number = dup(STDERR_FILENO);
    cr_assert_eq(wrap_at_one_place(&sh_kind_fd, number, &first), SH_OK);
    cr_expect_gt(at_hand(), 0);
    cr_expect_eq(wrap_at_one_place(&sh_kind_fd, number, &second), SH_E_OWNED);
    cr_expect_null(second);
    cr_expect_eq(testing_events(SH_EVENT_DOUBLE_WRAP, NULL), 1);
    cr_expect_eq(sh_close(first), SH_OK);
}

/* ---- made while they are made ------------------------------------------------------------------------------------ */

static sh_handle *made_inside;
static bool was_inside;

static void make_inside(void *unused)
{
    (void)unused;
    was_inside = record_here()->stock.is_filling;
    made_inside = wrapped(99);
}

static void make_inside_without_memory(void *unused)
{
    (void)unused;
    was_inside = record_here()->stock.is_filling;
    no_memory();
    cr_expect_eq(sh_wrap(&testing_kind, 99, NULL, &made_inside), SH_E_NOMEM);
    testing_at_nothing();
}

/* What a finalizer does that the collector runs in an allocation. The class of the handle is new, then that of the
 * blanks, which are being made by then. Answers how many handles there are more. */
static size_t wrap_while_making(void (*step)(void *unused))
{
    static const sh_site fresh = {"fresh.c", 1};
    sh_handle *h;
    size_t before = count_all();
    cr_expect_eq(at_hand(), 0);
    testing_at("handle.intern", 2, step, NULL);
    cr_assert_eq(sh_wrap_at(&testing_kind, 7, NULL, 0, &fresh, &h), SH_OK);
    cr_expect(was_inside);
    testing_at_nothing();
    cr_expect_eq(sh_dangerous_get_handle(h), 7);
    return count_all() - before;
}

Test(at_hand, a_finalizer_makes_its_own_while_they_are_made)
{
    size_t more = wrap_while_making(make_inside);
    cr_expect_eq(more, at_hand() + 2, "the blanks, the handle, and one made alone");
    cr_expect_eq(sh_dangerous_get_handle(made_inside), 99);
    cr_expect_not(sh_is_closed(made_inside), "it is none of the blanks");
}

Test(at_hand, a_finalizer_that_has_no_memory_while_they_are_made)
{
    size_t more = wrap_while_making(make_inside_without_memory);
    cr_expect_null(made_inside);
    cr_expect_eq(more, at_hand() + 1);
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* Nothing of the thread reaches what was made of them. */
Test(at_hand, what_was_drawn_is_the_callers_alone)
{
    for (sh_raw raw = 1; raw <= THREAD_BLANKS; raw++)
        (void)wrapped(raw);
    const thread_stock *stock = &record_here()->stock;
    for (size_t i = 0; i < THREAD_BLANKS; i++)
        cr_expect_eq(stock->blanks[i] == NULL, i >= stock->left, "%zu", i);
}

Test(at_hand, each_handle_is_of_its_own_class)
{
    static const sh_site sites[] = {{"here.c", 1}, {"there.c", 2}};
    for (int round = 0; round < 3; round++)
        for (int owned = 0; owned < 2; owned++)
            for (size_t i = 0; i < 2; i++) {
                const sh_create_options options = {.not_owned = owned == 0};
                sh_handle *h;
                cr_assert_eq(sh_wrap_at(&testing_kind, 7, owned == 0 ? &options : NULL, sizeof options, &sites[i], &h),
                             SH_OK);
                const handle_class *of = handle_class_of(h);
                cr_expect_eq(of->kind, &testing_kind);
                cr_expect_eq(of->site, &sites[i]);
                cr_expect_eq(of->owned, owned != 0);
                cr_expect_eq(sh_close(h), SH_OK);
            }
    cr_expect_eq(testing_released().count, 6);
    const sh_create_options only_looks = {.not_owned = true};
    sh_handle *looking, *owning;
    cr_assert_eq(sh_wrap_at(&testing_kind, 7, &only_looks, sizeof only_looks, &sites[0], &looking), SH_OK);
    cr_assert_eq(sh_wrap_at(&testing_kind, 7, NULL, 0, &sites[0], &owning), SH_OK);
    cr_expect_not(handle_class_of(looking)->owned);
    cr_expect(handle_class_of(owning)->owned);
}

static void shut_down(void *unused)
{
    (void)unused;
    testing_at_nothing();
    cr_assert_eq(sh_shutdown(10000), SH_OK);
}

/* In the usual case as in the others: the second handle of a class takes the shortest way. */
Test(at_hand, a_birth_beside_a_shutdown_is_undone)
{
    sh_handle *h = NULL;
    for (int usual = 0; usual < 2; usual++) {
        if (usual == 1)
            (void)wrapped(1);
        size_t released = testing_released().count;
        testing_at("handle.made", 1, shut_down, NULL);
        cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED);
        cr_expect_null(h);
        cr_expect_eq(testing_released().count, released + (size_t)usual, "the one that was there");
        testing_start_boehm();
    }
}

Test(at_hand, a_birth_before_a_shutdown_is_seen)
{
    sh_handle *h = NULL;
    testing_at("handle.born", 1, shut_down, NULL);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    cr_assert_not_null(h);
    cr_expect(sh_is_released(h));
    cr_expect_eq(testing_released().last_raw, 7);
}

/* Births are not fenced, so whoever ends a domain, or all of them, pays for the fence. */
Test(at_hand, an_unload_fences_for_the_others)
{
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("tenant", &domain), SH_OK);
    testing_from("platform.barrier", 1000, NULL, NULL);
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK);
    cr_expect_eq(testing_reached(), 1);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    cr_expect_eq(testing_reached(), 2);
    cr_expect_eq(sh_shutdown(10000), SH_OK);
    cr_expect_eq(testing_reached(), 3);
    testing_at_nothing();
}
