/* SPDX-License-Identifier: MIT */
/* From a step on the state word to the release: the barrier, and the look for leases. docs/leases.md */
#include "base/checkpoint.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "thread/lease_slots.h"

bool settle_sees_lease(const sh_handle *h)
{
    return lease_slots_any(h, state_word_read(&h->state) & STATE_LEASED);
}

/* The closer's side of the two fences: after it, whoever leased h is seen, or sees that h is closed. */
static state_duty fence(sh_handle *h)
{
    CHECKPOINT("handle.fence");
    if (!platform_barrier()) /* may fail here: the handle stays open, and the closer is told */
        return STATE_FENCE;
    CHECKPOINT("handle.fenced");
    return state_word_fenced(&h->state);
}

/* SH_OK: the caller has the claim. */
static sh_status claim_unless_leased(sh_handle *h)
{
    /* Who dropped a count has only released it; who clears a slot fences and reads the count: one of the two must see
     * the other, on processors that let a read pass the write before it, too. */
    atomic_fence_full();
    if (settle_sees_lease(h))
        return SH_PENDING; /* whoever has it looks when it leaves */
    CHECKPOINT("handle.looked-once");
    /* A host without a collector may have given the memory to another handle meanwhile: so it is looked once more where
     * it cannot, and the claim is that of the handle that was looked for. */
    const atomic_word hidden = {gc_hide(h)};
    sh_handle *pinned = gc->reveal(&hidden);
    CHECKPOINT("handle.looked");
    bool claimed = !settle_sees_lease(h) && state_word_claim(&h->state);
    gc->unpin(pinned);
    return claimed ? SH_OK : SH_PENDING;
}

sh_status settle_claim(sh_handle *h, state_duty duty)
{
    if (duty == STATE_FENCE)
        duty = fence(h);
    switch (duty) {
    case STATE_RELEASE:
        return SH_OK;
    case STATE_LOOK:
        return claim_unless_leased(h);
    case STATE_FENCE:
        return SH_E_SYSTEM;
    default:
        return SH_PENDING;
    }
}

sh_status settle(sh_handle *h, state_duty duty)
{
    sh_status claimed = settle_claim(h, duty);
    return claimed == SH_OK ? release_claimed(h) : claimed;
}
