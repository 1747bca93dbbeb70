/* SPDX-License-Identifier: MIT */
/*
 * A file of the simulated kernel in a handle of its own, which a scenario makes and ends itself: for what handles are
 * asked for that no other approach has.
 *
 *   held_end    when all threads have returned; the scenario's memory may be freed then
 *   the rest    any thread
 */
#ifndef GCSTRESS_HELD_H
#define GCSTRESS_HELD_H

#include "../world/world.h"

/* Invariant: it is the context of its handle; number is what the handle was given. */
typedef struct held {
    world *world;
    sh_handle *h; /* NULL: none, or it has ended */
    int number;
    world_file file;
    int error;    /* what its release answers */
    int releases; /* begun */
} held;

/* A plain number; and one that is a file descriptor to the library, which remembers its owner. Nobody may wait for the
 * close of the latter: the library would wake its users by way of the real descriptor of that number. */
extern const sh_kind held_number, held_descriptor;

/* Opens a file and makes a handle for it; in the domain, or in the caller's (NULL). */
void held_make(held *of, world *in, const sh_kind *kind, sh_domain *domain_or_null);
/* Opens a file, and a handle that is still unset. */
void held_prepare(held *of, world *in, const sh_kind *kind);

/* Makes the thread known to the library: where it depends on the schedule whether a thread comes to use a handle at
 * all, every run has to begin alike. */
void held_attach(void);

/* Uses what is open, if the handle still admits it. Answers whether it did. */
bool held_lease(held *of);
bool held_count(held *of);
void held_close(held *of);
sh_status held_duplicate(held *of, sh_handle **out_copy);

/* Closes a handle that nobody uses any more, which releases it; and tells a host without a collector that it is dead.
 */
void held_end(held *of);
void held_end_handle(sh_handle *h);

#endif
