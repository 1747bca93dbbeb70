/* SPDX-License-Identifier: MIT */
/*
 * Which handle owns which file descriptor. One word for each number, so that two owners of one number cannot exist.
 *
 * Having one's word in the map is the right to close the number: it is taken back before close(2), since from that
 * moment the kernel may give the number to somebody else. A word does not keep its handle alive; it is gone before the
 * handle is.
 *
 *   every function   any thread
 *
 * Numbers from OWNER_MAP_NUMBERS on are not remembered: they are owned without proof.
 */
#ifndef HANDLE_OWNER_MAP_H
#define HANDLE_OWNER_MAP_H

#include "handle/handle.h"

#define OWNER_MAP_NUMBERS ((word_t)1 << 20)

/* Reserves the map; memory is used only for numbers in use. False: there is none. */
bool owner_map_start(void);

extern atomic_word *owner_map_words; /* hidden handles, or 0; written by owner_map_start */

/* NULL for what the map does not remember. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline atomic_word *owner_map_place(const handle_class *of, sh_raw raw)
{
    bool remembered = (of->kind->flags & SH_KIND_FD) != 0 && of->owned && (word_t)raw < OWNER_MAP_NUMBERS;
    return remembered ? &owner_map_words[raw] : NULL;
}

/* The owners that these answer are pinned: they stay whole until gc->unpin, which takes NULL as well. */

/* owner_map_claim for a number that had an owner just now. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_claim_taken(sh_handle *h, atomic_word *place);

/* All take the place of h's number. */

/* For a number that may have an owner. NULL: h is its owner now. Otherwise the owner, and nothing has changed. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline sh_handle *owner_map_claim(sh_handle *h, atomic_word *place)
{
    /* Full, here and below: what the last owner did comes before what the next one does. */
    return place == NULL || atomic_word_swap_if(place, 0, gc_hide(h)) ? NULL : owner_map_claim_taken(h, place);
}

/* For a number that is fresh from the kernel. h is its owner now; answers the stale one, or NULL. The stale one, if it
 * is just being made, is seen in use by the caller, or sees after its birth that the map does not have it any more. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_replace(sh_handle *h, atomic_word *place);

/* Whether h, which claimed the place, was not replaced since. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline bool owner_map_has(const sh_handle *h, const atomic_word *place)
{
    return place == NULL || atomic_word_load(place) == gc_hide(h);
}

/* Gives the right to close the number up. False: h did not have it. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline bool owner_map_disown(const sh_handle *h, atomic_word *place)
{
    return place == NULL || atomic_word_swap_if(place, gc_hide(h), 0);
}

/* Who has the number that a handle could not disown, or NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_find(const atomic_word *place);

#endif
