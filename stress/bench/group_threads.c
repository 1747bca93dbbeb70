/* SPDX-License-Identifier: MIT */
/* Two threads at the same handle, or at the same word. */
#include "group.h"
#include "rival.h"
#include "spread.h"

enum { REPETITIONS = 20, QUICK_REPETITIONS = 3, MOST_TIMES = REPETITIONS * LOOP_COPIES };

/* Of each loop on both threads, and of the lease on one. */
static struct {
    size_t count;
    double xadd_ns[MOST_TIMES];
    double add_ref_ns[MOST_TIMES];
    double lease_ns[MOST_TIMES];
    double leases_two_threads[MOST_TIMES];
    double leases_one_thread[MOST_TIMES];
} times;

/* What a pair costs each of the two. */
static double each_ns(contest c)
{
    return 2 * c.elapsed_ns / c.pairs;
}

/* In a microsecond. */
static double rate(contest c)
{
    return 1000 * c.pairs / c.elapsed_ns;
}

static void take_turns(subject *s, int copy)
{
    size_t i = times.count++;
    times.xadd_ns[i] = each_ns(contest_of_two(&loop_xadd, copy, s));
    times.add_ref_ns[i] = each_ns(contest_of_two(&loop_add_ref, copy, s));
    contest leases = contest_of_two(&loop_lease, copy, s);
    times.lease_ns[i] = each_ns(leases);
    times.leases_two_threads[i] = rate(leases);
    times.leases_one_thread[i] = rate(contest_of_one(&loop_lease, copy, s));
}

static void run(bool quick, measurement *out)
{
    if (!rival_is_possible())
        return;
    group_start_library();
    rival_start();
    subject s = {.handle = group_open("/dev/null")};
    int repetitions = quick ? QUICK_REPETITIONS : REPETITIONS;
    for (int repetition = 0; repetition < repetitions; repetition++)
        for (int copy = 0; copy < LOOP_COPIES; copy++)
            take_turns(&s, copy);
    out->values[XADD_CONTENDED_NS] = median_of(times.xadd_ns, times.count);
    out->values[ADD_REF_RELEASE_CONTENDED_NS] = median_of(times.add_ref_ns, times.count);
    out->values[LEASE_CONTENDED_NS] = median_of(times.lease_ns, times.count);
    out->values[LEASES_PER_US_TWO_THREADS] = median_of(times.leases_two_threads, times.count);
    out->values[LEASES_PER_US_ONE_THREAD] = median_of(times.leases_one_thread, times.count);
}

const group group_threads = {.name = "references, two threads", .run = run};
