/* SPDX-License-Identifier: MIT */
/* What is measured: the numbers of one round. The figures (figure.h) are quotients of two of them. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

/* What it is in JSON is its name in small letters. Costs are of one pair (or one read, close, object) each. */
#define MEASURES(ROW)                                                                                                  \
    /* one thread */                                                                                                   \
    ROW(XADD_PAIR_NS)                                                                                                  \
    ROW(INDIRECT_CALL_NS)                                                                                              \
    ROW(ADD_REF_RELEASE_NS)                                                                                            \
    ROW(ADD_REF_RELEASE_SHARED_LIBRARY_NS)                                                                             \
    ROW(LEASE_NS)                                                                                                      \
    ROW(LEASE_NESTED_NS)                                                                                               \
    ROW(LEASE_SHARED_LIBRARY_NS)                                                                                       \
    ROW(MALLOC_FREE_NS)                                                                                                \
    /* two threads */                                                                                                  \
    ROW(XADD_CONTENDED_NS)                                                                                             \
    ROW(ADD_REF_RELEASE_CONTENDED_NS)                                                                                  \
    ROW(LEASE_CONTENDED_NS)                                                                                            \
    ROW(LEASES_PER_US_ONE_THREAD)                                                                                      \
    ROW(LEASES_PER_US_TWO_THREADS)                                                                                     \
    /* around system calls; added: over the raw call */                                                                \
    ROW(READ_NS)                                                                                                       \
    ROW(READ_ADDED_NS)                                                                                                 \
    ROW(OPEN_CLOSE_NS)                                                                                                 \
    ROW(OPEN_CLOSE_ADDED_NS)                                                                                           \
    ROW(MEMBARRIER_NS)                                                                                                 \
    ROW(CLOSE_NS)                                                                                                      \
    ROW(CLOSE_LEASED_ELSEWHERE_ADDED_NS)                                                                               \
    /* by libffi; added: by sh_call_make with one handle, over that */                                                 \
    ROW(FFI_CALL_NS)                                                                                                   \
    ROW(FFI_CALL_ADDED_NS)                                                                                             \
    ROW(FFI_CALL_CONTENDED_NS)                                                                                         \
    ROW(FFI_CALL_CONTENDED_ADDED_NS)                                                                                   \
    /* a million objects: unwatched, with the collector's unordered finalizers, handles */                             \
    ROW(UNWATCHED_PAUSE_MS)                                                                                            \
    ROW(UNWATCHED_ALLOCATE_NS)                                                                                         \
    ROW(UNWATCHED_BYTES)                                                                                               \
    ROW(NO_ORDER_PAUSE_MS)                                                                                             \
    ROW(NO_ORDER_ALLOCATE_NS)                                                                                          \
    ROW(NO_ORDER_BYTES)                                                                                                \
    ROW(NO_ORDER_FINALIZE_NS)                                                                                          \
    ROW(NO_ORDER_FINALIZE_CPU_NS)                                                                                      \
    ROW(HANDLE_PAUSE_MS)                                                                                               \
    ROW(HANDLE_ALLOCATE_NS)                                                                                            \
    ROW(HANDLE_BYTES)                                                                                                  \
    ROW(HANDLE_FINALIZE_NS)                                                                                            \
    ROW(HANDLE_FINALIZE_CPU_NS)                                                                                        \
    ROW(HANDLE_PAUSE_4M_MS)

enum {
#define MEASURE_INDEX(name) name,
    MEASURES(MEASURE_INDEX)
#undef MEASURE_INDEX
        MEASURE_COUNT
};

/* Invariant: what was not measured is NAN. */
typedef struct measurement {
    double values[MEASURE_COUNT];
} measurement;

/* "xadd_pair_ns" */
const char *measure_name(int measure);

measurement measurement_empty(void);

/* Takes over what other has measured. */
void measurement_merge(measurement *m, const measurement *other);

#endif
