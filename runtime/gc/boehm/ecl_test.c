/* SPDX-License-Identifier: MIT */
/* The library as a guest of ECL, which runs finalizers inside whatever thread allocates. */
#include "gc/boehm/guest_test.h"
#include <ecl/ecl.h>

static guest_settings before;

static cl_object evaluate(const char *text)
{
    return cl_safe_eval(c_string_to_object(text), ECL_NIL, ECL_NIL);
}

static void settings_are_ecls(void)
{
    CHECK(guest_same_settings(before, guest_read_settings()));
}

static void handles_are_released(void)
{
    guest_drop(false);
    (void)evaluate("(ext:gc t)");
    CHECK(guest_wait(&guest.released, GUEST_NEARLY_ALL));
}

static void finalizers_run_before_handles_are_released(void)
{
    guest_drop(true);
    (void)evaluate("(ext:gc t)");
    CHECK(guest_wait(&guest.released, GUEST_NEARLY_ALL));
    CHECK(atomic_word_load(&guest.finalized_before_release) >= GUEST_NEARLY_ALL);
}

static void ecls_own_finalization_goes_on(void)
{
    (void)evaluate("(defvar *finalized* 0)");
    (void)evaluate("(dotimes (i 500) (ext:set-finalizer (make-array 4) (lambda (x) (incf *finalized*))))");
    guest_scrub();
    for (int i = 0; i < 20; i++)
        (void)evaluate("(progn (ext:gc t) (make-list 1000))");
    CHECK(ecl_to_fixnum(evaluate("*finalized*")) >= GUEST_NEARLY_ALL);
}

int main(int count, char **arguments)
{
    (void)cl_boot(count, arguments);
    before = guest_read_settings();
    sh_options options = {.collector = SH_COLLECTOR_BOEHM};
    CHECK(sh_init(&options) == SH_OK);
    TAP_RUN(settings_are_ecls);
    TAP_RUN(handles_are_released);
    TAP_RUN(finalizers_run_before_handles_are_released);
    TAP_RUN(ecls_own_finalization_goes_on);
    TAP_RUN(settings_are_ecls);
    int result = tap_end();
    cl_shutdown();
    return result;
}
