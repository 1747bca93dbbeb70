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

/* The owners that these answer are pinned: they stay whole until gc->unpin, which takes NULL as well. */

/* For a number that may have an owner. NULL: h is its owner now. Otherwise the owner, and nothing has changed. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_claim(sh_handle *h, sh_raw raw);

/* For a number that is fresh from the kernel. h is its owner now; answers the stale one, or NULL. The stale one, if it
 * is just being made, is seen in use by the caller, or sees after its birth that the map does not have it any more. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_replace(sh_handle *h, sh_raw raw);

/* Whether h, which claimed raw, was not replaced since. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool owner_map_has(const sh_handle *h, sh_raw raw);

/* Gives the right to close the number up. False: h did not have it. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool owner_map_disown(const sh_handle *h, sh_raw raw);

/* Who has the number that h could not disown, or NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *owner_map_find(const sh_handle *h, sh_raw raw);

#endif
