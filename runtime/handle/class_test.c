/* SPDX-License-Identifier: MIT */
#include "handle/class.h"
#include "handle/context.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static sh_status intern(const sh_kind *kind, const sh_site *site, bool owned, uint32_t *out_number)
{
    handle_class wanted = {.kind = kind, .site = site, .owned = owned};
    return class_intern(&wanted, out_number);
}

Test(class, the_same_three_are_the_same_class)
{
    static const sh_site here = {"a.c", 1};
    uint32_t first, second;
    cr_assert_eq(intern(&sh_kind_file, &here, true, &first), SH_OK);
    cr_assert_eq(intern(&sh_kind_file, &here, true, &second), SH_OK);
    cr_expect_eq(first, second);
    cr_expect_eq(class_of(first)->kind, &sh_kind_file);
    cr_expect_eq(class_birth(class_of(first)).line, 1);
    cr_expect(class_of(first)->owned);
}

Test(class, each_of_the_three_makes_another)
{
    static const sh_site here = {"a.c", 1}, there = {"a.c", 2};
    uint32_t numbers[4];
    cr_assert_eq(intern(&sh_kind_file, &here, true, &numbers[0]), SH_OK);
    cr_assert_eq(intern(&sh_kind_pipe, &here, true, &numbers[1]), SH_OK);
    cr_assert_eq(intern(&sh_kind_file, &there, true, &numbers[2]), SH_OK);
    cr_assert_eq(intern(&sh_kind_file, &here, false, &numbers[3]), SH_OK);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            cr_expect_neq(numbers[i], numbers[j]);
}

/* Enough of them that every way of being different meets in one slot. */
Test(class, those_that_meet_in_the_index_are_told_apart)
{
    enum { SITES = 2000 };
    static sh_site sites[SITES];
    static const sh_kind *const kinds[] = {&sh_kind_file, &sh_kind_pipe};
    for (size_t i = 0; i < SITES; i++)
        for (size_t k = 0; k < 2; k++)
            for (int owned = 0; owned < 2; owned++) {
                uint32_t number;
                cr_assert_eq(intern(kinds[k], &sites[i], owned == 1, &number), SH_OK);
                cr_assert_eq(number, (i * 2 + k) * 2 + (size_t)owned);
                cr_assert_eq(class_of(number)->owned, owned == 1);
            }
}

Test(class, a_place_that_was_not_recorded)
{
    uint32_t number;
    cr_assert_eq(intern(&sh_kind_file, NULL, true, &number), SH_OK);
    cr_expect_null(class_birth(class_of(number)).file);
}

Test(class, refuses_what_no_handle_can_be_made_of)
{
    static const sh_kind invalid = {.name = "no release"};
    sh_kind abstract = sh_kind_file;
    abstract.flags |= SH_KIND_ABSTRACT;
    uint32_t number;
    cr_expect_eq(intern(&invalid, NULL, true, &number), SH_E_ARGUMENT);
    cr_expect_eq(intern(&abstract, NULL, true, &number), SH_E_ARGUMENT);
}

enum { MANY = 1024 * 1024 };

Test(class, a_million_and_no_more)
{
    sh_site *sites = calloc(MANY + 1, sizeof *sites);
    uint32_t number;
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(intern(&sh_kind_file, &sites[i], true, &number), SH_OK);
        cr_assert_eq(number, i);
    }
    cr_expect_eq(intern(&sh_kind_file, &sites[MANY], true, &number), SH_E_NOMEM);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(intern(&sh_kind_file, &sites[i], true, &number), SH_OK);
        cr_assert_eq(number, i, "found again after the index has grown");
    }
}

Test(class, without_memory_nothing_changes)
{
    static const sh_site sites[3];
    uint32_t number = 99;
    for (int nth = 1; nth <= 2; nth++) { /* the block, then the index */
        testing_at("platform.pages", nth, NULL, NULL);
        cr_expect_eq(intern(&sh_kind_file, &sites[0], true, &number), SH_E_NOMEM);
        cr_expect_eq(number, 99);
    }
    testing_at_nothing();
    cr_expect_eq(intern(&sh_kind_file, &sites[0], true, &number), SH_OK);
    cr_expect_eq(number, 0);
}

Test(class, what_is_reserved_is_left_to_those_who_reserved_it)
{
    sh_site *sites = calloc(MANY, sizeof *sites);
    uint32_t number;
    cr_expect_not(class_reserve((size_t)MANY + 1));
    cr_expect_not(class_reserve(SIZE_MAX));
    cr_assert(class_reserve(MANY - 1));
    cr_expect_not(class_reserve(2), "there is only one more");
    cr_expect_eq(intern(&sh_kind_file, &sites[0], true, &number), SH_OK);
    cr_expect_eq(intern(&sh_kind_file, &sites[1], true, &number), SH_E_NOMEM);
    testing_from("platform.pages", 1, NULL, NULL);
    for (size_t i = 1; i < MANY; i++) {
        const handle_class wanted = {.kind = &sh_kind_file, .site = &sites[i], .owned = true};
        cr_assert_eq(class_intern_reserved(&wanted, &number), SH_OK);
    }
    testing_at_nothing();
    class_unreserve(MANY - 1);
}

/* Another thread interns the same class between our look without the lock and our look with it. */
static void intern_first(void *site)
{
    uint32_t number;
    cr_assert_eq(intern(&sh_kind_file, site, true, &number), SH_OK);
}

Test(class, two_threads_at_once_make_one)
{
    static sh_site site;
    uint32_t number;
    testing_at("handle.intern", 1, intern_first, &site);
    cr_assert_eq(intern(&sh_kind_file, &site, true, &number), SH_OK);
    cr_expect_eq(number, 0);
    testing_at_nothing();
    static sh_site next;
    cr_assert_eq(intern(&sh_kind_file, &next, true, &number), SH_OK);
    cr_expect_eq(number, 1);
}

static sh_site shared_sites[64];

static void *intern_all(void *unused)
{
    for (int round = 0; round < 2000; round++) {
        uint32_t number;
        sh_site *site = &shared_sites[round % 64];
        cr_assert_eq(intern(&sh_kind_file, site, true, &number), SH_OK);
        cr_assert_eq(class_of(number)->site, site);
    }
    return unused;
}

Test(class, many_threads)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        (void)pthread_create(&threads[i], NULL, intern_all, NULL);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    uint32_t number;
    static const sh_site next;
    cr_assert_eq(intern(&sh_kind_file, &next, true, &number), SH_OK);
    cr_expect_eq(number, 64, "each site has one class");
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

Test(context, null_costs_nothing)
{
    uint32_t number = 99;
    cr_assert_eq(context_keep(NULL, &number), SH_OK);
    cr_expect_eq(number, 0);
    cr_expect_null(context_get(0));
    context_drop(0);
}

Test(context, is_kept_and_its_place_used_again)
{
    int a, b, c;
    uint32_t numbers[3];
    cr_assert_eq(context_keep(&a, &numbers[0]), SH_OK);
    cr_assert_eq(context_keep(&b, &numbers[1]), SH_OK);
    cr_expect_eq(context_get(numbers[0]), &a);
    cr_expect_eq(context_get(numbers[1]), &b);
    context_drop(numbers[0]);
    cr_assert_eq(context_keep(&c, &numbers[2]), SH_OK);
    cr_expect_eq(numbers[2], numbers[0]);
    cr_expect_eq(context_get(numbers[2]), &c);
    cr_expect_eq(context_get(numbers[1]), &b);
}

Test(context, many_blocks)
{
    enum { PLACES = 20000 };
    static int things[PLACES];
    static uint32_t numbers[PLACES];
    for (size_t i = 0; i < PLACES; i++)
        cr_assert_eq(context_keep(&things[i], &numbers[i]), SH_OK);
    for (size_t i = 0; i < PLACES; i++)
        cr_assert_eq(context_get(numbers[i]), &things[i]);
}

Test(context, without_memory_nothing_changes)
{
    int a;
    uint32_t number = 99;
    testing_at("platform.pages", 1, NULL, NULL);
    cr_expect_eq(context_keep(&a, &number), SH_E_NOMEM);
    cr_expect_eq(number, 99);
    testing_at_nothing();
    cr_expect_eq(context_keep(&a, &number), SH_OK);
}

Test(context, what_is_reserved_is_left_to_those_who_reserved_it)
{
    enum { PLACES = 4096 * 3 };
    int a;
    uint32_t number;
    cr_expect_not(context_reserve(SIZE_MAX));
    cr_expect_not(context_reserve((size_t)4096 * 4096));
    cr_assert(context_reserve(PLACES));
    testing_from("platform.pages", 1, NULL, NULL);
    for (size_t i = 0; i < PLACES; i++)
        cr_assert_eq(context_keep_reserved(&a, &number), SH_OK);
    context_drop(number);
    cr_expect_eq(context_keep(&a, &number), SH_E_NOMEM, "it is still reserved");
    context_unreserve(PLACES);
    cr_expect_eq(context_keep(&a, &number), SH_OK);
    testing_at_nothing();
}

Test(context, all_places_in_use)
{
    int a;
    uint32_t number = 0;
    size_t kept = 0;
    while (context_keep(&a, &number) == SH_OK)
        kept++;
    cr_expect_eq(kept, 4096u * 4096u - 1);
    context_drop(number);
    cr_expect_eq(context_keep(&a, &number), SH_OK);
}
