/* SPDX-License-Identifier: MIT */
/*
 * Aborts from several threads at once, on the manual host, so that ThreadSanitizer sees them: none is lost, none is
 * told twice, none inside a region; and whoever is told sees why.
 */
#include "base/atomic.h"
#include "testing/tap.h"
#include <pthread.h>
#include <safehandle.h>
#include <sched.h>
#include <unistd.h>

enum { ROUNDS = 1000, ASKERS = 3, EACH = 500 };

/* ---- one asks, one is told --------------------------------------------------------------------------------------- */

static atomic_word target_id, round_told;
static long reason; /* not atomic on purpose: written before the abort, read after it was told */

static bool is_told_here(word_t turn)
{
    sh_status status = SH_OK;
    if (turn % 2 == 0)
        return sh_safepoint() == SH_E_ABORTED;
    SH_CONSTRAINED (status)
        CHECK(sh_safepoint() == SH_OK);
    return status == SH_E_ABORTED;
}

static void *be_told(void *unused)
{
    CHECK(sh_thread_attach() == SH_OK);
    atomic_word_store_release(&target_id, (word_t)gettid());
    for (word_t told = 0; told < ROUNDS;) {
        if (!is_told_here(told))
            continue;
        told++;
        CHECK(reason == (long)told);
        atomic_word_store_release(&round_told, told);
    }
    CHECK(sh_safepoint() == SH_OK);
    return unused;
}

static void each_abort_is_told_once_and_with_its_reason(void)
{
    pthread_t target;
    (void)pthread_create(&target, NULL, be_told, NULL);
    while (atomic_word_load_acquire(&target_id) == 0)
        (void)sched_yield();
    for (long i = 1; i <= ROUNDS; i++) {
        reason = i;
        CHECK(sh_thread_abort((int64_t)atomic_word_load(&target_id)) == SH_OK);
        while (atomic_word_load_acquire(&round_told) != (word_t)i)
            (void)sched_yield();
    }
    (void)pthread_join(target, NULL);
}

/* ---- many ask, threads come and go ------------------------------------------------------------------------------- */

static atomic_word stopping;

static void *come_and_go(void *unused)
{
    CHECK(sh_thread_attach() == SH_OK);
    atomic_word_store_release(&target_id, (word_t)gettid());
    sh_status status;
    const sh_reserve reserve = {.handle_count = 2};
    SH_CONSTRAINED_WITH (&reserve, status) {
        sh_handle *h;
        CHECK(sh_safepoint() == SH_OK);
        CHECK(sh_open_event(0, 0, NULL, &h) == SH_OK);
        CHECK(sh_close(h) == SH_OK);
        CHECK(sh_host_drop(h) == SH_OK);
    }
    CHECK(status == SH_OK || status == SH_E_ABORTED);
    return unused;
}

static void *ask(void *unused)
{
    while (atomic_word_load(&stopping) == 0) {
        sh_status status = sh_thread_abort((int64_t)atomic_word_load_acquire(&target_id));
        CHECK(status == SH_OK || status == SH_E_ARGUMENT);
    }
    return unused;
}

static void an_abort_of_a_thread_that_ends_harms_nobody(void)
{
    pthread_t askers[ASKERS], target;
    for (int i = 0; i < ASKERS; i++)
        (void)pthread_create(&askers[i], NULL, ask, NULL);
    for (int i = 0; i < EACH; i++) {
        (void)pthread_create(&target, NULL, come_and_go, NULL);
        (void)pthread_join(target, NULL);
    }
    atomic_word_store_release(&stopping, 1);
    for (int i = 0; i < ASKERS; i++)
        (void)pthread_join(askers[i], NULL);
}

/* ---- an unload beside regions that make handles of their blanks -------------------------------------------------- */

static void *make_inside(void *unused)
{
    while (atomic_word_load(&stopping) == 0) {
        sh_status status, made = SH_E_CLOSED;
        sh_handle *h;
        const sh_reserve reserve = {.handle_count = 3};
        SH_CONSTRAINED_WITH (&reserve, status)
            made = sh_open_event(0, 0, NULL, &h);
        /* Once the shutdown has begun, it drops nothing, and its worker may be releasing h right now. */
        if (made == SH_OK && sh_host_drop(h) != SH_OK) {
            sh_status closed = sh_close(h);
            CHECK(closed == SH_OK || closed == SH_PENDING);
        }
        CHECK(status == SH_OK || status == SH_E_CLOSED);
    }
    return unused;
}

static void a_shutdown_passes_over_what_regions_have_in_reserve(void)
{
    atomic_word_store(&stopping, 0);
    pthread_t makers[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        (void)pthread_create(&makers[i], NULL, make_inside, NULL);
    const sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    for (int i = 0; i < 50; i++) {
        (void)usleep(1000);
        CHECK(sh_shutdown(10000) == SH_OK);
        CHECK(sh_init(&options) == SH_OK);
    }
    atomic_word_store_release(&stopping, 1);
    for (int i = 0; i < ASKERS; i++)
        (void)pthread_join(makers[i], NULL);
}

int main(void)
{
    const sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(each_abort_is_told_once_and_with_its_reason);
    TAP_RUN(an_abort_of_a_thread_that_ends_harms_nobody);
    TAP_RUN(a_shutdown_passes_over_what_regions_have_in_reserve);
    return tap_end();
}
