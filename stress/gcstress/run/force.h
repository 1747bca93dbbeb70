/* SPDX-License-Identifier: MIT */
/*
 * What a thread of a run does at a place that it comes to: collects, where the level says so and where it can, and lets
 * others in.
 *
 * It cannot collect, and passes by: inside a collection that it has forced; with the collector's lock held (here.h); on
 * a thread that the collector does not know; and with a collector of the scenario's own, where a lock of the library is
 * held, or outside the scenario's threads, which alone have a world.
 */
#ifndef GCSTRESS_FORCE_H
#define GCSTRESS_FORCE_H

#include "../door/door.h"
#include "run.h"

/* plan and into live as long as the process. Before the threads of the run are started. */
void force_start(const run_plan *plan, run_result *into);

/* world_or_null is what the thread's group works on. */
void force_at(door_place place, const char *where, uint64_t *dice, void *world_or_null);

#endif
