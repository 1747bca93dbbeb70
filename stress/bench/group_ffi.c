/* SPDX-License-Identifier: MIT */
/* What a handle adds to a call by libffi: on one thread, and with two threads at the same handle. */
#include "group_ffi.h"
#include "group.h"
#include "rival.h"
#include "spread.h"

enum {
    REPETITIONS = 60,
    QUICK_REPETITIONS = 5,
    CONTESTS = 20,
    QUICK_CONTESTS = 3,
    MOST_TIMES = CONTESTS * LOOP_COPIES
};

static double each_ns(contest c)
{
    return 2 * c.elapsed_ns / c.pairs;
}

static void measure_two_threads(subject *s, int contests, measurement *out)
{
    static double bare_ns[MOST_TIMES], added_ns[MOST_TIMES];
    size_t count = 0;
    for (int i = 0; i < contests; i++)
        for (int copy = 0; copy < LOOP_COPIES; copy++, count++) {
            bare_ns[count] = each_ns(contest_of_two(&loop_ffi_call, copy, s));
            added_ns[count] = each_ns(contest_of_two(&loop_call_make, copy, s)) - bare_ns[count];
        }
    out->values[FFI_CALL_CONTENDED_NS] = median_of(bare_ns, count);
    out->values[FFI_CALL_CONTENDED_ADDED_NS] = median_of(added_ns, count);
}

static void run(bool quick, measurement *out)
{
    group_start_library();
    ffi_loops_prepare();
    subject s = {.handle = group_open("/dev/null")};
    s.descriptor = (int)sh_dangerous_get_handle(s.handle);
    loops_compare(&loop_ffi_call, &loop_call_make, &s, quick ? QUICK_REPETITIONS : REPETITIONS,
                  &out->values[FFI_CALL_NS], &out->values[FFI_CALL_ADDED_NS]);
    if (!rival_is_possible())
        return;
    rival_start();
    measure_two_threads(&s, quick ? QUICK_CONTESTS : CONTESTS, out);
}

const group group_ffi = {.name = "calls by libffi", .run = run};
