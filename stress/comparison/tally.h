/* SPDX-License-Identifier: MIT */
/* What one pair of approach and accident came to so far. */
#ifndef COMPARISON_TALLY_H
#define COMPARISON_TALLY_H

#include <stdbool.h>

/*
 * Invariant: 0 <= violations <= trials; 0 <= found_dead <= dropped. Only the main thread of the trials counts.
 */
typedef struct tally {
    long trials;
    long violations;
    /* Owners that nothing kept any more, and how many of them the collector had found when it mattered, before anybody
     * else could close what they held. Where it finds too few, trials without a violation prove nothing. */
    long dropped;
    long found_dead;
    bool complete; /* the last record of its trials */
    int report;    /* where the records go to */
} tally;

void tally_trial(tally *t, bool violated);
void tally_drop(tally *t, bool found_dead);
void tally_send(const tally *t);

#endif
