/* SPDX-License-Identifier: MIT */
/*
 * Loops of some nanoseconds a turn, and how they are timed.
 *
 * The same loop costs up to three times as much at another address: a jump across a 32-byte boundary is kept out of the
 * decoded-instruction cache on many Intel processors, and a loop that straddles lines of that cache runs slower. So the
 * programs' loops are assembled with jumps kept inside such a block where the assembler can do that (meson.build), each
 * loop exists in eight copies at different offsets, and the middle of the eight counts.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <safehandle.h>
#include <stddef.h>

enum { LOOP_COPIES = 8 };

/* What the loops work on. */
typedef struct subject {
    sh_handle *handle;
    sh_handle *other; /* leased all the time around the nested lease */
    int descriptor;
    _Alignas(64) long word; /* alone in its cache line */
    _Alignas(64) char after_word;
} subject;

typedef void loop_body(long turns, subject *s);

/* Invariant: each of copies does the same. */
typedef struct loop {
    loop_body *copies[LOOP_COPIES];
    long turns; /* at a time: long enough that reading the clock does not count */
} loop;

#define LOOP_COPY(body, offset)                                                                                        \
    __attribute__((noinline)) static void body##_##offset(long turns, subject *s)                                      \
    {                                                                                                                  \
        __asm__ volatile(".fill " #offset ", 1, 0x90"); /* so many instructions that do nothing */                     \
        body(turns, s);                                                                                                \
    }

/* Defines the loop `name` from a body, a function that is always inlined. */
#define LOOP(name, body, turns_at_a_time)                                                                              \
    LOOP_COPY(body, 0)                                                                                                 \
    LOOP_COPY(body, 5)                                                                                                 \
    LOOP_COPY(body, 10)                                                                                                \
    LOOP_COPY(body, 15)                                                                                                \
    LOOP_COPY(body, 20)                                                                                                \
    LOOP_COPY(body, 25)                                                                                                \
    LOOP_COPY(body, 30)                                                                                                \
    LOOP_COPY(body, 35)                                                                                                \
    const loop name = {                                                                                                \
        .copies = {body##_0, body##_5, body##_10, body##_15, body##_20, body##_25, body##_30, body##_35},              \
        .turns = (turns_at_a_time)}

#define LOOP_BODY __attribute__((always_inline)) static inline void

/* The compiler must think that value is used. */
#define KEEP(value) __asm__ volatile("" : : "r"(value) : "memory")

/* loops_of_references.c, and _shared_library.c: the same with each call made through the library's own code */
extern const loop loop_xadd, loop_indirect_call, loop_add_ref, loop_lease, loop_lease_nested, loop_malloc;
extern const loop loop_add_ref_shared_library, loop_lease_shared_library;

/* loops_of_calls.c */
extern const loop loop_read, loop_read_leased, loop_open_close, loop_open_close_wrapped;

/* Nanoseconds of one turn of each loop: they take turns, `repetitions` times, in short pieces; the middle of those of a
 * copy, and then of the copies, is the answer. */
void loops_time(const loop *const *loops, size_t count, subject *s, int repetitions, double *out_ns);

/* Nanoseconds of one turn of raw, and what a turn of the other takes longer: the middle of the differences between
 * pieces that ran next to each other, the one and the other first by turns. */
void loops_compare(const loop *raw, const loop *other, subject *s, int repetitions, double *out_raw_ns,
                   double *out_added_ns);

#endif
