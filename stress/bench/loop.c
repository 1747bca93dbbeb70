/* SPDX-License-Identifier: MIT */
#include "loop.h"
#include "../die.h"
#include "spread.h"
#include "stopwatch.h"
#include <stdlib.h>

static double time_piece_ns(const loop *timed, int copy, subject *s, clockid_t clock)
{
    double start = read_clock_ns(clock);
    timed->copies[copy](timed->turns, s);
    return (read_clock_ns(clock) - start) / (double)timed->turns;
}

static double *allocate_numbers(size_t count)
{
    double *numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL)
        die("memory ran out");
    return numbers;
}

void loops_time(const loop *const *loops, size_t count, subject *s, int repetitions, double *out_ns)
{
    size_t times = (size_t)repetitions;
    double *ns = allocate_numbers(count * LOOP_COPIES * times); /* [loop][copy][repetition] */
    for (size_t time = 0; time < times; time++)
        for (int copy = 0; copy < LOOP_COPIES; copy++)
            for (size_t which = 0; which < count; which++)
                ns[(which * LOOP_COPIES + (size_t)copy) * times + time] =
                    time_piece_ns(loops[which], copy, s, CLOCK_MONOTONIC);
    for (size_t which = 0; which < count; which++) {
        double of_copies[LOOP_COPIES];
        for (size_t copy = 0; copy < LOOP_COPIES; copy++)
            of_copies[copy] = median_of(&ns[(which * LOOP_COPIES + copy) * times], times);
        out_ns[which] = median_of(of_copies, LOOP_COPIES);
    }
    free(ns);
}

/* Processor time of all threads: what other programs do in pieces that long does not count, and what the collector's
 * threads do does. */
static double time_long_piece_ns(const loop *timed, int copy, subject *s)
{
    return time_piece_ns(timed, copy, s, CLOCK_PROCESS_CPUTIME_ID);
}

void loops_compare(const loop *raw, const loop *other, subject *s, int repetitions, double *out_raw_ns,
                   double *out_added_ns)
{
    size_t pairs = (size_t)repetitions * LOOP_COPIES;
    double *raw_ns = allocate_numbers(pairs);
    double *added_ns = allocate_numbers(pairs);
    for (size_t pair = 0; pair < pairs; pair++) {
        int copy = (int)(pair % LOOP_COPIES);
        double before = time_long_piece_ns(raw, copy, s);
        double between = time_long_piece_ns(other, copy, s) + time_long_piece_ns(other, copy, s);
        double after = time_long_piece_ns(raw, copy, s);
        raw_ns[pair] = (before + after) / 2;
        added_ns[pair] = between / 2 - raw_ns[pair];
    }
    *out_raw_ns = median_of(raw_ns, pairs);
    *out_added_ns = median_of(added_ns, pairs);
    free(raw_ns);
    free(added_ns);
}
