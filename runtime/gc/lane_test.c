/* SPDX-License-Identifier: MIT */
#include "gc/lane.h"
#include <criterion/criterion.h>

Test(lane, gives_back_in_order)
{
    gc_lane lane = {NULL, NULL};
    gc_finalizer three[3] = {{.batch = 0}};
    cr_expect_null(gc_lane_take(&lane));
    for (int i = 0; i < 3; i++)
        gc_lane_append(&lane, &three[i]);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(gc_lane_take(&lane), &three[i]);
    cr_expect_null(gc_lane_take(&lane));
    gc_lane_append(&lane, &three[1]);
    cr_expect_eq(gc_lane_take(&lane), &three[1]);
}

Test(lane, takes_out_what_belongs_to_one_object)
{
    int one, other;
    gc_lane lane = {NULL, NULL};
    gc_finalizer four[4] = {{.object = &one}, {.object = &other}, {.object = &one}, {.object = &other}};
    for (int i = 0; i < 4; i++)
        gc_lane_append(&lane, &four[i]);
    gc_finalizer *taken = gc_lane_take_object(&lane, &one);
    cr_expect_eq(taken, &four[0]);
    cr_expect_eq(taken->next, &four[2]);
    cr_expect_null(taken->next->next);
    cr_expect_eq(gc_lane_take(&lane), &four[1]);
    cr_expect_eq(gc_lane_take(&lane), &four[3]);
    cr_expect_null(gc_lane_take(&lane));
    cr_expect_null(gc_lane_take_object(&lane, &one));
}

Test(batches, each_finalizer_counts_once_in_its_batch)
{
    gc_batches batches = GC_BATCHES_INIT;
    gc_finalizer first = {.batch = 0}, second = {.batch = 0};
    gc_batches_count(&batches, &first);
    gc_batches_count(&batches, &first);
    cr_expect_eq(batches.pending_open, 1);
    gc_batches_close(&batches);
    gc_batches_count(&batches, &second);
    cr_expect_eq(batches.pending_closed, 1);
    cr_expect_eq(batches.pending_open, 1);
    gc_batches_done(&batches, &second);
    cr_expect_eq(batches.pending_open, 0);
    gc_batches_done(&batches, &first);
    cr_expect_eq(batches.pending_closed, 0);
}

Test(batches, an_abandoned_batch_does_not_disturb_the_next)
{
    gc_batches batches = GC_BATCHES_INIT;
    gc_finalizer stuck = {.batch = 0}, next = {.batch = 0}, uncounted = {.batch = 0};
    gc_batches_count(&batches, &stuck);
    gc_batches_close(&batches);
    gc_batches_abandon(&batches);
    cr_expect_eq(batches.pending_closed, 0);
    gc_batches_count(&batches, &next);
    gc_batches_close(&batches);
    gc_batches_done(&batches, &stuck);
    gc_batches_done(&batches, &uncounted);
    cr_expect_eq(batches.pending_closed, 1, "only its own finalizer ends it");
    gc_batches_done(&batches, &next);
    cr_expect_eq(batches.pending_closed, 0);
}
