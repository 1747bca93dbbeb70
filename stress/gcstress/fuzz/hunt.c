/* SPDX-License-Identifier: MIT */
#include "hunt.h"
#include "../../dice.h"
#include "../../die.h"
#include "../explore/apart.h"
#include "mutation.h"
#include "tally.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 4096, RUNS_BETWEEN_LOOKS = 64, ONE_OF_INVENTED = 8 };

/* ---- in the process of its own ----------------------------------------------------------------------------------- */

/* Those that reached a state first. Invariant: when it is full, a new one takes the place of an old one. */
static struct {
    input *inputs;
    size_t count;
} kept;

static const input *draw(uint64_t *dice)
{
    return &kept.inputs[mutation_draw(dice, kept.count)];
}

static void keep(uint64_t *dice, const input *reached)
{
    size_t at = kept.count < KEPT ? kept.count++ : mutation_draw(dice, KEPT);
    kept.inputs[at] = *reached;
}

static void make_next(uint64_t *dice, input *out_input)
{
    if (kept.count == 0 || mutation_draw(dice, ONE_OF_INVENTED) == 0) {
        mutation_invent(dice, out_input);
        return;
    }
    *out_input = *draw(dice);
    mutation_change(dice, out_input, draw(dice));
}

static void run_once(hunt_result *into)
{
    apart_begin_run();
    into->operations += trial_run(&into->input, &into->told);
    into->runs++;
    into->states = tally_states();
    into->found = into->told.violation[0] != '\0';
}

/* What the process gets. */
typedef struct hunt {
    const hunt_plan *plan;
    hunt_result *into;
} hunt;

static bool is_over(const hunt_plan *plan, const hunt_result *so_far, double begun)
{
    if (so_far->found || plan->given != NULL || so_far->runs == plan->most_runs)
        return true;
    return plan->seconds > 0 && so_far->runs % RUNS_BETWEEN_LOOKS == 0 && apart_now_seconds() - begun >= plan->seconds;
}

static void hunt_here(void *data)
{
    const hunt_plan *plan = ((const hunt *)data)->plan;
    hunt_result *into = ((const hunt *)data)->into;
    uint64_t dice = dice_shift_from(plan->seed);
    double begun = apart_now_seconds();
    kept.inputs = die_or_allocate(KEPT, sizeof *kept.inputs);
    trial_start();
    do {
        size_t states = into->states;
        if (plan->given != NULL)
            into->input = *plan->given;
        else
            make_next(&dice, &into->input);
        run_once(into);
        if (into->states > states)
            keep(&dice, &into->input);
    } while (!is_over(plan, into, begun));
    into->kept = kept.count;
    into->seconds = apart_now_seconds() - begun;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

/* What was told before it is the better reason. */
static void note_end(hunt_result *of, const char *what)
{
    if (what == NULL)
        return;
    of->runs++;
    of->found = true;
    if (of->told.violation[0] != '\0')
        return;
    (void)snprintf(of->told.violation, sizeof of->told.violation, "%s", what);
    of->told.violation_line = of->told.count;
}

hunt_result *hunt_run(const hunt_plan *plan)
{
    hunt_result *result = apart_allocate(sizeof *result);
    hunt given = {plan, result};
    double begun = apart_now_seconds();
    note_end(result, apart_run(hunt_here, NULL, &given));
    result->seconds = apart_now_seconds() - begun;
    return result;
}

void hunt_free(hunt_result *result)
{
    apart_free(result, sizeof *result);
}

/* ---- shrinking --------------------------------------------------------------------------------------------------- */

/* NULL: it is another run without these bytes, and a good one. */
static hunt_result *try_without(const input *from, size_t at, size_t size)
{
    input less = *from;
    memmove(less.bytes + at, less.bytes + at + size, from->size - at - size);
    less.size = from->size - size;
    hunt_result *result = hunt_run(&(hunt_plan){.given = &less});
    if (result->found)
        return result;
    hunt_free(result);
    return NULL;
}

/* Pieces of one size, from the end on: what comes late is needed least. */
static hunt_result *shrink_by(hunt_result *best, size_t size)
{
    for (size_t end = best->input.size; end >= size; end -= size) {
        hunt_result *smaller = try_without(&best->input, end - size, size);
        if (smaller == NULL)
            continue;
        hunt_free(best);
        best = smaller;
    }
    return best;
}

hunt_result *hunt_shrink(const input *from)
{
    hunt_result *best = hunt_run(&(hunt_plan){.given = from});
    if (!best->found) {
        hunt_free(best);
        return NULL;
    }
    size_t before;
    do {
        before = best->input.size;
        for (size_t size = INPUT_BYTES / 2; size > 1; size /= 2)
            best = shrink_by(best, size);
    } while (best->input.size < before);
    return best;
}
