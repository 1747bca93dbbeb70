/* SPDX-License-Identifier: MIT */
#include "handle/owner_map.h"
#include "base/checkpoint.h"
#include "platform/platform.h"

atomic_word *owner_map_words;

bool owner_map_start(void)
{
    if (owner_map_words == NULL)
        owner_map_words = platform_pages_map((size_t)OWNER_MAP_NUMBERS * sizeof *owner_map_words);
    return owner_map_words != NULL;
}

static sh_handle *reveal(const atomic_word *place)
{
    sh_handle *owner = gc->reveal(place);
    CHECKPOINT("handle.reveal");
    return owner;
}

sh_handle *owner_map_claim_taken(sh_handle *h, atomic_word *place)
{
    do {
        CHECKPOINT("handle.claim");
        sh_handle *owner = reveal(place);
        if (owner != NULL)
            return owner;
    } while (!atomic_word_swap_if(place, 0, gc_hide(h)));
    return NULL;
}

sh_handle *owner_map_replace(sh_handle *h, atomic_word *place)
{
    if (place == NULL || atomic_word_swap_if(place, 0, gc_hide(h)))
        return NULL;
    for (;;) {
        sh_handle *stale = reveal(place);
        if (atomic_word_swap_if(place, stale == NULL ? 0 : gc_hide(stale), gc_hide(h))) {
            if (stale != NULL)
                platform_fence_heavy();
            return stale;
        }
        gc->unpin(stale);
    }
}

sh_handle *owner_map_find(const atomic_word *place)
{
    CHECKPOINT("handle.find");
    return reveal(place);
}
