/* SPDX-License-Identifier: MIT */
/* What a handle adds to a system call: a lease to a read, and a handle's whole life to an open and a close. */
#include "group.h"
#include "loop.h"

enum { READ_REPETITIONS = 60, QUICK_READ_REPETITIONS = 15, OPEN_REPETITIONS = 8, QUICK_OPEN_REPETITIONS = 2 };

static void run(bool quick, measurement *out)
{
    group_start_library();
    subject s = {.handle = group_open("/dev/zero")};
    s.descriptor = (int)sh_dangerous_get_handle(s.handle);
    loops_compare(&loop_read, &loop_read_leased, &s, quick ? QUICK_READ_REPETITIONS : READ_REPETITIONS,
                  &out->values[READ_NS], &out->values[READ_ADDED_NS]);
    loops_compare(&loop_open_close, &loop_open_close_wrapped, &s, quick ? QUICK_OPEN_REPETITIONS : OPEN_REPETITIONS,
                  &out->values[OPEN_CLOSE_NS], &out->values[OPEN_CLOSE_ADDED_NS]);
}

const group group_calls = {.name = "around system calls", .run = run};
