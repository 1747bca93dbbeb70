/* SPDX-License-Identifier: MIT */
#include "store_buffer.h"
#include "baton.h"
#include <stdbool.h>
#include <stddef.h>

/* Invariant: word is NULL when there is none; hidden exactly while others run that must not see it, and *word is before
 * then. */
typedef struct pending_store {
    uintptr_t *word;
    uintptr_t before;
    uintptr_t after;
    bool hidden;
    bool passed; /* a checkpoint, behind which the strand has gone on */
} pending_store;

static pending_store pending[BATON_STRANDS];

static void hide(pending_store *store)
{
    store->after = *store->word;
    *store->word = store->before;
    store->hidden = true;
}

static void drain(pending_store *store)
{
    if (store->hidden)
        *store->word = store->after;
    *store = (pending_store){.word = NULL};
}

void store_buffer_add(uintptr_t *word, uintptr_t before)
{
    pending_store *store = &pending[baton_running()];
    drain(store);
    *store = (pending_store){.word = word, .before = before};
}

void store_buffer_drain(void)
{
    drain(&pending[baton_running()]);
}

void store_buffer_drain_all(void)
{
    for (size_t i = 0; i < BATON_STRANDS; i++)
        drain(&pending[i]);
}

/* At the first checkpoint after the store nothing has been read since, so it may as well not have happened yet. Behind
 * the second one it has left the buffer. */
void store_buffer_pass(const char *where)
{
    pending_store *store = &pending[baton_running()];
    bool was_passed = store->passed;
    if (store->word != NULL && was_passed) {
        hide(store);
        (void)baton_pass("store buffer");
        drain(store);
    }
    bool others_ran = baton_pass(where);
    if (others_ran || was_passed)
        drain(store);
    else
        store->passed = true;
}
