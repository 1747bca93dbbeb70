/* SPDX-License-Identifier: MIT */
/*
 * Calls against each other: one descriptor for eight threads, and what is consumed against who uses and who closes it.
 * The manual host, which ThreadSanitizer sees.
 */
#include "testing/tap.h"
#include <pthread.h>
#include <safehandle.h>
#include <sched.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { CALLS = 3000, DUELS = 1500, BIRTHS = 300 };
#else
enum { CALLS = 30000, DUELS = 10000, BIRTHS = 3000 };
#endif
enum { THREADS = 8, SIDES = 3 };

#define FUNCTION(name) ((void (*)(void))(name))

static atomic_word released, swallowed, gone;

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    atomic_word_store_release(&gone, 1);
    (void)atomic_word_add(&released, 1);
    return 0;
}

static const sh_kind thing_kind = {
    .name = "thing", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = release};
static const sh_kind *const kinds[] = {&thing_kind};

static sh_call_descriptor *parse(const char *text)
{
    sh_call_descriptor *d = NULL;
    CHECK(sh_call_parse(text, kinds, 1, NULL, &d, NULL) == SH_OK);
    return d;
}

static sh_handle *thing(sh_raw raw)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(&thing_kind, raw, NULL, &h) == SH_OK);
    return h;
}

static void close_and_drop(sh_handle *h)
{
    (void)sh_close(h);
    CHECK(sh_host_drop(h) == SH_OK);
}

/* ---- one descriptor ---------------------------------------------------------------------------------------------- */

static sh_call_descriptor *shared;
static sh_handle *shared_handle;

static int64_t add(int64_t a, int64_t b, int64_t *out_sum)
{
    *out_sum = a + b;
    return a + b;
}

static void *call_often(void *unused)
{
    for (int i = 1; i <= CALLS; i++) {
        sh_value v[] = {{.handle = shared_handle}, {.i = i}, {.u = 0}}, returned;
        CHECK(sh_call_make(shared, FUNCTION(add), v, NULL, &returned, NULL) == SH_OK);
        CHECK(sh_dangerous_get_handle(returned.handle) == 1000 + i && v[2].i == 1000 + i);
        close_and_drop(returned.handle);
    }
    return unused;
}

static void eight_threads_share_a_descriptor(void)
{
    atomic_word_store(&released, 0);
    shared = parse("thing add(thing in, i64, i64 out)");
    shared_handle = thing(1000);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_often, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(atomic_word_load(&released) == (word_t)THREADS * CALLS);
    close_and_drop(shared_handle);
    sh_call_descriptor_free(shared);
}

/* ---- who gets the value ------------------------------------------------------------------------------------------ */

/* Invariant: what a side does in a round lies between two meetings. */
static struct {
    sh_handle *h;
    atomic_word arrived;
    sh_call_descriptor *swallow, *use;
} duel;

static void meet(word_t *in_out_meetings)
{
    (void)atomic_word_add_full(&duel.arrived, 1);
    word_t all = ++*in_out_meetings * SIDES;
    while (atomic_word_load_acquire(&duel.arrived) < all)
        sched_yield();
}

static int swallow(int64_t value)
{
    (void)value;
    atomic_word_store_release(&gone, 1);
    (void)atomic_word_add(&swallowed, 1);
    return 0;
}

/* Under the call's own lease nobody has taken it away. */
static int use(int64_t value)
{
    (void)value;
    for (int i = 0; i < 20; i++)
        CHECK(atomic_word_load_acquire(&gone) == 0);
    return 0;
}

static void call_one(sh_call_descriptor *d, void (*function)(void))
{
    sh_value value = {.handle = duel.h}, returned;
    sh_status status = sh_call_make(d, function, &value, NULL, &returned, NULL);
    CHECK(status == SH_OK || status == SH_E_CLOSED || status == SH_E_TIMEOUT);
}

static void *use_often(void *unused)
{
    word_t meetings = 0;
    for (int i = 0; i < DUELS; i++) {
        meet(&meetings);
        call_one(duel.use, FUNCTION(use));
        meet(&meetings);
    }
    return unused;
}

static void *close_often(void *unused)
{
    word_t meetings = 0;
    for (int i = 0; i < DUELS; i++) {
        meet(&meetings);
        if (i % 3 == 0)
            (void)sh_close(duel.h);
        else if (i % 3 == 1)
            call_one(duel.swallow, FUNCTION(swallow));
        meet(&meetings);
    }
    return unused;
}

static void exactly_one_gets_a_consumed_value(void)
{
    duel.swallow = parse("int swallow(thing consume)");
    duel.use = parse("int use(thing in)");
    pthread_t user, closer;
    CHECK(pthread_create(&user, NULL, use_often, NULL) == 0 && pthread_create(&closer, NULL, close_often, NULL) == 0);
    word_t meetings = 0, consumed = 0;
    for (int i = 0; i < DUELS; i++) {
        duel.h = thing(i + 1);
        atomic_word_store(&gone, 0);
        atomic_word_store(&released, 0);
        atomic_word_store(&swallowed, 0);
        meet(&meetings);
        call_one(duel.swallow, FUNCTION(swallow));
        meet(&meetings);
        (void)sh_close(duel.h);
        CHECK(sh_is_released(duel.h));
        CHECK(atomic_word_load(&released) + atomic_word_load(&swallowed) == 1);
        consumed += atomic_word_load(&swallowed);
        CHECK(sh_host_drop(duel.h) == SH_OK);
    }
    (void)pthread_join(user, NULL);
    (void)pthread_join(closer, NULL);
    CHECK(consumed > 0);
    sh_call_descriptor_free(duel.swallow);
    sh_call_descriptor_free(duel.use);
}

/* ---- an unload --------------------------------------------------------------------------------------------------- */

static struct {
    sh_domain *domain;
    sh_call_descriptor *make;
    atomic_word given; /* by the callee */
} births;

static int64_t give(int64_t *out)
{
    (void)atomic_word_add(&births.given, 2);
    *out = 1;
    return 2;
}

static void *give_until_unloaded(void *unused)
{
    const sh_create_options options = {.domain = births.domain};
    for (;;) {
        sh_value value, returned;
        sh_status status = sh_call_make(births.make, FUNCTION(give), &value, &options, &returned, NULL);
        if (status == SH_E_CLOSED)
            return unused;
        CHECK(status == SH_OK && value.handle != NULL && returned.handle != NULL);
    }
}

static void an_unload_takes_all_that_came_out(void)
{
    births.make = parse("thing give(thing out)");
    atomic_word_store(&released, 0);
    CHECK(sh_domain_create("births", &births.domain) == SH_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, give_until_unloaded, NULL) == 0);
    while (atomic_word_load(&births.given) < BIRTHS)
        sched_yield();
    CHECK(sh_domain_unload(births.domain, 10000, NULL) == SH_OK);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(sh_wait_for_pending_finalizers(10000) == SH_OK);
    CHECK(atomic_word_load(&released) == atomic_word_load(&births.given));
    sh_call_descriptor_free(births.make);
}

int main(void)
{
    const sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(eight_threads_share_a_descriptor);
    TAP_RUN(exactly_one_gets_a_consumed_value);
    TAP_RUN(an_unload_takes_all_that_came_out);
    return tap_end();
}
