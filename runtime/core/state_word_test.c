/* SPDX-License-Identifier: MIT */
#include "core/state_word.h"
#include "testing/testing.h"
#include <criterion/criterion.h>

/* ---- every row of the table -------------------------------------------------------------------------------------- */

enum {
    CLOSED = STATE_CLOSED,
    CLAIMED = STATE_CLAIMED,
    RELEASED = STATE_RELEASED,
    INVALIDATED = STATE_INVALIDATED,
    HOLDS = STATE_HOLDS,
    FAILED = STATE_FAILED,
    PINNED = STATE_PINNED,
    LEAKED = STATE_LEAKED,
    DRAINING = STATE_DRAINING,
    FENCED = STATE_FENCED,
    USERS_FENCE = STATE_USERS_FENCE
};
#define LEASED STATE_LEASED
#define LIMIT STATE_COUNT_LIMIT

typedef struct row {
    const char *operation;
    word_t before;
    state_answer answer;
    state_duty duty;
    word_t after;
    const char *text;
} row;

#define BITS(flags, count) (((word_t)(count) << STATE_COUNT_SHIFT) | (word_t)(flags))
#define AS_DATA(operation, flags_before, count_before, answer, duty, flags_after, count_after)                         \
    {#operation, BITS(flags_before, count_before), answer,                                                             \
     duty,       BITS(flags_after, count_after),   #operation "(" #flags_before ", " #count_before ")"},
static const row rows[] = {STATE_TRANSITIONS(AS_DATA)};
enum { ROWS = sizeof rows / sizeof *rows };

static state_result plain(state_answer answer)
{
    return (state_result){answer, STATE_NOTHING};
}

static state_result apply(const char *operation, state_word *word)
{
    if (strcmp(operation, "add_ref") == 0)
        return state_word_add_ref(word);
    if (strcmp(operation, "drop_ref") == 0)
        return state_word_drop_ref(word);
    if (strcmp(operation, "begin_close") == 0)
        return state_word_begin_close(word, 0);
    if (strcmp(operation, "begin_close_alone") == 0)
        return state_word_begin_close(word, state_word_read(word) & STATE_LEASED);
    if (strcmp(operation, "invalidate") == 0)
        return state_word_invalidate(word, 0);
    if (strcmp(operation, "fenced") == 0)
        return (state_result){STATE_DONE, state_word_fenced(word)};
    if (strcmp(operation, "claim") == 0)
        return (state_result){STATE_DONE, state_word_claim(word) ? STATE_RELEASE : STATE_NOTHING};
    if (strcmp(operation, "left") == 0)
        return (state_result){STATE_DONE, state_word_left(word)};
    if (strcmp(operation, "lease") == 0)
        return plain(state_word_lease(word, (state_lessee){.own = STATE_LEASED}));
    if (strcmp(operation, "lease_draining") == 0)
        return plain(state_word_lease(word, (state_lessee){.own = STATE_LEASED, .draining = true}));
    if (strcmp(operation, "publish") == 0)
        return plain(state_word_publish(word));
    if (strcmp(operation, "join") == 0)
        return plain(state_word_join(word));
    if (strcmp(operation, "enter_draining") == 0)
        return plain(state_word_enter_draining(word));
    if (strcmp(operation, "leave_behind") == 0)
        cr_expect_eq(state_word_leave_behind(word), state_count(state_word_read(word)) == 0);
    else if (strcmp(operation, "forget_lessees") == 0)
        state_word_forget_lessees(word);
    else if (strcmp(operation, "drain") == 0)
        state_word_drain(word);
    else if (strcmp(operation, "mark_leaked") == 0)
        state_word_mark_leaked(word);
    else if (strcmp(operation, "finish_failed") == 0)
        state_word_finish(word, true);
    else if (strcmp(operation, "finish_well") == 0)
        state_word_finish(word, false);
    else
        cr_assert_fail("no such operation: %s", operation);
    return plain(STATE_DONE);
}

Test(state_word, every_row_of_the_table)
{
    for (size_t i = 0; i < ROWS; i++) {
        state_word word = {{rows[i].before}};
        state_result result = apply(rows[i].operation, &word);
        cr_expect_eq(result.answer, rows[i].answer, "%s: answer %d", rows[i].text, (int)result.answer);
        cr_expect_eq(result.duty, rows[i].duty, "%s: duty %d", rows[i].text, (int)result.duty);
        cr_expect_eq(state_word_read(&word), rows[i].after, "%s: left %#zx, not %#zx", rows[i].text,
                     (size_t)state_word_read(&word), (size_t)rows[i].after);
        cr_expect(state_word_is_valid(state_word_read(&word)), "%s: invariant", rows[i].text);
    }
}

/* A row that is not in the table would not be driven: every operation meets every reachable combination of the flags
 * that it looks at. */
Test(state_word, the_table_names_every_operation_and_flag)
{
    static const char *const operations[] = {
        "add_ref",       "drop_ref",    "begin_close",       "invalidate",    "publish",
        "join",          "drain",       "enter_draining",    "leave_behind",  "finish_well",
        "finish_failed", "mark_leaked", "begin_close_alone", "fenced",        "claim",
        "left",          "lease",       "lease_draining",    "forget_lessees"};
    word_t flags_seen = 0;
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++) {
        size_t found = 0;
        for (size_t i = 0; i < ROWS; i++) {
            found += strcmp(rows[i].operation, operations[o]) == 0;
            flags_seen |= (rows[i].before | rows[i].after) & STATE_FLAGS;
        }
        cr_expect_gt(found, 0, "%s", operations[o]);
    }
    cr_expect_eq(flags_seen, STATE_FLAGS);
}

Test(state_word, is_valid_refuses_each_broken_implication)
{
    cr_expect(state_word_is_valid(0));
    cr_expect(state_word_is_valid(CLOSED | CLAIMED | RELEASED | FAILED));
    cr_expect_not(state_word_is_valid(CLAIMED));
    cr_expect_not(state_word_is_valid(CLOSED | RELEASED));
    cr_expect_not(state_word_is_valid(INVALIDATED));
    cr_expect_not(state_word_is_valid(CLOSED | CLAIMED | FAILED));
    cr_expect_not(state_word_is_valid(FENCED));
    cr_expect(state_word_is_valid(FENCED | DRAINING));
    cr_expect_not(state_word_is_valid(CLOSED | CLAIMED | LEASED));
    cr_expect(state_word_is_valid(CLOSED | CLAIMED | LEASED | FENCED));
}

Test(state_word, init_is_open_and_unused)
{
    state_word word = {{77}};
    state_word_init(&word);
    cr_expect_eq(state_word_read(&word), 0);
}

/* ---- another thread's step between two of ours, at each place where it changes the outcome ----------------------- */

static void step_add_ref(void *word)
{
    (void)state_word_add_ref(word);
}

static void step_raw_add(void *word)
{
    (void)atomic_word_add(&((state_word *)word)->bits, STATE_ONE);
}

static void step_raw_subtract(void *word)
{
    (void)atomic_word_add(&((state_word *)word)->bits, (word_t)0 - STATE_ONE);
}

static void step_claim(void *word)
{
    cr_assert(state_word_claim(word));
}

static void step_close(void *word)
{
    (void)state_word_begin_close(word, 0);
}

/* The last user is about to claim when an entrant comes in: the user gives up, and the refused entrant claims. */
Test(state_word, an_entrant_takes_the_claim_over)
{
    state_word word = {{BITS(HOLDS | CLOSED, 1)}};
    testing_at("core.claim", 1, step_raw_add, &word);
    state_result leaving = state_word_drop_ref(&word);
    cr_expect_eq(leaving.answer, STATE_DONE);
    cr_expect_not(leaving.duty != STATE_NOTHING, "the entrant stands in the way");
    testing_at_nothing();
    state_result entrant = state_word_refuse(&word, BITS(HOLDS | CLOSED, 0));
    cr_expect_eq(entrant.answer, STATE_TOO_LATE);
    cr_expect(entrant.duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

static void step_full_entrant(void *word)
{
    state_result entrant = state_word_add_ref(word);
    cr_assert_eq(entrant.answer, STATE_TOO_LATE);
    cr_assert(entrant.duty == STATE_RELEASE, "it came and left while the claim was still open");
}

Test(state_word, an_entrant_that_came_and_left_has_claimed)
{
    state_word word = {{BITS(HOLDS | CLOSED, 1)}};
    testing_at("core.claim", 1, step_full_entrant, &word);
    cr_expect_not(state_word_drop_ref(&word).duty != STATE_NOTHING, "one claim only");
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

static void step_last_user_leaves(void *word)
{
    cr_assert(state_word_drop_ref(word).duty == STATE_RELEASE);
    state_word_finish(word, false);
    *(state_word *)word = (state_word){{BITS(HOLDS | CLOSED, 0)}}; /* the memory is another handle's by now */
}

Test(state_word, whoever_leaves_others_behind_does_not_look_again)
{
    state_word word = {{BITS(HOLDS | CLOSED | LEAKED, 2)}};
    testing_at("core.leave", 1, step_last_user_leaves, &word);
    state_result leaving = state_word_drop_ref(&word);
    cr_expect_eq(leaving.answer, STATE_DONE);
    cr_expect_not(leaving.duty != STATE_NOTHING);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED, 0), "the stranger was not claimed");
}

static void step_mark_leaked(void *word)
{
    state_word_mark_leaked(word);
}

/* The word changes under the claim, but is still closed and unused: the claim is tried again. */
Test(state_word, a_claim_is_tried_again)
{
    state_word word = {{BITS(HOLDS | CLOSED, 1)}};
    testing_at("core.claim", 1, step_mark_leaked, &word);
    cr_expect(state_word_drop_ref(&word).duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED | LEAKED, 0));
}

Test(state_word, close_sees_a_user_that_came_in_between)
{
    state_word word = {{BITS(HOLDS, 0)}};
    testing_at("core.close", 1, step_add_ref, &word);
    state_result closing = state_word_begin_close(&word, 0);
    cr_expect_eq(closing.answer, STATE_DONE);
    cr_expect_not(closing.duty != STATE_NOTHING);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED, 1));
}

Test(state_word, invalidate_sees_a_close_that_came_in_between)
{
    state_word word = {{BITS(HOLDS, 0)}};
    testing_at("core.invalidate", 1, step_close, &word);
    cr_expect_eq(state_word_invalidate(&word, 0).answer, STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

Test(state_word, publish_sees_a_close_that_came_in_between)
{
    state_word word = {{0}};
    testing_at("core.publish", 1, step_close, &word);
    cr_expect_eq(state_word_publish(&word), STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(CLOSED | CLAIMED, 0));
}

static void step_last_user_claims(void *word)
{
    cr_assert_eq(state_word_drop_ref(word).duty, STATE_RELEASE);
}

Test(state_word, join_sees_the_last_user_claim)
{
    state_word word = {{BITS(HOLDS | CLOSED, 1)}};
    testing_at("core.join", 1, step_last_user_claims, &word);
    cr_expect_eq(state_word_join(&word), STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

Test(state_word, who_leaves_behind_a_word_that_is_open_or_claimed_sends_nobody)
{
    state_word open = {{BITS(HOLDS, 1)}};
    cr_expect_not(state_word_leave_behind(&open));
    state_word claimed = {{BITS(HOLDS | CLOSED | CLAIMED, 1)}};
    cr_expect_not(state_word_leave_behind(&claimed));
}

/* What is left behind is closed and unused, and whoever is sent enters, is refused, and has the claim. */
Test(state_word, what_was_left_behind_is_claimed_by_whoever_is_sent)
{
    state_word word = {{BITS(HOLDS | CLOSED, 1)}};
    cr_expect(state_word_leave_behind(&word));
    cr_expect(state_word_add_ref(&word).duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

/* A lessee that detaches waits for the one instruction of the other thread, as an entrant does. */
Test(state_word, join_waits_for_a_repair)
{
    state_word word = {{BITS(HOLDS | CLOSED, 0) - STATE_ONE}};
    testing_at("core.negative", 3, step_raw_add, &word);
    cr_expect_eq(state_word_join(&word), STATE_DONE);
    cr_expect_eq(testing_reached(), 3);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED, 1));
}

Test(state_word, join_gives_a_spoilt_count_up)
{
    state_word word = {{BITS(HOLDS | CLOSED, 0) - STATE_ONE}};
    cr_expect_eq(state_word_join(&word), STATE_UNBALANCED);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED, 0) - STATE_ONE);
}

/* ---- leases: what happens between the steps ---------------------------------------------------------------------- */

static void step_other_lessee(void *word)
{
    cr_assert_eq(state_word_lease(word, (state_lessee){.own = 2 << STATE_LESSEE_SHIFT}), STATE_DONE);
}

static const state_lessee first_lessee = {.own = 1 << STATE_LESSEE_SHIFT};

Test(state_word, a_lessee_alone_is_known_by_its_number)
{
    state_word word = {{HOLDS}};
    cr_expect_eq(state_word_lease(&word, first_lessee), STATE_DONE);
    cr_expect_eq(state_word_read(&word), HOLDS | first_lessee.own);
    cr_expect_eq(state_word_lease(&word, first_lessee), STATE_DONE);
    cr_expect_eq(state_word_read(&word), HOLDS | first_lessee.own);
    step_other_lessee(&word);
    cr_expect_eq(state_word_read(&word), HOLDS | LEASED);
}

Test(state_word, two_first_lessees_are_several)
{
    state_word word = {{HOLDS}};
    testing_at("core.lease", 1, step_other_lessee, &word);
    cr_expect_eq(state_word_lease(&word, first_lessee), STATE_DONE);
    cr_expect_eq(state_word_read(&word), HOLDS | LEASED);
}

Test(state_word, a_lessee_sees_a_close_that_came_in_between)
{
    state_word word = {{HOLDS}};
    testing_at("core.lease", 1, step_close, &word);
    cr_expect_eq(state_word_lease(&word, first_lessee), STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), HOLDS | CLOSED | CLAIMED);
}

Test(state_word, without_a_barrier_users_fence_from_the_first_on)
{
    state_word word = {{HOLDS}};
    state_lessee fencing = {.own = first_lessee.own, .users_fence = true};
    cr_expect_eq(state_word_lease(&word, fencing), STATE_DONE);
    cr_expect_eq(state_word_read(&word), HOLDS | LEASED | USERS_FENCE);
    /* Where somebody leased before without a fence, the closer needs the barrier: no fence of others replaces it. */
    state_word later = {{HOLDS | first_lessee.own}};
    fencing.own = 2 << STATE_LESSEE_SHIFT;
    cr_expect_eq(state_word_lease(&later, fencing), STATE_DONE);
    cr_expect_eq(state_word_read(&later), HOLDS | LEASED);
    cr_expect_eq(state_word_begin_close(&later, fencing.own).duty, STATE_FENCE);
}

Test(state_word, close_sees_a_lessee_that_came_in_between)
{
    state_word word = {{HOLDS}};
    testing_at("core.close", 1, step_other_lessee, &word);
    state_result closing = state_word_begin_close(&word, first_lessee.own);
    cr_expect_eq(closing.answer, STATE_DONE);
    cr_expect_eq(closing.duty, STATE_FENCE);
    cr_expect_eq(state_word_read(&word), HOLDS | CLOSED | (2 << STATE_LESSEE_SHIFT));
}

/* A host without a collector may have given the memory to another handle, whose closer has not fenced yet. */
Test(state_word, a_claim_needs_the_fence)
{
    state_word word = {{HOLDS | LEASED | CLOSED}};
    cr_expect_not(state_word_claim(&word));
    cr_expect_eq(state_word_read(&word), HOLDS | LEASED | CLOSED);
}

Test(state_word, of_two_who_looked_one_claims)
{
    state_word word = {{HOLDS | LEASED | CLOSED | FENCED}};
    testing_at("core.claim-leased", 1, step_claim, &word);
    cr_expect_not(state_word_claim(&word));
    cr_expect_eq(state_word_read(&word), HOLDS | LEASED | CLOSED | FENCED | CLAIMED);
}

Test(state_word, a_finalizer_sees_a_close_that_came_in_between)
{
    state_word word = {{BITS(HOLDS | DRAINING, 0)}};
    testing_at("core.enter-draining", 1, step_close, &word);
    cr_expect_eq(state_word_enter_draining(&word), STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | DRAINING | CLOSED | CLAIMED, 0));
}

/* The entrant stands in the way of the close, and claims when it retreats. */
Test(state_word, an_entrant_refused_while_draining_may_be_the_last_to_leave)
{
    state_word word = {{BITS(HOLDS | DRAINING, 0)}};
    testing_at("core.refused", 1, step_close, &word);
    state_result entry = state_word_add_ref(&word);
    cr_expect_eq(entry.answer, STATE_TOO_LATE);
    cr_expect(entry.duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | DRAINING | CLOSED | CLAIMED, 0));
}

Test(state_word, marking_a_leak_is_tried_again)
{
    state_word word = {{BITS(HOLDS | CLOSED, 2)}};
    testing_at("core.flag", 1, step_raw_subtract, &word);
    state_word_mark_leaked(&word);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | LEAKED, 1));
}

Test(state_word, pinning_is_tried_again)
{
    state_word word = {{BITS(HOLDS, LIMIT)}};
    testing_at("core.flag", 1, step_add_ref, &word); /* the other entrant pins first */
    cr_expect_eq(state_word_add_ref(&word).answer, STATE_AT_LIMIT);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | PINNED, LIMIT));
}

/* ---- over-releases ----------------------------------------------------------------------------------------------- */

static void step_entrant_meets_negative(void *word)
{
    /* Our over-release has taken the count to -1 and is about to repair it. */
    cr_assert_neq(state_word_read(word) & STATE_NEGATIVE, 0);
    testing_at("core.negative", 3, step_raw_add, word); /* the repair, as seen by the entrant */
    cr_assert_eq(state_word_add_ref(word).answer, STATE_DONE);
    cr_assert_eq(testing_reached(), 3, "it waited");
    step_raw_subtract(word); /* take back what stood for our repair */
}

Test(state_word, an_entrant_waits_for_a_repair)
{
    state_word word = {{BITS(HOLDS, 0)}};
    testing_at("core.over-release", 1, step_entrant_meets_negative, &word);
    cr_expect_eq(state_word_drop_ref(&word).answer, STATE_UNBALANCED);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS, 1), "the entrant's reference");
}

Test(state_word, a_second_over_release_meets_the_first)
{
    state_word word = {{BITS(HOLDS, 0) - STATE_ONE}};
    cr_expect_eq(state_word_drop_ref(&word).answer, STATE_UNBALANCED);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS, 0) - STATE_ONE, "each repairs its own step");
}

/* Closed while the count was -1: nobody could claim, so the repair does. */
Test(state_word, the_repair_claims)
{
    state_word word = {{BITS(HOLDS, 0)}};
    testing_at("core.over-release", 1, step_close, &word);
    state_result over = state_word_drop_ref(&word);
    cr_expect_eq(over.answer, STATE_UNBALANCED);
    cr_expect(over.duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

/* The entrant meets -1; before it steps back, the over-releaser repairs and somebody closes: the entrant is last. */
static void step_repair_and_close(void *word)
{
    step_raw_add(word);
    cr_assert_not(state_word_begin_close(word, 0).duty != STATE_NOTHING);
}

Test(state_word, an_entrant_that_met_a_negative_count_may_have_to_release)
{
    state_word word = {{BITS(HOLDS, 0) - STATE_ONE}};
    testing_at("core.refused", 1, step_repair_and_close, &word);
    state_result entrant = state_word_add_ref(&word);
    cr_expect_eq(entrant.answer, STATE_TOO_LATE);
    cr_expect(entrant.duty == STATE_RELEASE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

Test(state_word, a_closed_word_with_a_negative_count_refuses)
{
    state_word word = {{BITS(HOLDS | CLOSED, 0) - STATE_ONE}};
    cr_expect_eq(state_word_add_ref(&word).answer, STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED, 0) - STATE_ONE);
}

/* Two over-releases and an entrant in the same few instructions can leave the count at -1 for good. */
Test(state_word, a_spoilt_count_refuses_instead_of_hanging)
{
    state_word word = {{BITS(HOLDS, 0) - STATE_ONE}};
    cr_expect_eq(state_word_add_ref(&word).answer, STATE_UNBALANCED);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS, 0) - STATE_ONE);
}

/* A reference that is taken from a refused entrant by an over-release is repaired by the entrant. */
Test(state_word, a_refused_entrant_repairs_a_theft)
{
    state_word word = {{BITS(HOLDS | CLOSED | CLAIMED, 0)}};
    testing_at("core.refused", 1, step_raw_subtract, &word);
    cr_expect_eq(state_word_add_ref(&word).answer, STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

static void step_repair_and_claim(void *word)
{
    step_raw_add(word);
    cr_assert_eq(state_word_begin_close(word, 0).duty, STATE_RELEASE);
}

Test(state_word, an_entrant_that_waited_for_a_repair_may_find_it_closed)
{
    state_word word = {{BITS(HOLDS, 0) - STATE_ONE}};
    testing_at("core.negative", 1, step_repair_and_claim, &word);
    state_result entrant = state_word_add_ref(&word);
    cr_expect_eq(entrant.answer, STATE_TOO_LATE);
    cr_expect_eq(entrant.duty, STATE_NOTHING);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | CLOSED | CLAIMED, 0));
}

/* The same theft on a word that is open, but to finalizers only. */
Test(state_word, an_entrant_refused_while_draining_repairs_a_theft)
{
    state_word word = {{BITS(HOLDS | DRAINING, 0)}};
    testing_at("core.refused", 1, step_raw_subtract, &word);
    cr_expect_eq(state_word_add_ref(&word).answer, STATE_TOO_LATE);
    cr_expect_eq(state_word_read(&word), BITS(HOLDS | DRAINING, 0));
}

/* ---- presets around the limit ------------------------------------------------------------------------------------ */

Test(state_word, presets_around_the_limit)
{
    for (int offset = -2; offset <= 2; offset++) {
        word_t count = LIMIT + (word_t)offset;
        state_word word = {{BITS(HOLDS, count)}};
        state_result entrant = state_word_add_ref(&word);
        bool fits = offset < 0;
        cr_expect_eq(entrant.answer, fits ? STATE_DONE : STATE_SATURATED, "limit%+d", offset);
        cr_expect_eq(state_count(state_word_read(&word)), fits ? count + 1 : count, "limit%+d", offset);
        cr_expect_eq((state_word_read(&word) & PINNED) != 0, !fits, "limit%+d", offset);
    }
}
