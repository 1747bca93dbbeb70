/* SPDX-License-Identifier: MIT */
#include "handle/owner_map.h"
#include "base/checkpoint.h"
#include "platform/platform.h"

/* Hidden handles, or 0. */
static atomic_word *owners;

bool owner_map_start(void)
{
    if (owners == NULL)
        owners = platform_pages_map((size_t)OWNER_MAP_NUMBERS * sizeof *owners);
    return owners != NULL;
}

/* NULL for what the map does not remember. */
static atomic_word *place_of(const sh_handle *h, sh_raw raw)
{
    const handle_class *of = handle_class_of(h);
    bool remembered = (of->kind->flags & SH_KIND_FD) != 0 && of->owned && (word_t)raw < OWNER_MAP_NUMBERS;
    return remembered ? &owners[raw] : NULL;
}

static sh_handle *reveal(const atomic_word *place)
{
    sh_handle *owner = gc->reveal(place);
    CHECKPOINT("handle.reveal");
    return owner;
}

sh_handle *owner_map_claim(sh_handle *h, sh_raw raw)
{
    atomic_word *place = place_of(h, raw);
    /* Full, here and below: what the last owner did comes before what the next one does. */
    while (place != NULL && !atomic_word_swap_if(place, 0, gc_hide(h))) {
        CHECKPOINT("handle.claim");
        sh_handle *owner = reveal(place);
        if (owner != NULL)
            return owner;
    }
    return NULL;
}

sh_handle *owner_map_replace(sh_handle *h, sh_raw raw)
{
    atomic_word *place = place_of(h, raw);
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

bool owner_map_has(const sh_handle *h, sh_raw raw)
{
    const atomic_word *place = place_of(h, raw);
    return place == NULL || atomic_word_load(place) == gc_hide(h);
}

bool owner_map_disown(const sh_handle *h, sh_raw raw)
{
    atomic_word *place = place_of(h, raw);
    return place == NULL || atomic_word_swap_if(place, gc_hide(h), 0);
}

sh_handle *owner_map_find(const sh_handle *h, sh_raw raw)
{
    CHECKPOINT("handle.find");
    return reveal(place_of(h, raw));
}
