/* SPDX-License-Identifier: MIT */
/* The watch table against a small model: no collector, the marks are ours. */
#include "gc/boehm/watch.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <stdlib.h>

enum { MOST = 60000 };

/* A thing that is watched. Invariant: aligned as the collector aligns, so that hidden pointers have a spare bit. */
typedef struct thing {
    _Alignas(16) bool reachable;
    bool marked;
    gc_verdict verdict;
    bool watched;   /* by the model */
    bool condemned; /* by the model */
    bool suspect;   /* by the model */
    unsigned seen;  /* by visit */
    uint32_t group;
} thing;

static thing things[MOST];

static int is_marked(const void *object)
{
    return ((const thing *)object)->marked;
}

static void set_mark(const void *object)
{
    ((thing *)(uintptr_t)object)->marked = true;
}

static gc_verdict judge(const void *object)
{
    return ((const thing *)object)->verdict;
}

static void deaths_found(void)
{
}

static const watch_marks marks = {is_marked, set_mark};
static uint32_t group_of(const void *object)
{
    return ((const thing *)object)->group;
}

static void judge_dead(void *const *objects, size_t count, gc_verdict *out_verdicts)
{
    for (size_t i = 0; i < count; i++)
        out_verdicts[i] = judge(objects[i]);
}

static const gc_client client = {
    .judge = judge, .judge_dead = judge_dead, .deaths_found = deaths_found, .group_of = group_of, .admits = NULL};

static void collect(bool confirm)
{
    for (size_t i = 0; i < MOST; i++)
        things[i].marked = things[i].reachable;
    watch_scan(&client, &marks, confirm);
}

static void start(void)
{
    cr_assert(watch_start());
}

static bool try_add(thing *one, uint32_t group)
{
    void *handle = one;
    return watch_add(&handle, 1, group) == 1;
}

static void add(thing *one, uint32_t group)
{
    cr_assert(try_add(one, group));
}

static void watch_some(size_t first, size_t count, gc_verdict verdict)
{
    for (size_t i = first; i < first + count; i++) {
        things[i] = (thing){.reachable = true, .verdict = verdict};
        add(&things[i], 0);
    }
}

static void watch_all(size_t count, gc_verdict verdict)
{
    watch_some(0, count, verdict);
}

/* NULL: there is none. */
static thing *take(gc_reason *out_reason)
{
    void *taken;
    return watch_take(&taken, 1, out_reason) == 1 ? taken : NULL;
}

static size_t drain(gc_reason expected)
{
    size_t count = 0;
    gc_reason reason;
    watch_close_batch();
    while (take(&reason) != NULL) {
        cr_assert_eq(reason, expected);
        count++;
    }
    return count;
}

static void count_seen(void *handle, void *data)
{
    (void)data;
    ((thing *)handle)->seen++;
}

static size_t visited(void)
{
    size_t count = 0;
    for (size_t i = 0; i < MOST; i++)
        things[i].seen = 0;
    watch_visit(GC_EVERY_GROUP, &client, count_seen, NULL);
    for (size_t i = 0; i < MOST; i++) {
        cr_assert_leq(things[i].seen, 1, "each is in one place");
        count += things[i].seen;
    }
    return count;
}

Test(watch, every_dead_one_is_condemned_once, .init = start)
{
    watch_all(MOST, GC_CONDEMN);
    for (size_t i = 0; i < MOST; i += 3)
        things[i].reachable = false;
    collect(false);
    cr_expect_eq(drain(GC_DEATH), (MOST + 2) / 3);
    cr_expect_eq(visited(), MOST - (MOST + 2) / 3);
    collect(false);
    cr_expect_eq(drain(GC_DEATH), 0);
}

Test(watch, all_dead_at_once, .init = start)
{
    watch_all(MOST, GC_CONDEMN);
    for (size_t i = 0; i < MOST; i++)
        things[i].reachable = false;
    collect(false);
    cr_expect_eq(drain(GC_DEATH), MOST);
    cr_expect_eq(visited(), 0);
    cr_expect(watch_lane_is_empty());
}

Test(watch, forgotten_ones_go_and_are_not_marked, .init = start)
{
    watch_all(1000, GC_FORGET);
    things[500].reachable = false;
    collect(false);
    cr_expect_not(things[500].marked);
    cr_expect_eq(drain(GC_DEATH), 0);
    cr_expect_eq(visited(), 999);
}

Test(watch, kept_ones_stay_and_are_marked, .init = start)
{
    watch_all(1000, GC_KEEP);
    things[500].reachable = false;
    collect(false);
    cr_expect(things[500].marked);
    cr_expect_eq(visited(), 1000);
}

/* Finding 2: without this, one more collection before the lane was drained destroyed nearly all of them. */
Test(watch, the_lane_survives_any_number_of_collections, .init = start)
{
    watch_all(5000, GC_CONDEMN);
    for (size_t i = 0; i < 5000; i++)
        things[i].reachable = false;
    for (int i = 0; i < 5; i++) {
        collect(false);
        for (size_t t = 0; t < 5000; t++)
            cr_assert(things[t].marked);
    }
    cr_expect_eq(drain(GC_DEATH), 5000);
}

Test(watch, a_death_that_must_be_confirmed_takes_two_scans, .init = start)
{
    watch_all(1000, GC_CONDEMN);
    things[1].reachable = false;
    things[2].reachable = false;
    collect(true);
    cr_expect(things[1].marked, "kept for the second look");
    cr_expect_eq(drain(GC_DEATH), 0);
    things[2].reachable = true; /* a guardian brought it back */
    collect(true);
    cr_expect_eq(drain(GC_DEATH), 1);
    things[2].reachable = false;
    collect(true);
    cr_expect_eq(drain(GC_DEATH), 0, "its earlier death does not count");
    collect(true);
    cr_expect_eq(drain(GC_DEATH), 1);
}

/* The only one that is not as all others: the rest of its page is passed over. */
Test(watch, a_suspect_that_lives_again_is_none_any_more, .init = start)
{
    watch_all(1000, GC_CONDEMN);
    things[0].reachable = false;
    collect(true);
    things[0].reachable = true;
    collect(true);
    things[0].reachable = false;
    collect(true);
    cr_expect_eq(drain(GC_DEATH), 0, "its earlier death does not count");
    collect(true);
    cr_expect_eq(drain(GC_DEATH), 1);
}

Test(watch, a_batch_ends_where_it_was_closed, .init = start)
{
    watch_all(100, GC_CONDEMN);
    gc_reason reason;
    for (size_t i = 0; i < 50; i++)
        things[i].reachable = false;
    collect(false);
    watch_close_batch();
    things[60].reachable = false;
    collect(false);
    for (size_t i = 0; i < 50; i++)
        cr_assert_not_null(take(&reason));
    cr_expect_null(take(&reason));
    cr_expect_eq(drain(GC_DEATH), 1);
}

Test(watch, condemning_all_takes_the_reachable, .init = start)
{
    watch_all(3000, GC_CONDEMN);
    watch_condemn(GC_EVERY_GROUP);
    cr_expect_eq(visited(), 3000);
    cr_expect_eq(drain(GC_UNLOAD), 3000);
    cr_expect_eq(visited(), 0);
}

Test(watch, deaths_behind_an_unload_keep_their_reason, .init = start)
{
    watch_all(10, GC_CONDEMN);
    watch_condemn(GC_EVERY_GROUP);
    watch_some(10, 10, GC_CONDEMN);
    things[13].reachable = false;
    collect(false);
    gc_reason reason;
    watch_close_batch();
    for (int i = 0; i < 10; i++) {
        cr_assert_not_null(take(&reason));
        cr_expect_eq(reason, GC_UNLOAD);
    }
    cr_assert_not_null(take(&reason));
    cr_expect_eq(reason, GC_DEATH);
    cr_expect_null(take(&reason));
}

/* More than a chunk takes, from the middle of one on. */
Test(watch, many_are_added_at_once)
{
    enum { BEFORE = 300, ADDED = 1500 };
    start();
    watch_all(BEFORE, GC_CONDEMN);
    static void *handles[ADDED];
    for (size_t i = 0; i < ADDED; i++) {
        things[BEFORE + i] = (thing){.reachable = i % 2 == 0, .verdict = GC_CONDEMN};
        handles[i] = &things[BEFORE + i];
    }
    cr_expect_eq(watch_add(handles, ADDED, 0), ADDED);
    cr_expect_eq(watch_add(handles, 0, 0), 0);
    collect(false);
    watch_close_batch();
    size_t dead = 0;
    gc_reason reason;
    for (const thing *taken; (taken = take(&reason)) != NULL; dead++)
        cr_expect_not(taken->reachable);
    cr_expect_eq(dead, ADDED / 2);
}

/* Adds until there is no memory, and answers how many there are now. */
static size_t add_all_that_fit(size_t added)
{
    for (; added < MOST; added++) {
        things[added] = (thing){.reachable = true, .verdict = GC_CONDEMN};
        if (!try_add(&things[added], 0))
            break;
    }
    cr_assert_lt(added, MOST, "the reserve is not for adding");
    return added;
}

Test(watch, as_many_are_added_as_there_is_memory_for)
{
    static void *handles[MOST];
    start();
    testing_from("platform.pages", 1, NULL, NULL);
    for (size_t i = 0; i < MOST; i++) {
        things[i] = (thing){.reachable = true, .verdict = GC_CONDEMN};
        handles[i] = &things[i];
    }
    size_t added = watch_add(handles, MOST, 0);
    cr_expect_gt(added, 0);
    cr_expect_lt(added, MOST);
    cr_expect_eq(watch_add(handles + added, 1, 0), 0);
    testing_at_nothing();
    cr_expect_eq(watch_add(handles + added, MOST - added, 0), MOST - added);
}

static void kill_range(size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        things[i].reachable = false;
}

/* Some of what is taken goes back, and is the next to be taken: in the order it had, and in its batch. */
Test(watch, what_is_returned_is_first_in_line_again, .init = start)
{
    enum { COUNT = 2000, TAKEN = 200, KEPT = 60 };
    watch_all(COUNT, GC_CONDEMN);
    kill_range(0, COUNT / 2);
    collect(false);
    watch_close_batch();
    kill_range(COUNT / 2, COUNT);
    collect(false); /* behind the batch */
    size_t left = COUNT / 2;
    void *hand[TAKEN], *again[TAKEN];
    gc_reason reason;
    for (size_t taken; (taken = watch_take(hand, TAKEN, &reason)) > 0; left -= taken < KEPT ? taken : KEPT) {
        cr_expect_eq(reason, GC_DEATH);
        cr_expect_eq(visited(), COUNT - (COUNT / 2 - left) - taken, "not those in hand");
        if (taken <= KEPT)
            continue;
        watch_return(hand + KEPT, taken - KEPT, reason);
        cr_expect_eq(visited(), COUNT - (COUNT / 2 - left) - KEPT);
        cr_assert_eq(watch_take(again, 1, &reason), 1);
        cr_expect_eq(again[0], hand[KEPT]);
        watch_return(again, 1, reason);
    }
    cr_expect_eq(left, 0);
    cr_expect_eq(drain(GC_DEATH), COUNT / 2);
}

Test(watch, what_is_returned_keeps_its_reason_and_survives, .init = start)
{
    watch_all(100, GC_CONDEMN);
    watch_condemn(GC_EVERY_GROUP);
    watch_some(100, 100, GC_CONDEMN);
    kill_range(100, 200);
    collect(false);
    watch_close_batch();
    void *hand[200];
    gc_reason reason;
    cr_assert_eq(watch_take(hand, 200, &reason), 100, "those for one reason");
    cr_expect_eq(reason, GC_UNLOAD);
    watch_return(hand, 100, reason);
    collect(false);
    for (size_t i = 0; i < 200; i++)
        cr_assert(things[i].marked);
    cr_expect_eq(watch_take(hand, 200, &reason), 100);
    cr_expect_eq(reason, GC_UNLOAD);
    cr_expect_eq(drain(GC_DEATH), 100);
}

/* All that can be in hand at once, in as many tables, with every page in use. */
Test(watch, without_memory_what_is_in_hand_can_be_returned_or_put_back, .init = start)
{
    testing_from("platform.pages", 1, NULL, NULL);
    size_t added = add_all_that_fit(0);
    kill_range(0, added);
    collect(false);
    watch_close_batch();
    void *hand[GC_TAKEN];
    gc_reason reason;
    size_t taken = watch_take(hand, GC_TAKEN, &reason);
    cr_assert_eq(taken, GC_TAKEN);
    watch_return(hand, taken, reason);
    cr_assert_eq(watch_take(hand, GC_TAKEN, &reason), GC_TAKEN);
    for (size_t i = 0; i < taken; i++)
        watch_put_back(hand[i], 0);
    collect(false);
    cr_expect_eq(drain(GC_DEATH), added);
    testing_at_nothing();
}

/* Takes all that is there, and puts every third back once. */
static size_t drain_putting_back(void)
{
    size_t taken = 0;
    gc_reason reason;
    watch_close_batch();
    for (const thing *t; (t = take(&reason)) != NULL; taken++)
        if (taken % 3 == 0)
            watch_put_back(t, t->group);
    return taken;
}

Test(watch, without_memory_nothing_is_lost, .init = start)
{
    testing_from("platform.pages", 1, NULL, NULL);
    size_t added = add_all_that_fit(0);
    kill_range(0, added);
    collect(false);
    cr_expect_eq(drain(GC_DEATH), added, "the lane needs no memory");
    cr_expect_eq(visited(), 0);
    testing_at_nothing();
}

/* As long as a page has room, an entry more needs no page; the lane may need one for it later. */
Test(watch, without_memory_handles_made_while_the_lane_waits_leave_it_the_reserve, .init = start)
{
    testing_from("platform.pages", 1, NULL, NULL);
    size_t killed = 0, added = 0;
    for (size_t before = 1; before != added;) {
        before = added;
        added = add_all_that_fit(added);
        size_t end = killed + 507 < added ? killed + 507 : added;
        kill_range(killed, end);
        killed = end;
        collect(false);
    }
    kill_range(killed, added);
    collect(false);
    size_t taken = drain_putting_back();
    cr_expect_eq(taken, added);
    collect(false);
    cr_expect_eq(drain(GC_DEATH), (added + 2) / 3);
    testing_at_nothing();
}

Test(watch, without_memory_everything_can_be_unloaded, .init = start)
{
    testing_from("platform.pages", 1, NULL, NULL);
    size_t added = add_all_that_fit(0);
    kill_range(0, added / 2);
    collect(false);
    watch_condemn(GC_EVERY_GROUP);
    cr_expect_eq(visited(), added);
    cr_expect_eq(drain_putting_back(), added);
    watch_condemn(GC_EVERY_GROUP);
    cr_expect_eq(drain(GC_UNLOAD), (added + 2) / 3);
    testing_at_nothing();
}

/* ---- against the model ------------------------------------------------------------------------------------------- */

static void model_collect(bool confirm)
{
    for (size_t i = 0; i < MOST; i++) {
        thing *t = &things[i];
        if (!t->watched || t->condemned)
            continue;
        bool was_suspect = t->suspect;
        t->suspect = false;
        if (t->reachable || t->verdict == GC_KEEP)
            continue;
        if (t->verdict == GC_FORGET)
            t->watched = false;
        else if (confirm && !was_suspect)
            t->suspect = true;
        else
            t->condemned = true;
    }
}

static void check_model(void)
{
    (void)visited();
    for (size_t i = 0; i < MOST; i++)
        cr_assert_eq(things[i].seen, things[i].watched, "thing %zu", i);
}

static void model_take(thing *taken)
{
    cr_assert(taken->watched && taken->condemned);
    taken->condemned = false;
    taken->watched = rand() % 8 == 0; /* put back: somebody uses it still */
    if (taken->watched) {
        taken->verdict = GC_KEEP;
        taken->reachable = false;
        watch_put_back(taken, taken->group);
    }
}

static void model_drain(size_t most)
{
    gc_reason reason;
    watch_close_batch();
    for (size_t i = 0; i < most;) {
        void *hand[128];
        size_t count = watch_take(hand, 1 + (size_t)rand() % 128, &reason);
        size_t returned = rand() % 4 == 0 ? (size_t)rand() % (count + 1) : 0;
        watch_return(hand + (count - returned), returned, reason);
        if (count == 0)
            return;
        for (size_t taken = 0; taken < count - returned; taken++)
            model_take(hand[taken]);
        i += count - returned;
    }
}

static void model_add(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        thing *fresh = &things[rand() % MOST];
        if (fresh->watched)
            continue;
        *fresh = (thing){.reachable = true, .verdict = GC_CONDEMN, .watched = true};
        add(fresh, 0);
    }
}

static void model_kill(int one_in)
{
    for (size_t i = 0; i < MOST; i++) {
        if (!things[i].watched || rand() % one_in != 0)
            continue;
        things[i].reachable = false;
        if (!things[i].condemned && things[i].verdict == GC_KEEP)
            things[i].verdict = GC_FORGET;
        else if (rand() % 4 == 0 && !things[i].condemned)
            things[i].verdict = GC_FORGET;
    }
}

Test(watch, agrees_with_a_model, .init = start)
{
    srand(20261122);
    for (int round = 0; round < 400; round++) {
        model_add((size_t)rand() % 4000);
        model_kill(1 + rand() % 20);
        bool confirm = rand() % 2 == 0;
        collect(confirm);
        model_collect(confirm);
        for (size_t i = 0; i < MOST; i++)
            cr_assert(!things[i].watched || things[i].marked, "what is watched survives");
        if (rand() % 3 != 0)
            model_drain((size_t)rand() % 6000);
        check_model();
    }
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

enum { GROUPS = 300 };

static void start_groups(void)
{
    start();
    for (uint32_t group = 1; group < GROUPS; group++)
        cr_assert(watch_group_open(group));
}

/* Things i, i + GROUPS, i + 2 * GROUPS … are of group i. */
static void watch_in_groups(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        things[i] = (thing){.reachable = true, .verdict = GC_CONDEMN, .group = (uint32_t)(i % GROUPS)};
        add(&things[i], things[i].group);
    }
}

static size_t visited_of(uint32_t group)
{
    for (size_t i = 0; i < MOST; i++)
        things[i].seen = 0;
    watch_visit(group, &client, count_seen, NULL);
    size_t count = 0;
    for (size_t i = 0; i < MOST; i++) {
        cr_assert_leq(things[i].seen, things[i].group == group ? 1 : 0, "only those of the group");
        count += things[i].seen;
    }
    return count;
}

Test(watch, a_group_is_condemned_alone, .init = start_groups)
{
    watch_in_groups(10 * GROUPS);
    watch_condemn(7);
    cr_expect_eq(visited_of(7), 10, "in the lane");
    cr_expect_eq(visited_of(8), 10, "in its table");
    cr_expect_eq(drain(GC_UNLOAD), 10);
    cr_expect_eq(visited_of(7), 0);
    cr_expect_eq(visited(), 10 * (GROUPS - 1));
}

Test(watch, what_is_put_back_returns_to_its_group, .init = start_groups)
{
    watch_in_groups(2 * GROUPS);
    watch_condemn(3);
    gc_reason reason;
    watch_close_batch();
    thing *taken = take(&reason);
    cr_assert_not_null(taken);
    cr_expect_eq(visited_of(3), 1, "taken ones are not visited");
    watch_put_back(taken, taken->group);
    cr_expect_eq(visited_of(3), 2);
    cr_expect_eq(drain(GC_UNLOAD), 1);
    watch_condemn(3);
    cr_expect_eq(drain(GC_UNLOAD), 1);
}

/* Half of each group dies: no page of any table becomes free by that, and the lane still has room for all of them. */
Test(watch, without_memory_each_group_has_its_part_of_the_reserve, .init = start_groups)
{
    watch_in_groups(MOST);
    testing_from("platform.pages", 1, NULL, NULL);
    for (size_t i = 0; i < MOST; i++)
        things[i].reachable = (i / GROUPS) % 2 == 0;
    collect(false);
    cr_expect_eq(drain(GC_DEATH), MOST / 2);
    cr_expect_eq(visited(), MOST / 2);
    uint32_t opened = GROUPS;
    while (opened < GC_GROUPS && watch_group_open(opened))
        opened++;
    cr_expect_lt(opened, GC_GROUPS, "each needs a page more");
    testing_at_nothing();
    cr_expect(watch_group_open(opened));
}
