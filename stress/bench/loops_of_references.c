/* SPDX-License-Identifier: MIT */
#include "loop_bodies.h"
#include <stdlib.h>

enum { TURNS = 4000, TURNS_OF_MALLOC = 2000, SIZE_BYTES = 24 };

/* The measure of all: the two atomic instructions that no counted reference can do without. */
LOOP_BODY xadd_body(long turns, subject *s)
{
    for (long i = 0; i < turns; i++) {
        long before = __atomic_fetch_add(&s->word, 1, __ATOMIC_SEQ_CST);
        KEEP(before); /* it is used, so a `lock xadd` and no `lock inc` */
        before = __atomic_fetch_add(&s->word, -1, __ATOMIC_SEQ_CST);
        KEEP(before);
    }
}

static void do_nothing(void)
{
}

/* Some processors, or their hypervisor, predict no call through a pointer for some of the time (docs/performance.md).
 */
LOOP_BODY indirect_call_body(long turns, subject *s)
{
    (void)s;
    void (*call)(void) = do_nothing;
    for (long i = 0; i < turns; i++) {
        __asm__ volatile("" : "+r"(call)); /* the compiler must not know where it leads */
        call();
    }
}

/* The inner ones; the outer one is of another handle and lasts. */
LOOP_BODY lease_nested_body(long turns, subject *s)
{
    sh_lease outer;
    sh_raw raw;
    begin_lease(&outer, s->other, &raw);
    lease_body(turns, s);
    sh_lease_end(&outer);
}

LOOP_BODY malloc_body(long turns, subject *s)
{
    (void)s;
    for (long i = 0; i < turns; i++) {
        void *memory = malloc(SIZE_BYTES);
        KEEP(memory);
        free(memory);
    }
}

LOOP(loop_xadd, xadd_body, TURNS);
LOOP(loop_indirect_call, indirect_call_body, TURNS);
LOOP(loop_add_ref, add_ref_body, TURNS);
LOOP(loop_lease, lease_body, TURNS);
LOOP(loop_lease_nested, lease_nested_body, TURNS);
LOOP(loop_malloc, malloc_body, TURNS_OF_MALLOC);
