/* SPDX-License-Identifier: MIT */
/* References and leases on one thread. */
#include "group.h"
#include "loop.h"

enum { REPETITIONS = 60, QUICK_REPETITIONS = 15 };

static const loop *const loops[] = {
    &loop_xadd,
    &loop_indirect_call,
    &loop_add_ref,
    &loop_lease,
    &loop_lease_nested,
    &loop_add_ref_shared_library,
    &loop_lease_shared_library,
    &loop_malloc,
};

enum { LOOPS = sizeof loops / sizeof *loops };

static const int measures[LOOPS] = {
    XADD_PAIR_NS,
    INDIRECT_CALL_NS,
    ADD_REF_RELEASE_NS,
    LEASE_NS,
    LEASE_NESTED_NS,
    ADD_REF_RELEASE_SHARED_LIBRARY_NS,
    LEASE_SHARED_LIBRARY_NS,
    MALLOC_FREE_NS,
};

static void run(bool quick, measurement *out)
{
    group_start_library();
    subject s = {.handle = group_open("/dev/null"), .other = group_open("/dev/null")};
    double ns[LOOPS];
    loops_time(loops, LOOPS, &s, quick ? QUICK_REPETITIONS : REPETITIONS, ns);
    for (int i = 0; i < LOOPS; i++)
        out->values[measures[i]] = ns[i];
}

const group group_references = {.name = "references, one thread", .run = run};
