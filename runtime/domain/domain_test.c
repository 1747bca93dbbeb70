/* SPDX-License-Identifier: MIT */
/* Domains: making them, being in them, and when they can be destroyed. */
#include "domain/in_domain_test.h"
#include <pthread.h>
#include <unistd.h>

TestSuite(domain, .init = start_in_domain, .timeout = 60);

Test(domain, a_domain_has_its_name)
{
    cr_expect_str_eq(sh_domain_name(domain), "test");
    cr_expect_null(sh_domain_name(NULL));
    sh_domain *nameless;
    cr_assert_eq(sh_domain_create(NULL, &nameless), SH_OK);
    cr_expect_null(sh_domain_name(nameless));
    cr_expect_eq(sh_domain_create("x", NULL), SH_E_ARGUMENT);
}

Test(domain, what_is_no_domain_is_refused)
{
    const sh_domain *inside = (const sh_domain *)(const void *)((const char *)domain + 1);
    cr_expect_eq(sh_domain_enter(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_enter((sh_domain *)(uintptr_t)inside), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_leave(domain), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_unload(NULL, 0, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_destroy(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_E_ARGUMENT);
    cr_expect_eq(sh_domain_enter(domain), SH_E_ARGUMENT);
    cr_expect_null(sh_domain_name(domain));
}

Test(domain, places_are_used_again)
{
    for (int i = 0; i < 200000; i++) {
        cr_assert_eq(sh_domain_destroy(domain), SH_OK);
        cr_assert_eq(sh_domain_create("again", &domain), SH_OK);
    }
    testing_at("domain.group", 1, NULL, NULL);
    sh_domain *another = NULL;
    cr_expect_eq(sh_domain_create("another", &another), SH_E_NOMEM);
    cr_expect_null(another);
    testing_at_nothing();
}

Test(domain, there_can_be_very_many)
{
    sh_domain *last = domain;
    size_t made = 1;
    while (sh_domain_create("one more", &last) == SH_OK)
        made++;
    cr_expect_gt(made, 65000);
    cr_assert_eq(sh_domain_destroy(last), SH_OK);
    cr_expect_eq(sh_domain_create("in its place", &last), SH_OK);
}

Test(domain, entering_nests)
{
    sh_domain *inner;
    cr_assert_eq(sh_domain_create("inner", &inner), SH_OK);
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_domain_enter(inner), SH_OK);
    cr_expect_eq(sh_domain_leave(domain), SH_E_ARGUMENT, "not the innermost");
    const sh_handle *h = make_in(NULL, 7);
    cr_expect_eq(sh_domain_leave(inner), SH_OK);
    const sh_handle *g = make_in(NULL, 8);
    cr_expect_eq(sh_domain_leave(domain), SH_OK);
    const sh_handle *root = make_in(NULL, 9);
    cr_expect_eq(sh_domain_unload(inner, -1, NULL), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_not(sh_is_closed(g));
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect(sh_is_released(g));
    cr_expect_not(sh_is_closed(root));
}

Test(domain, entering_has_a_limit)
{
    for (int i = 0; i < 32; i++)
        cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_expect_eq(sh_domain_enter(domain), SH_E_OVERFLOW);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "a thread is in it");
    for (int i = 0; i < 32; i++)
        cr_assert_eq(sh_domain_leave(domain), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static void *enter_and_end(void *unused)
{
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    return unused;
}

Test(domain, a_threads_end_leaves)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, enter_and_end, NULL);
    (void)pthread_join(thread, NULL);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(domain, a_domain_with_an_open_handle_is_not_destroyed)
{
    sh_handle *h = make_in(domain, 7);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    (void)make_in(domain, 8);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    cr_expect_eq(sh_domain_unload(domain, -1, NULL), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

Test(domain, a_domain_with_a_finalizer_is_not_destroyed)
{
    int object;
    register_in_domain(&object, ignore, NULL);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "or it would belong to the next domain in this place");
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING, "the collection has not ended");
    cr_assert_eq(sh_host_collection_end(), SH_OK);
    cr_expect_eq(sh_domain_destroy(domain), SH_OK);
}

static sh_status made_beside;

static void *make_beside(void *unused)
{
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    made_beside = sh_create(&testing_kind, &options, &h);
    return unused;
}

static void begin_to_make(void *out_thread)
{
    testing_at_nothing();
    (void)pthread_create(out_thread, NULL, make_beside, NULL);
    (void)usleep(50 * 1000); /* into the middle of the destroy */
}

Test(domain, a_destroy_that_comes_to_nothing_refuses_nobody)
{
    (void)make_in(domain, 7);
    pthread_t maker;
    testing_at("domain.end", 1, begin_to_make, &maker);
    cr_expect_eq(sh_domain_destroy(domain), SH_PENDING);
    (void)pthread_join(maker, NULL);
    cr_expect_eq(made_beside, SH_OK);
}
