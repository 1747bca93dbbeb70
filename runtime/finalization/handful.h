/* SPDX-License-Identifier: MIT */
/*
 * The handles that a worker takes from the critical lane together, and releases one after the other without a lock.
 *
 * A cursor, one atomic word, says which of them is being released and where to stop. Only its worker moves it on;
 * anybody may cut it short behind the release that runs, and so has the rest for himself. Whoever needs to know where
 * every handle is (unload), or has somebody else to go on with them, takes the rest back into the lane first: what
 * stays in hand is then the one that is being released, and nothing else.
 *
 *   handful_release   the worker whose handful it is
 *   the rest          with the room's mutex held
 */
#ifndef FINALIZATION_HANDFUL_H
#define FINALIZATION_HANDFUL_H

#include "base/assert.h"
#include "base/atomic.h"
#include "base/checkpoint.h"
#include "event/event.h"
#include "finalization/finalization.h"
#include "gc/gc_host.h"
#include <stdbool.h>
#include <stddef.h>

enum { HANDFUL = 128 }; /* so many at most: what a lock, a clock and a guard cost is divided by it */

/*
 * In scanned memory, which keeps the handles alive.
 * Invariant: settled <= position < limit <= count <= HANDFUL, or all are 0; the room's mutex covers count, settled and
 * reason, and the cursor's limit only falls. Of handles,
 *   those below settled       are over, and NULL
 *   those below position      were released: their verdicts and leaks are written, and the worker is done with them
 *   the one at position       is being released, or was just now
 *   those below limit         are the worker's to release next
 *   those below count         are to be taken back
 */
struct handful {
    atomic_word cursor; /* position and limit */
    size_t count;
    size_t settled;
    gc_reason reason;
    void *handles[HANDFUL];
    gc_verdict verdicts[HANDFUL];
    word_t leaks[HANDFUL]; /* finalization_leak, or 0 */
};

/* Into an empty one. False: there was nothing to take. */
bool handful_take(handful *empty);

/* ---- the cursor: the position in the lower bits, the limit above ------------------------------------------------- */

enum { CURSOR_LIMIT_SHIFT = 16 };

static inline word_t cursor_word(size_t position, size_t limit)
{
    return (word_t)limit << CURSOR_LIMIT_SHIFT | (word_t)position;
}

static inline size_t cursor_position(word_t cursor)
{
    return cursor & ((1 << CURSOR_LIMIT_SHIFT) - 1);
}

static inline size_t cursor_limit(word_t cursor)
{
    return cursor >> CURSOR_LIMIT_SHIFT;
}

/* The handle at position was released, and what became of it is written. True: the next one is to be. */
static inline bool handful_next(handful *of, size_t position)
{
    for (;;) {
        word_t seen = atomic_word_load(&of->cursor);
        ASSERT(cursor_position(seen) == position);
        if (position + 1 >= cursor_limit(seen))
            return false;
        CHECKPOINT("finalization.next");
        /* Full covers the release that is needed: what became of the handle is written before others see it done. */
        if (atomic_word_swap_if(&of->cursor, seen, seen + 1))
            return true;
    }
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/*
 * For the client: releases what is in hand, one after the other, until there is no more of it. Answers how many it
 * were. release closes the handle, and releases it where nobody uses it; *out_leak, when it was leaked:
 * finalization_leak of it. Without a lock, since the cursor says where it is; inline, so that no call through a pointer
 * is made for each.
 */
static inline size_t handful_release(handful *of,
                                     gc_verdict (*release)(void *handle, gc_reason reason, word_t *out_leak)
                                         SH_RELIABILITY(will_not_corrupt_state, success))
{
    size_t position = 0;
    for (bool more = true; more; position++) {
        CHECKPOINT("finalization.critical");
        of->leaks[position] = 0;
        of->verdicts[position] = release(of->handles[position], of->reason, &of->leaks[position]);
        more = handful_next(of, position);
    }
    return position;
}

/* Of the handle that is being released. */
SH_RELIABILITY(will_not_corrupt_state, success)
size_t handful_position(const handful *of);

/* Settles those that were released, and has the rest wait in the lane again. Their leaks are added to leaks, unless it
 * is NULL: then they are somebody else's to tell. */
SH_RELIABILITY(will_not_corrupt_state, success)
void handful_take_back(handful *of, event_run *leaks_or_null);

/* The same, and settles the last one, whose verdict is written, too. Leaves it empty. */
SH_RELIABILITY(will_not_corrupt_state, success)
void handful_finish(handful *of, event_run *leaks_or_null);

#endif
