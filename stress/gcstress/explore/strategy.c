/* SPDX-License-Identifier: MIT */
#include "strategy.h"
#include "../../dice.h"
#include <string.h>

void strategy_init(strategy *of, strategy_sort sort, size_t bound, uint64_t seed)
{
    memset(of, 0, sizeof *of);
    of->sort = sort;
    of->bound = bound < STRATEGY_DEPTH || sort != STRATEGY_PCT ? bound : STRATEGY_DEPTH;
    of->random = dice_shift_from(seed);
    of->most_choices = 16;
}

/* ---- pct --------------------------------------------------------------------------------------------------------- */

/* Higher is first. Those of the changes are below all that strands begin with. */
static void draw_priorities(strategy *of)
{
    for (size_t i = 0; i < BATON_STRANDS; i++)
        of->priorities[i] = STRATEGY_DEPTH + i;
    for (size_t i = BATON_STRANDS - 1; i > 0; i--) {
        size_t other = (size_t)(dice_shift(&of->random) % (i + 1));
        size_t kept = of->priorities[i];
        of->priorities[i] = of->priorities[other];
        of->priorities[other] = kept;
    }
    for (size_t i = 0; i + 1 < of->bound; i++)
        of->changes[i] = (size_t)(dice_shift(&of->random) % of->most_choices);
}

static size_t choose_by_priority(strategy *of, const baton_choice *choice)
{
    for (size_t i = 0; i + 1 < of->bound; i++)
        if (of->changes[i] == of->choices_seen && choice->running != BATON_NOBODY)
            of->priorities[choice->running] = of->bound - 1 - i;
    size_t best = 0;
    for (size_t i = 1; i < choice->count; i++)
        if (of->priorities[schedule_alternative(choice, i)] > of->priorities[schedule_alternative(choice, best)])
            best = i;
    return best;
}

/* ---- any --------------------------------------------------------------------------------------------------------- */

static size_t choose_alternative(strategy *of, const baton_choice *choice)
{
    switch (of->sort) {
    case STRATEGY_PCT:
        return choose_by_priority(of, choice);
    case STRATEGY_RANDOM:
        return (size_t)(dice_shift(&of->random) % choice->count);
    case STRATEGY_ASKED:
        return of->ask(choice, of->data);
    default:
        return 0;
    }
}

size_t strategy_choose(const baton_choice *choice, void *data)
{
    strategy *of = data;
    if (of->run.count == SCHEDULE_CHOICES) {
        of->run.cut = true;
        return schedule_alternative(choice, 0);
    }
    schedule_choice *here = &of->run.choices[of->run.count];
    bool prescribed = of->run.count < of->given;
    size_t taken = prescribed ? here->taken : choose_alternative(of, choice);
    if (prescribed && (here->count != choice->count || taken >= choice->count)) {
        of->diverged = true;
        taken = taken < choice->count ? taken : 0;
    }
    bool preempts = choice->running != BATON_NOBODY;
    *here = (schedule_choice){.count = (uint8_t)choice->count,
                              .taken = (uint8_t)taken,
                              .strand = (uint8_t)schedule_alternative(choice, taken),
                              .preempts = preempts,
                              .preempted = (uint16_t)of->preempted,
                              .where = choice->where};
    of->preempted += preempts && taken != 0;
    of->run.count++;
    of->choices_seen++;
    return here->strand;
}

void strategy_begin(strategy *of)
{
    of->run.count = 0;
    of->run.cut = false;
    of->preempted = 0;
    of->choices_seen = 0;
    if (of->sort == STRATEGY_PCT)
        draw_priorities(of);
}

/* The last choice that has another alternative within the bound takes that; what was behind it is open again. */
static bool advance_depth_first(strategy *of)
{
    for (size_t i = of->run.count; i > 0; i--) {
        schedule_choice *last = &of->run.choices[i - 1];
        bool affordable = !last->preempts || last->preempted < of->bound;
        if (last->taken + 1 < last->count && affordable) {
            last->taken++;
            of->given = i;
            return true;
        }
    }
    return false;
}

bool strategy_advance(strategy *of)
{
    if (of->choices_seen > of->most_choices)
        of->most_choices = of->choices_seen;
    return of->sort == STRATEGY_COMPLETE ? advance_depth_first(of) : of->sort != STRATEGY_GIVEN;
}
