/* SPDX-License-Identifier: MIT */
/* Closing a handle that another thread, which is running, has leased before. */
#include "group.h"
#include "loop_bodies.h"
#include "rival.h"
#include "spread.h"
#include "stopwatch.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HANDLES = 16, REPETITIONS = 100, QUICK_REPETITIONS = 25, MOST_TIMES = HANDLES * REPETITIONS };

static struct {
    size_t count;
    double handle_ns[MOST_TIMES];
    double raw_ns[MOST_TIMES];
    double barrier_ns[MOST_TIMES];
} times;

static sh_handle *handles[HANDLES];

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

/* On the rival. Its first piece leases each handle once and gives it back; afterwards it only runs. */
static void lease_once_then_run(long turns, subject *s)
{
    for (int i = 0; s->word == 0 && i < HANDLES; i++) {
        sh_lease lease;
        sh_raw raw;
        begin_lease(&lease, handles[i], &raw);
        sh_lease_end(&lease);
    }
    s->word = 1;
    for (long i = 0; i < turns; i++)
        KEEP(i);
}

static double time_close_ns(sh_handle *h)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    sh_status status = sh_close(h);
    double elapsed_ns = read_clock_ns(CLOCK_MONOTONIC) - start;
    if (status != SH_OK)
        die("a handle could not be closed: %s", sh_status_message(status));
    return elapsed_ns;
}

static double time_raw_close_ns(void)
{
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    double start = read_clock_ns(CLOCK_MONOTONIC);
    int result = close(descriptor);
    double elapsed_ns = read_clock_ns(CLOCK_MONOTONIC) - start;
    if (result != 0)
        die("/dev/null: %s", strerror(errno));
    return elapsed_ns;
}

static double time_barrier_ns(void)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    (void)membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    return read_clock_ns(CLOCK_MONOTONIC) - start;
}

static void close_all(void)
{
    for (int i = 0; i < HANDLES; i++)
        handles[i] = group_open("/dev/null");
    subject s = {.word = 0};
    rival_run(lease_once_then_run, 1000, &s);
    for (int i = 0; i < HANDLES; i++) {
        times.handle_ns[times.count] = time_close_ns(handles[i]);
        times.raw_ns[times.count] = time_raw_close_ns();
        times.barrier_ns[times.count] = time_barrier_ns();
        times.count++;
    }
    rival_rest();
}

static double empty_ns(void)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    return read_clock_ns(CLOCK_MONOTONIC) - start;
}

/* Reading the clock is part of each; it drops out of the difference, and is taken off the barrier. */
static void run(bool quick, measurement *out)
{
    bool has_barrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
    if (!rival_is_possible() || !has_barrier)
        return;
    group_start_library();
    rival_start();
    for (int repetition = 0; repetition < (quick ? QUICK_REPETITIONS : REPETITIONS); repetition++)
        close_all();
    double clock_ns[HANDLES];
    for (int i = 0; i < HANDLES; i++)
        clock_ns[i] = empty_ns();
    double of_clock_ns = median_of(clock_ns, HANDLES);
    double raw_ns = median_of(times.raw_ns, times.count);
    out->values[CLOSE_NS] = raw_ns - of_clock_ns;
    out->values[MEMBARRIER_NS] = median_of(times.barrier_ns, times.count) - of_clock_ns;
    out->values[CLOSE_LEASED_ELSEWHERE_ADDED_NS] = median_of(times.handle_ns, times.count) - raw_ns;
}

const group group_close = {.name = "close", .run = run};
