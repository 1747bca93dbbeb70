/* SPDX-License-Identifier: MIT */
#include "finalization/handful.h"
#include "base/assert.h"
#include "base/checkpoint.h"
#include "finalization/worker.h"
#include <string.h>

_Static_assert(HANDFUL + WORKERS <= GC_TAKEN, "one works, and the others have a handle each that they are stuck in");

/* ---- the cursor -------------------------------------------------------------------------------------------------- */

size_t handful_position(const handful *of)
{
    /* Acquire: what became of the handles before it is written. */
    return cursor_position(atomic_word_load_acquire(&of->cursor));
}

/* The release that runs is the last. Answers where the rest begins. */
static size_t cut(handful *of)
{
    for (;;) {
        word_t seen = atomic_word_load(&of->cursor);
        size_t limit = cursor_position(seen) + 1;
        CHECKPOINT("finalization.cut");
        /* Full covers the acquire of handful_position. */
        if (atomic_word_swap_if(&of->cursor, seen, cursor_word(limit - 1, limit)))
            return limit;
    }
}

/* ---- taking and settling ----------------------------------------------------------------------------------------- */

static bool is_valid(const handful *of)
{
    word_t cursor = atomic_word_load(&of->cursor);
    size_t position = cursor_position(cursor), limit = cursor_limit(cursor);
    return of->settled <= position && position < limit && limit <= of->count && of->count <= HANDFUL;
}

bool handful_take(handful *empty)
{
    ASSERT(empty->count == 0 && empty->settled == 0);
    empty->count = gc->condemned_take(empty->handles, HANDFUL, &empty->reason);
    atomic_word_store(&empty->cursor, cursor_word(0, empty->count));
    return empty->count > 0;
}

/* Those from settled up to end: neighbours that are alike together. */
static void add_leaks(const handful *of, size_t end, event_run *leaks)
{
    for (size_t i = of->settled, next; i < end; i = next) {
        next = i + 1;
        if (of->leaks[i] == 0)
            continue;
        while (next < end && of->leaks[next] == of->leaks[i])
            next++;
        event_record record = {.type = finalization_leak_type(of->leaks[i]), .count = next - i};
        room.client->describe(of->handles[i], &record);
        event_run_add(leaks, &record);
    }
}

static void settle(handful *of, size_t end, event_run *leaks_or_null)
{
    if (leaks_or_null != NULL)
        add_leaks(of, end, leaks_or_null);
    size_t count = end - of->settled;
    gc->condemned_settle(&of->handles[of->settled], &of->verdicts[of->settled], count);
    memset((void *)&of->handles[of->settled], 0, count * sizeof *of->handles);
    of->settled = end;
}

static void return_rest(handful *of)
{
    size_t limit = cut(of), rest = of->count - limit;
    if (rest == 0)
        return;
    gc->condemned_return(&of->handles[limit], rest, of->reason);
    memset((void *)&of->handles[limit], 0, rest * sizeof *of->handles);
    of->count = limit;
}

void handful_take_back(handful *of, event_run *leaks_or_null)
{
    ASSERT(is_valid(of));
    return_rest(of);
    settle(of, handful_position(of), leaks_or_null);
}

void handful_finish(handful *of, event_run *leaks_or_null)
{
    ASSERT(is_valid(of));
    return_rest(of);
    settle(of, of->count, leaks_or_null);
    of->count = 0;
    of->settled = 0;
    atomic_word_store(&of->cursor, 0);
}
