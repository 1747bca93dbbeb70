/* SPDX-License-Identifier: MIT */
#include "summary.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *const figure_names[FIGURES] = {
    [ALLOCATE_NS] = "allocate_ns",       [PAUSE_MS] = "pause_ms",     [RELEASE_MS] = "release_ms",
    [RELEASE_CPU_NS] = "release_cpu_ns", [HEAP_BYTES] = "heap_bytes", [RESIDENT_BYTES] = "resident_bytes",
    [PEAK_BYTES] = "peak_bytes",
};

const char *const figure_titles[FIGURES] = {
    [ALLOCATE_NS] = "allocate, ns each", [PAUSE_MS] = "pause, all live, ms",
    [RELEASE_MS] = "drop to end, ms",    [RELEASE_CPU_NS] = "drop to end, CPU ns each",
    [HEAP_BYTES] = "heap, bytes each",   [RESIDENT_BYTES] = "resident, bytes each",
    [PEAK_BYTES] = "peak, bytes each",
};

bool summary_has(int who, int figure)
{
    return variants[who]->ends || (figure != RELEASE_MS && figure != RELEASE_CPU_NS);
}

static int compare(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static spread spread_of(int rounds, const measurement *measured, int figure)
{
    double sorted[MOST_ROUNDS];
    for (int round = 0; round < rounds; round++)
        sorted[round] = measured[round].figures[figure];
    qsort(sorted, (size_t)rounds, sizeof *sorted, compare);
    double middle = (sorted[(rounds - 1) / 2] + sorted[rounds / 2]) / 2;
    return (spread){.median = middle, .lowest = sorted[0], .highest = sorted[rounds - 1]};
}

static long least_ended(int rounds, const measurement *measured)
{
    long least = measured[0].ended;
    for (int round = 1; round < rounds; round++)
        least = measured[round].ended < least ? measured[round].ended : least;
    return least;
}

summary summary_make(long count, int rounds, measurement measurements[VARIANTS][MOST_ROUNDS])
{
    summary s = {.count = count, .rounds = rounds};
    for (int who = 0; who < VARIANTS; who++) {
        for (int figure = 0; figure < FIGURES; figure++)
            s.spreads[who][figure] = spread_of(rounds, measurements[who], figure);
        s.least_ended[who] = least_ended(rounds, measurements[who]);
    }
    return s;
}

/* A word on some stack may look like a pointer to one of a million objects, and a conservative collector keeps that. */
static bool nearly_all(long ended, long count)
{
    return ended * 1000 >= count * 999;
}

bool summary_check(const summary *s)
{
    bool all = true;
    for (int who = 0; who < VARIANTS; who++) {
        if (!variants[who]->ends || nearly_all(s->least_ended[who], s->count))
            continue;
        (void)fprintf(stderr, "%s: of %ld objects of %s only %ld came to their end\n", program_invocation_short_name,
                      s->count, variants[who]->name, s->least_ended[who]);
        all = false;
    }
    return all;
}
