/* SPDX-License-Identifier: MIT */
#include "sites.h"
#include "../../die.h"
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* A site that finds no room counts as seen: no program has so many. */
enum { SITES = 1 << 14, FRAMES = 24 };

static _Atomic uint32_t *seen; /* SITES; 0: free. Not static: the collector looks through all that is */

void sites_start(void)
{
    void *frames[FRAMES];
    seen = die_or_allocate(SITES, sizeof *seen);
    (void)backtrace(frames, FRAMES);
}

static uint32_t hash_here(const char *where)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    uint64_t hash = (uintptr_t)where;
    for (int i = 0; i < count; i++)
        hash = (hash ^ (uintptr_t)frames[i]) * 0x9e3779b97f4a7c15u + 1;
    return (uint32_t)(hash >> 32) | 1;
}

bool sites_is_new(const char *where)
{
    uint32_t hash = hash_here(where);
    for (size_t tried = 0, at = hash % SITES; tried < SITES; tried++, at = (at + 1) % SITES) {
        uint32_t found = 0;
        if (atomic_compare_exchange_strong(&seen[at], &found, hash))
            return true;
        if (found == hash)
            return false;
    }
    return false;
}
