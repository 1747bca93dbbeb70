/* SPDX-License-Identifier: MIT */
#include "figure.h"

const figure figures[FIGURES] = {
    {"add_ref_release", "add_ref and release, inlined / two lock xadd", ADD_REF_RELEASE_NS, XADD_PAIR_NS, 1.05, false},
    {"add_ref_release_contended", "two threads, one handle / two threads, one word", ADD_REF_RELEASE_CONTENDED_NS,
     XADD_CONTENDED_NS, 1.1, false},
    {"lease", "a lease, inlined / two lock xadd", LEASE_NS, XADD_PAIR_NS, 0.12, false},
    {"lease_nested", "a lease inside another handle's / two lock xadd", LEASE_NESTED_NS, XADD_PAIR_NS, 0.18, false},
    {"lease_shared_library", "a lease by calls into the library / two lock xadd", LEASE_SHARED_LIBRARY_NS, XADD_PAIR_NS,
     0.45, false},
    {"lease_contended", "two threads, one handle / two threads, one word", LEASE_CONTENDED_NS, XADD_CONTENDED_NS, 0.03,
     false},
    {"close_leased_elsewhere_ns", "what closing adds, leased by a running thread / membarrier",
     CLOSE_LEASED_ELSEWHERE_ADDED_NS, MEMBARRIER_NS, 1.5, false},
    {"open_close_added", "what wrap and close add / malloc(24) and free", OPEN_CLOSE_ADDED_NS, MALLOC_FREE_NS, 2.5,
     false},
    {"read_added", "what a lease adds to a read of one byte / the read", READ_ADDED_NS, READ_NS, 0.01, false},
    {"finalize_1m", "a million, dropped to released / unordered finalizers", HANDLE_FINALIZE_NS, NO_ORDER_FINALIZE_NS,
     0.25, false},
    {"pause_1m", "a collection, a million alive / the same unwatched", HANDLE_PAUSE_MS, UNWATCHED_PAUSE_MS, 1.5, false},
    {"bytes_per_handle", "resident at the highest, all included, bytes", HANDLE_BYTES, NOTHING, 44, false},
    {"pause_growth", "a collection with four million / with one million", HANDLE_PAUSE_4M_MS, HANDLE_PAUSE_MS, 4.3,
     false},
    {"threads_scaling", "leases of one handle on two threads / on one", LEASES_PER_US_TWO_THREADS,
     LEASES_PER_US_ONE_THREAD, 1.85, true},
    {"ffi_call_added", "what a handle adds to a call by libffi / the call", FFI_CALL_ADDED_NS, FFI_CALL_NS, 0.1, false},
    {"ffi_call_added_contended", "the same on two threads, one handle", FFI_CALL_CONTENDED_ADDED_NS,
     FFI_CALL_CONTENDED_NS, 0.1, false},
    {"add_ref_release_shared_library", "the pair by calls into the library / two lock xadd",
     ADD_REF_RELEASE_SHARED_LIBRARY_NS, XADD_PAIR_NS, 1.5, false},
};

double figure_value(const figure *f, const measurement *m)
{
    return f->per == NOTHING ? m->values[f->of] : m->values[f->of] / m->values[f->per];
}

bool figure_is_met(const figure *f, double value)
{
    return f->at_least ? value >= f->target : value <= f->target;
}
