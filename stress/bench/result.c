/* SPDX-License-Identifier: MIT */
#include "result.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

static spread spread_of_figure(const result *r, const figure *f)
{
    double values[MOST_ROUNDS];
    for (int round = 0; round < r->rounds; round++)
        values[round] = figure_value(f, &r->measured[round]);
    return spread_of(values, (size_t)r->rounds);
}

static spread spread_of_measure(const result *r, int measure)
{
    double values[MOST_ROUNDS];
    for (int round = 0; round < r->rounds; round++)
        values[round] = r->measured[round].values[measure];
    return spread_of(values, (size_t)r->rounds);
}

static growth_point sum_up_population(const census *rounds, int count)
{
    double pause_ms[MOST_ROUNDS], bytes[MOST_ROUNDS], ended[MOST_ROUNDS];
    for (int round = 0; round < count; round++) {
        const census *c = &rounds[round];
        pause_ms[round] = c->complete ? c->pause_ms : NAN;
        bytes[round] = c->complete ? c->bytes : NAN;
        ended[round] = c->complete ? (double)c->ended : NAN;
    }
    size_t rounds_count = (size_t)count;
    double least = spread_of(ended, rounds_count).low;
    return (growth_point){.pause_ms = spread_of(pause_ms, rounds_count),
                          .bytes = spread_of(bytes, rounds_count),
                          .least_ended = isnan(least) ? 0 : (long)least};
}

void result_sum_up(result *r)
{
    for (int i = 0; i < FIGURES; i++)
        r->figures[i] = spread_of_figure(r, &figures[i]);
    for (int i = 0; i < MEASURE_COUNT; i++)
        r->measures[i] = spread_of_measure(r, i);
    for (int size = 0; size < SIZES; size++)
        for (int who = 0; who < VARIANTS; who++)
            r->growth[size][who] = sum_up_population(r->populations[size][who], r->rounds);
}

/* A word on some stack may look like a pointer to one of a million objects, and a conservative collector keeps that. */
static bool nearly_all(long ended, long count)
{
    return ended * 1000 >= count * 999;
}

bool result_check_ends(const result *r)
{
    bool all = true;
    for (int size = 0; size < SIZES; size++)
        for (int who = 0; who < VARIANTS; who++) {
            const growth_point *point = &r->growth[size][who];
            if (isnan(point->bytes.median) || nearly_all(point->least_ended, r->counts[size]))
                continue;
            (void)fprintf(stderr, "%s: of %ld objects of %s only %ld came to their end\n",
                          program_invocation_short_name, r->counts[size], variants[who]->name, point->least_ended);
            all = false;
        }
    return all;
}

bool result_check_targets(const result *r)
{
    bool all = true;
    for (int i = 0; i < FIGURES; i++) {
        double value = r->figures[i].median;
        if (isnan(value) || figure_is_met(&figures[i], value))
            continue;
        (void)fprintf(stderr, "%s: %s is %.3g, %s is promised\n", program_invocation_short_name, figures[i].name, value,
                      figures[i].at_least ? "more" : "less");
        all = false;
    }
    return all;
}
