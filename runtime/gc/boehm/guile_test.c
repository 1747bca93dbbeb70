/* SPDX-License-Identifier: MIT */
/* The library as a guest of Guile: Guile's collector, its finalizer thread, its guardians. */
#include "gc/boehm/guest_test.h"
#include <libguile.h>

static guest_settings before;

static void settings_are_guiles(void)
{
    CHECK(guest_same_settings(before, guest_read_settings()));
}

static void handles_are_released(void)
{
    guest_drop(false);
    scm_gc();
    scm_gc(); /* deaths are confirmed, since there are guardians */
    CHECK(guest_wait(&guest.released, GUEST_NEARLY_ALL));
}

/* Guile hands dead objects to our callback on its own finalizer thread; handles wait for that. An owner that waits for
 * its finalizer keeps its handle alive, so the two collections that confirm a death come after it has run. */
static void finalizers_run_before_handles_are_released(void)
{
    guest_drop(true);
    for (int i = 0; i < 200 && atomic_word_load(&guest.released) < GUEST_NEARLY_ALL; i++) {
        scm_gc();
        (void)usleep(1000);
    }
    CHECK(guest_wait(&guest.released, GUEST_NEARLY_ALL));
    CHECK(atomic_word_load(&guest.finalized_before_release) >= GUEST_NEARLY_ALL);
}

static atomic_word guile_finalized;

static void finalize_for_guile(void *pointer)
{
    (void)pointer;
    (void)atomic_word_add(&guile_finalized, 1);
}

__attribute__((noinline)) static void make_pointers(void)
{
    for (int i = 0; i < GUEST_COUNT; i++)
        (void)scm_from_pointer(GC_MALLOC_ATOMIC(8), finalize_for_guile);
}

/* Finding 4: replacing the notifier stops Guile's own finalization. */
static void guiles_own_finalization_goes_on(void)
{
    make_pointers();
    guest_scrub();
    scm_gc();
    CHECK(guest_wait(&guile_finalized, GUEST_NEARLY_ALL));
}

/* A guardian brings back what died; its handle has to be alive then. */
static SCM guardian;

__attribute__((noinline)) static void guard_handles(void)
{
    for (size_t i = 0; i < GUEST_COUNT; i++) {
        sh_handle *h = NULL;
        CHECK(sh_wrap(&guest_kind, (sh_raw)i + 1, NULL, &h) == SH_OK);
        scm_call_1(guardian, scm_list_1(scm_from_pointer(h, NULL)));
    }
}

static void what_a_guardian_brings_back_is_alive(void)
{
    guardian = scm_permanent_object(scm_c_eval_string("(make-guardian)"));
    atomic_word_store(&guest.released, 0);
    guard_handles();
    guest_scrub();
    size_t brought_back = 0;
    for (int round = 0; round < 200 && brought_back < GUEST_NEARLY_ALL; round++) {
        scm_gc();
        for (SCM object; scm_is_true(object = scm_call_0(guardian)); brought_back++) {
            sh_handle *h = scm_to_pointer(scm_car(object));
            CHECK(!sh_is_closed(h));
            (void)sh_close(h);
        }
        (void)usleep(1000);
    }
    CHECK(brought_back >= GUEST_NEARLY_ALL);
    CHECK(atomic_word_load(&guest.released) >= brought_back); /* and stragglers of the cases before */
}

static SCM call_from_scheme(void)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(&guest_kind, 7, NULL, &h) == SH_OK);
    CHECK(sh_close(h) == SH_OK);
    return SCM_BOOL_T;
}

static void guiles_threads_may_use_handles(void)
{
    scm_c_define_gsubr("use-a-handle", 0, 0, 0, (scm_t_subr)(uintptr_t)call_from_scheme);
    SCM result = scm_c_eval_string("(begin (use-modules (ice-9 threads))"
                                   "  (let loop ((round 0))"
                                   "    (or (= round 20)"
                                   "        (and (equal? '(#t #t #t #t)"
                                   "                     (map join-thread (map (lambda (n) (call-with-new-thread"
                                   "                       (lambda () (gc) (use-a-handle)))) '(1 2 3 4))))"
                                   "             (loop (+ round 1))))))");
    CHECK(scm_is_true(result));
}

/* Guile changes its own notifier when its first thread begins. */
static void let_guile_settle(void)
{
    (void)scm_c_eval_string("(begin (use-modules (ice-9 threads)) (join-thread (call-with-new-thread gc)))");
}

static void *inside_guile(void *unused)
{
    let_guile_settle();
    before = guest_read_settings();
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .confirm_death = true};
    CHECK(sh_init(&options) == SH_OK);
    TAP_RUN(settings_are_guiles);
    TAP_RUN(handles_are_released);
    TAP_RUN(finalizers_run_before_handles_are_released);
    TAP_RUN(guiles_own_finalization_goes_on);
    TAP_RUN(what_a_guardian_brings_back_is_alive);
    TAP_RUN(guiles_threads_may_use_handles);
    TAP_RUN(settings_are_guiles);
    return unused;
}

int main(void)
{
    (void)scm_with_guile(inside_guile, NULL);
    return tap_end();
}
