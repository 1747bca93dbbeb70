/* SPDX-License-Identifier: MIT */
/*
 * Where the calling thread is, as far as it matters to whoever would collect there.
 *
 * A checkpoint of the library may be reached with the collector's own lock held: the steps that the library takes under
 * it (GC_call_with_alloc_lock), and what the collector calls while it collects. A collection from there would wait for
 * itself. Under the manual host the same is true of the library's locks, which a runtime's collector needs to report a
 * death.
 */
#ifndef GCSTRESS_HERE_H
#define GCSTRESS_HERE_H

#include <stdbool.h>
#include <stdint.h>

/* Before the collector is started, on the only thread: has it tell of its collections. */
void here_listen(void);

/* The calling thread holds the collector's lock. */
bool here_is_collector_locked(void);

/* How many collections have run to the end of their marking, on any thread. */
uint64_t here_collections(void);

#endif
