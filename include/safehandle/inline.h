/* SPDX-License-Identifier: MIT */
/*
 * What is compiled into the program: the common case of a lease and of a counted reference, so that neither costs a
 * call. Nobody includes this page or calls what it declares by hand: lease.h includes it, and its macros stand in front
 * of the functions of the same names.
 *
 * Only for ELF with glibc on 64 bits; a program that defines SH_NO_INLINE, and every other one, calls the library. Both
 * sorts may meet in one process.
 *
 *   every function here   as the one that it stands for: lease.h, handle.h
 *
 * Layout 1. The library and the program share the first two words of a handle, the slots below and where they are
 * found. Whatever changes them changes SH_INLINE_LAYOUT and the name of sh_lease_slots_1: a program with another layout
 * is refused by sh_init, and a module that never called it by the dynamic linker.
 *
 * Source: the asymmetric fence of membarrier(2), as liburcu's and the hazard pointers' users have it; docs/leases.md
 * has the protocol, and stress/model/lease_asymmetric.pml its proof.
 */
#ifndef SAFEHANDLE_INLINE_H
#define SAFEHANDLE_INLINE_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <safehandle/handle.h>
#include <safehandle/lease.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

#define SH_INLINE_LAYOUT 1u

/* The first words of every handle. */
struct sh_handle_head {
    uint64_t state;
    intptr_t raw;
};

/* What the inlined parts know of the state. */
#define SH_STATE_CLOSED ((uint64_t)1)
#define SH_STATE_HOLDS ((uint64_t)1 << 4)
#define SH_STATE_DRAINING ((uint64_t)1 << 8)
#define SH_STATE_USERS_FENCE ((uint64_t)1 << 10)
#define SH_STATE_ONE ((uint64_t)1 << 32)
/* Open, set, leased by several threads, and nothing else: the lower half of the word, which the count leaves alone. */
#define SH_STATE_LEASED_HERE_TOO ((uint32_t)(0xFFFF0000u | SH_STATE_HOLDS))
/* Closed, or draining, or pinned, or the count at an end of its range. */
#define SH_STATE_REFUSING                                                                                              \
    (SH_STATE_CLOSED | SH_STATE_DRAINING | (uint64_t)1 << 6 | (uint64_t)1 << 62 | (uint64_t)1 << 63)
#define SH_STATE_NEGATIVE ((uint64_t)1 << 63)
/* Whoever ends a lease has to fence: it may be the last user; or nobody has a barrier later on, since there is none, or
 * since the unload's lies behind already. */
#define SH_STATE_LEAVERS_FENCE (SH_STATE_CLOSED | SH_STATE_DRAINING | SH_STATE_USERS_FENCE)

/* One lease of a thread. Invariant: handle is 0, or the address of a handle that the thread leases, or is about to. */
struct sh_lease_slot {
    uintptr_t handle;
    uintptr_t since; /* a const sh_site *, or 0 */
};

enum { SH_LEASE_SLOTS = 32 };

/* Invariant: leased_here is the lower half of the state of a handle that is open, set, and leased by this thread alone,
 * or by none but it in the past. */
struct sh_lease_slots {
    uint32_t leased_here;
    uint32_t reserved;
    struct sh_lease_slot slots[SH_LEASE_SLOTS];
};

/* slot NULL: refused, and status says why. In two registers, so that the caller needs no memory for it. */
struct sh_lease_entry {
    struct sh_lease_slot *slot;
    sh_status status;
};

/* The rest of sh_lease_begin, sh_lease_end, sh_dangerous_add_ref and sh_dangerous_release, where there is more to do.
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_API struct sh_lease_entry sh_lease_enter(sh_handle *h, const sh_site *site_or_null);
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API void sh_lease_leave(sh_handle *h);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_API sh_status sh_dangerous_add_ref_refused(sh_handle *h, uint64_t seen);
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_status sh_dangerous_release_last(sh_handle *h, uint64_t seen);

#if defined(__GNUC__) && defined(__ELF__) && defined(__GLIBC__) && UINTPTR_MAX == UINT64_MAX
#define SH_CAN_INLINE 1
#endif

#if defined(SH_CAN_INLINE) && !defined(SH_NO_INLINE)
#define SH_INLINED_LAYOUT SH_INLINE_LAYOUT

/* The calling thread's slots; those of nobody, all taken, before it is attached. Initial-exec: no call finds it. */
extern SH_API __thread struct sh_lease_slots *sh_lease_slots_1 __attribute__((tls_model("initial-exec")));

/* Places where the library's own tests step in: base/checkpoint.h has what they mean. */
#ifndef SH_INLINE_POINT
#define SH_INLINE_POINT(name) ((void)0)
#define SH_INLINE_STORED(word, before) ((void)0)
#endif

#define SH_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define SH_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Keeps the compiler from moving memory accesses across; the closer has the processor do the same (membarrier). */
#define SH_FENCE_LIGHT() __asm__ volatile("" ::: "memory")

/* A free slot among the first two, or NULL. Before it is written a signal handler may use it, but gives it back. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline struct sh_lease_slot *sh_lease_slot_inline(struct sh_lease_slots *here)
{
    if (SH_LIKELY(__atomic_load_n(&here->slots[0].handle, __ATOMIC_RELAXED) == 0))
        return &here->slots[0];
    return __atomic_load_n(&here->slots[1].handle, __ATOMIC_RELAXED) == 0 ? &here->slots[1] : NULL;
}

/* The slot of the lease; or NULL, when the library has to be asked. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static inline struct sh_lease_slot *sh_lease_try_inline(sh_handle *h, const sh_site *site_or_null)
{
    struct sh_lease_slots *here = sh_lease_slots_1;
    struct sh_lease_slot *slot = sh_lease_slot_inline(here);
    if (SH_UNLIKELY(slot == NULL))
        return NULL;
    /* Relaxed: who reads both reads the handle again afterwards. */
    __atomic_store_n(&slot->since, (uintptr_t)site_or_null, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->handle, (uintptr_t)h, __ATOMIC_RELAXED);
    SH_FENCE_LIGHT();
    SH_INLINE_STORED(&slot->handle, (uintptr_t)0);
    SH_INLINE_POINT("handle.lease-written");
    /* Acquire: what the handle's maker did comes before the use. */
    uint32_t state =
        (uint32_t)__atomic_load_n(&((const struct sh_handle_head *)(const void *)h)->state, __ATOMIC_ACQUIRE);
    if (SH_LIKELY(state == here->leased_here) || SH_LIKELY(state == SH_STATE_LEASED_HERE_TOO))
        return slot;
    /* Relaxed: nothing was done under it. The library writes it again. */
    __atomic_store_n(&slot->handle, (uintptr_t)0, __ATOMIC_RELAXED);
    return NULL;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static inline sh_status sh_lease_grant_inline(sh_lease *lease, sh_handle *h, struct sh_lease_slot *slot,
                                              sh_raw *out_raw)
{
    lease->handle = h;
    lease->slot = slot;
    /* Relaxed: the state that was read, or the library, has acquired it. */
    *out_raw = __atomic_load_n(&((const struct sh_handle_head *)(const void *)h)->raw, __ATOMIC_RELAXED);
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static inline sh_status sh_lease_begin_inline(sh_lease *lease, sh_handle *h, const sh_site *site_or_null,
                                              sh_raw *out_raw)
{
    if (SH_UNLIKELY(lease == NULL || h == NULL || out_raw == NULL))
        return SH_E_ARGUMENT;
    struct sh_lease_slot *slot = sh_lease_try_inline(h, site_or_null);
    if (SH_UNLIKELY(slot == NULL)) {
        struct sh_lease_entry entry = sh_lease_enter(h, site_or_null);
        slot = entry.slot;
        if (slot == NULL && entry.status == SH_OK)
            __builtin_unreachable(); /* so that the compiler knows: SH_OK means that the outputs are written */
        if (slot == NULL)
            return entry.status;
    }
    return sh_lease_grant_inline(lease, h, slot, out_raw);
}

/* A lease that was refused is as it was. Who has made sure of the status in a way that the compiler does not see should
 * not be told that it may be uninitialised. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
SH_RELIABILITY(will_not_corrupt_state, success)
static inline void sh_lease_end_inline(sh_lease *lease)
{
    if (lease == NULL || lease->handle == NULL)
        return;
    sh_handle *h = lease->handle;
    struct sh_lease_slot *slot = (struct sh_lease_slot *)lease->slot;
    lease->handle = NULL;
    lease->slot = NULL;
    /* Release: all that was done with the value comes before the release of whoever finds the slot empty. */
    __atomic_store_n(&slot->handle, (uintptr_t)0, __ATOMIC_RELEASE);
    SH_FENCE_LIGHT();
    SH_INLINE_STORED(&slot->handle, (uintptr_t)h);
    SH_INLINE_POINT("handle.lease-cleared");
    /* Acquire: the library goes on from there. */
    uint64_t state = __atomic_load_n(&((const struct sh_handle_head *)(const void *)h)->state, __ATOMIC_ACQUIRE);
    if (SH_UNLIKELY((state & SH_STATE_LEAVERS_FENCE) != 0))
        sh_lease_leave(h);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static inline sh_status sh_dangerous_add_ref_inline(sh_handle *h, bool *success)
{
    if (SH_UNLIKELY(h == NULL || success == NULL))
        return SH_E_ARGUMENT;
    /* Acquire: no use moves before the moment from which it is safe. */
    uint64_t seen = __atomic_fetch_add(&((struct sh_handle_head *)(void *)h)->state, SH_STATE_ONE, __ATOMIC_ACQUIRE);
    sh_status status = SH_OK;
    if (SH_UNLIKELY((seen & SH_STATE_REFUSING) != 0))
        status = sh_dangerous_add_ref_refused(h, seen);
    /* Here and not there: where the library does not have its address, the caller's success need not be in memory. */
    if (SH_LIKELY(status == SH_OK))
        *success = true;
    return status;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static inline sh_status sh_dangerous_release_inline(sh_handle *h)
{
    if (SH_UNLIKELY(h == NULL))
        return SH_E_ARGUMENT;
    /* Release: every use comes before the release that the last reference allows. */
    uint64_t seen = __atomic_fetch_sub(&((struct sh_handle_head *)(void *)h)->state, SH_STATE_ONE, __ATOMIC_RELEASE);
    if (SH_UNLIKELY((seen & (SH_STATE_CLOSED | SH_STATE_NEGATIVE)) != 0 || seen < SH_STATE_ONE))
        return sh_dangerous_release_last(h, seen);
    return SH_OK;
}

#undef sh_lease_begin
#define sh_lease_begin(lease, h, out_raw) sh_lease_begin_inline((lease), (h), SH_SITE_HERE, (out_raw))
#define sh_lease_end(lease) sh_lease_end_inline(lease)
#if defined(SH_LEASE_CLEANUP)
#undef SH_LEASE_CLEANUP
#define SH_LEASE_CLEANUP sh_lease_end_inline
#endif
#define sh_dangerous_add_ref(h, success) sh_dangerous_add_ref_inline((h), (success))
#define sh_dangerous_release(h) sh_dangerous_release_inline(h)

#else
#define SH_INLINED_LAYOUT 0u
#endif

SH_END_DECLARATIONS

#endif
