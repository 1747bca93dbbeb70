/* SPDX-License-Identifier: MIT */
#include "base/list.h"
#include "base/options.h"
#include "testing/testing.h"
#include <criterion/criterion.h>

typedef struct item {
    int number;
    list_node link;
} item;

static int numbers(list_node *ring)
{
    int all = 0;
    for (list_node *link = ring->next; link != ring; link = link->next)
        all = all * 10 + LIST_OWNER(link, item, link)->number;
    return all;
}

static void fill(list_node *ring, item *items, int first)
{
    list_init(ring);
    for (int i = 0; i < 3; i++) {
        items[i].number = first + i;
        list_init(&items[i].link);
        list_append(ring, &items[i].link);
    }
}

Test(list, keeps_its_order)
{
    list_node ring;
    item items[3];
    fill(&ring, items, 1);
    cr_expect_eq(numbers(&ring), 123);
    list_remove(&items[1].link);
    cr_expect_eq(numbers(&ring), 13);
    cr_expect(list_is_empty(&items[1].link));
    cr_expect_eq(list_take_first(&ring), &items[0].link);
    cr_expect_eq(list_take_first(&ring), &items[2].link);
    cr_expect_null(list_take_first(&ring));
}

Test(list, splices)
{
    list_node target, source;
    item first[3], second[3];
    fill(&target, first, 1);
    fill(&source, second, 4);
    list_splice(&target, &source);
    cr_expect_eq(numbers(&target), 123456);
    cr_expect(list_is_empty(&source));
    list_splice(&target, &source);
    cr_expect_eq(numbers(&target), 123456);
}

typedef struct small_options {
    int first;
} small_options;

typedef struct large_options {
    int first;
    int second;
} large_options;

Test(options, an_older_caller_gets_defaults_for_what_is_new)
{
    small_options given = {7};
    large_options read = {1, 1};
    cr_expect(options_read(&read, sizeof read, &given, sizeof given));
    cr_expect_eq(read.first, 7);
    cr_expect_eq(read.second, 0);
}

Test(options, a_newer_caller_may_not_ask_for_what_is_unknown)
{
    large_options given = {7, 0};
    small_options read;
    cr_expect(options_read(&read, sizeof read, &given, sizeof given));
    cr_expect_eq(read.first, 7);
    given.second = 1;
    cr_expect_not(options_read(&read, sizeof read, &given, sizeof given));
}

Test(options, none_are_defaults)
{
    small_options read = {1};
    cr_expect(options_read(&read, sizeof read, NULL, sizeof read));
    cr_expect_eq(read.first, 0);
}

static void count(void *data)
{
    (*(int *)data)++;
}

Test(checkpoint, fails_and_steps_where_it_was_told_to)
{
    int steps = 0;
    testing_at("test.here", 2, count, &steps);
    cr_expect_not(FAILS_HERE("test.here"));
    cr_expect_not(FAILS_HERE("test.there"));
    cr_expect(FAILS_HERE("test.here"));
    cr_expect_not(FAILS_HERE("test.here"));
    cr_expect_eq(steps, 1);
    testing_from("test.here", 2, NULL, NULL);
    CHECKPOINT("test.here");
    cr_expect(FAILS_HERE("test.here"));
    cr_expect(FAILS_HERE("test.here"));
    testing_at_nothing();
    cr_expect_not(FAILS_HERE("test.here"));
}
