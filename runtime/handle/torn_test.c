/* SPDX-License-Identifier: MIT */
/* Callbacks that end their thread: the call ends with it, and leaves no claim and no reference behind. */
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <safehandle.h>

TestSuite(torn, .init = testing_start_manual);

static sh_handle *make(const sh_kind *kind, sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(kind, raw, NULL, &h), SH_OK);
    return h;
}

/* On a thread that a callback is to end. */
static void run_torn(void *(*run)(void *data), void *data)
{
    pthread_t thread;
    void *result = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, run, data), 0);
    (void)pthread_join(thread, &result);
    cr_expect_eq(result, PTHREAD_CANCELED, "the thread was ended by the callback");
}

static void end_thread_once(void)
{
    static bool over;
    if (over)
        return;
    over = true;
    pthread_exit(PTHREAD_CANCELED);
}

/* ---- release ----------------------------------------------------------------------------------------------------- */

static int releases;

static int release_and_end_thread(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    releases++;
    end_thread_once();
    return 0;
}

static void *close_it(void *h)
{
    (void)sh_close(h);
    return NULL;
}

Test(torn, a_release)
{
    static char context;
    sh_create_options options = {.context = &context};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    testing_on_release(release_and_end_thread);
    run_torn(close_it, h);
    cr_expect(sh_is_released(h), "nobody can do it again");
    cr_expect_eq(sh_close_wait(h, 0), SH_E_RELEASE, "it counts as failed");
    cr_expect_eq(releases, 1);
    cr_expect_eq(h->context_number, 0);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, &event), 1);
    cr_expect_eq(event.event.raw, 7);
    cr_expect_eq(sh_shutdown(10000), SH_OK);
}

static void *set_too_late(void *h)
{
    (void)sh_set_handle(h, 7);
    return NULL;
}

Test(torn, a_release_of_a_value_that_came_too_late)
{
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, NULL, &h), SH_OK);
    cr_assert_eq(sh_close(h), SH_OK);
    testing_on_release(release_and_end_thread);
    run_torn(set_too_late, h);
    cr_expect_eq(releases, 1);
    cr_expect_eq(sh_close_wait(h, 0), SH_OK, "the handle itself was released before");
    cr_expect_eq(testing_events(SH_EVENT_CONTRACT_BROKEN, NULL), 1);
}

enum { LEASES = 3 };

/* The thread's end gives the leases back, and so releases: the first release ends the thread anew. */
static void *end_with_leases(void *data)
{
    sh_handle **handles = data;
    sh_lease leases[LEASES];
    sh_raw raw;
    for (int i = 0; i < LEASES; i++) {
        cr_assert_eq(sh_lease_begin(&leases[i], handles[i], &raw), SH_OK);
        cr_assert_eq(sh_close(handles[i]), SH_PENDING);
    }
    return PTHREAD_CANCELED;
}

Test(torn, a_release_at_the_end_of_a_thread)
{
    sh_handle *handles[LEASES] = {make(&testing_kind, 1), make(&testing_kind, 2), make(&testing_kind, 3)};
    testing_on_release(release_and_end_thread);
    run_torn(end_with_leases, handles);
    for (int i = 0; i < LEASES; i++)
        cr_expect(sh_is_released(handles[i]));
    cr_expect_eq(releases, LEASES);
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

static int duplicate_and_end_thread(sh_raw raw, sh_raw *out_copy)
{
    end_thread_once();
    *out_copy = raw + 1;
    return 0;
}

static int interrupt_and_end_thread(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    end_thread_once();
    return 0;
}

static int release_quietly(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    releases++;
    return 0;
}

static const sh_kind kind = {.name = "torn",
                             .invalid_value = 0,
                             .is_invalid = sh_invalid_zero,
                             .release = release_quietly,
                             .duplicate = duplicate_and_end_thread,
                             .interrupt = interrupt_and_end_thread};

static void *duplicate_it(void *h)
{
    sh_handle *copy;
    cr_expect_neq(sh_duplicate(h, &copy), SH_OK, "never reached");
    return NULL;
}

Test(torn, a_duplicate)
{
    sh_handle *h = make(&kind, 7);
    run_torn(duplicate_it, h);
    cr_expect_eq(sh_close(h), SH_OK, "its lease came back");
    cr_expect_eq(releases, 1);
}

static void *wait_for_its_user(void *h)
{
    cr_expect_eq(sh_close_wait(h, 10000), SH_OK, "never reached");
    return NULL;
}

Test(torn, an_interrupt)
{
    sh_handle *h = make(&kind, 7);
    bool taken = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &taken), SH_OK);
    run_torn(wait_for_its_user, h);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_eq(releases, 1);
}

static void *unload_it(void *domain)
{
    cr_expect_eq(sh_domain_unload(domain, 10000, NULL), SH_OK, "never reached");
    return NULL;
}

Test(torn, an_interrupt_of_an_unload)
{
    sh_domain *domain;
    cr_assert_eq(sh_domain_create("torn", &domain), SH_OK);
    sh_create_options options = {.domain = domain};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&kind, 7, &options, &h), SH_OK);
    bool taken = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &taken), SH_OK);
    run_torn(unload_it, domain);
    cr_expect_eq(sh_domain_unload(domain, 50, NULL), SH_E_TIMEOUT);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(sh_domain_unload(domain, 50, NULL), SH_OK);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    cr_expect_eq(sh_shutdown(10000), SH_OK);
}

static void *shut_down(void *unused)
{
    cr_expect_eq(sh_shutdown(10000), SH_OK, "never reached");
    return unused;
}

Test(torn, an_interrupt_of_a_shutdown)
{
    sh_handle *h = make(&kind, 7);
    bool taken = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &taken), SH_OK);
    run_torn(shut_down, NULL);
    const sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    cr_expect_eq(sh_init(&options), SH_OK, "hangs where nobody ended the stop");
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(sh_shutdown(10000), SH_OK);
}

static int open_and_end_thread(void *unused, sh_raw *out_raw)
{
    (void)unused;
    end_thread_once();
    *out_raw = 7;
    return 0;
}

static void *open_it(void *unused)
{
    sh_handle *h;
    cr_expect_neq(sh_open_with(&kind, open_and_end_thread, NULL, NULL, &h), SH_OK, "never reached");
    return unused;
}

static void count(void *handle, void *out_count)
{
    (void)handle;
    (*(int *)out_count)++;
}

Test(torn, an_opener)
{
    run_torn(open_it, NULL);
    testing_settle();
    int left = 0;
    gc->visit_watched(GC_EVERY_GROUP, count, &left);
    cr_expect_eq(left, 0, "the handle that was made for it is gone");
    cr_expect_eq(releases, 0);
}
