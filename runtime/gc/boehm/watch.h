/* SPDX-License-Identifier: MIT */
/*
 * The watch tables, one for each group: every handle the collector has to tell us about, 8 bytes each, outside the
 * collector's heap, and the critical lane, which dead handles move to. Every function is called with the collector's
 * allocation lock held, so no collection runs beside it. watch_scan is called where the collector has stopped the
 * world.
 *
 * Entries live in chunks of one page. A scan packs the live ones to the front and moves the dead ones into the lane;
 * since the number of entries does not grow by that, a few chunks kept in reserve, and one for each group, are all it
 * ever needs. Only watch_add and watch_group_open map memory; the scan, taking and putting back go on without
 * (docs/ordering.md has the count).
 *
 * Source: findings measured for this project, and the notes on GC_set_on_collection_event in gc.h.
 */
#ifndef GC_BOEHM_WATCH_H
#define GC_BOEHM_WATCH_H

#include "gc/gc_host.h"

/* What the table asks of the collector, where the world has stopped: as the collector itself declares it, since it is
 * called for every handle. */
typedef struct watch_marks {
    int (*is_marked)(const void *object) SH_RELIABILITY(will_not_corrupt_state, success);
    void (*set_mark)(const void *object) SH_RELIABILITY(will_not_corrupt_state, success);
} watch_marks;

/* Maps the reserve. False: there is no memory. */
bool watch_start(void);

/* A table of its own for the group, as gc_host.h says. False: there is no memory for its part of the reserve. */
bool watch_group_open(uint32_t group);

/* Answers how many of them are watched from now on, from the first on: fewer than count where there is no memory. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
size_t watch_add(void *const *handles, size_t count, uint32_t group);

/*
 * Judges every unmarked handle, packs the table, fills the lane, and marks what must survive this collection: handles
 * that are kept, and everything in the lane. confirm: condemn only what the scan before found dead, too.
 */
SH_RELIABILITY(will_not_corrupt_state, success)
void watch_scan(const gc_client *client, const watch_marks *marks, bool confirm);

/* Condemns the group's handles. */
void watch_condemn(uint32_t group);

/* The lane. close_batch limits take to what is there now. take, and what follows it, as gc_host.h says. */
void watch_close_batch(void);
size_t watch_take(void **out_handles, size_t most, gc_reason *out_reason);
/* Cannot fail: there is the reserve. */
SH_RELIABILITY(will_not_corrupt_state, success)
void watch_return(void *const *handles, size_t count, gc_reason reason);
SH_RELIABILITY(will_not_corrupt_state, success)
bool watch_lane_is_empty(void);
/* Back into the group's table, after watch_take. Cannot fail: there is the reserve. */
SH_RELIABILITY(will_not_corrupt_state, success)
void watch_put_back(const void *handle, uint32_t group);

/* The group's handles; those in the lane are asked for theirs. */
void watch_visit(uint32_t group, const gc_client *client, void (*visit)(void *handle, void *data), void *data);

#endif
