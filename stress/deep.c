/* SPDX-License-Identifier: MIT */
#include "deep.h"
#include <stddef.h>

enum { DEPTH_SIZE_BYTES = 16 * 1024 };

__attribute__((noinline)) static void scrub(void)
{
    volatile unsigned char room[2 * DEPTH_SIZE_BYTES];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

__attribute__((noinline)) static void run_below(void (*run)(void *data), void *data)
{
    volatile unsigned char depth[DEPTH_SIZE_BYTES];
    depth[0] = 0;
    run(data);
    depth[1] = depth[0]; /* or the frame would be given back before the call */
}

void deep_run(void (*run)(void *data), void *data)
{
    run_below(run, data);
    scrub();
}
