/* SPDX-License-Identifier: MIT */
/*
 * Handles made beforehand. A constrained region's blank has its memory, and a place each in the table of classes
 * and among the contexts, so that what is made of it cannot fail for want of memory.
 *
 * A stock belongs to one thread, on which it hangs, one in front of the other: the innermost region's is used first.
 *
 * Outside of regions, and where theirs are used up, a thread has some blanks at hand that were made together, since
 * that is cheaper than one by one: thread_stock.
 *
 *   stock_prepare, stock_here, stock_take, stock_draw   the thread itself
 *   stock_return, stock_empty                           the same; or who buries the thread
 */
#ifndef HANDLE_STOCK_H
#define HANDLE_STOCK_H

#include "thread/thread.h"
#include <safehandle/handle.h>

/* In scanned memory. Invariant: left <= count; blanks[0 .. left) are blanks that nobody else has. */
typedef struct handle_stock {
    struct handle_stock *outer;
    uint32_t group; /* that its blanks are watched in */
    size_t count;   /* what was prepared: places are kept for so many until stock_return */
    size_t left;
    sh_handle *blanks[];
} handle_stock;

/* Hangs a stock of count blanks, at least one, in front of the thread's others, for handles of the domain that the
 * thread makes things in. SH_E_NOMEM, SH_E_CLOSED (the domain's): nothing was prepared. */
sh_status stock_prepare(thread_record *record, size_t count);

/* Takes the first stock off, and gives back what is left of it. */
SH_RELIABILITY(will_not_corrupt_state, success)
void stock_return(thread_record *record);

/* The first stock of the calling thread, which is attached, with a blank left for this group; NULL: there is none. */
SH_RELIABILITY(will_not_corrupt_state, success)
handle_stock *stock_here(uint32_t group);

/* A blank of it. Its owner gives it value, class and context, and then state_word_init or state_word_init_holding,
 * which is its birth. */
SH_RELIABILITY(will_not_corrupt_state, success)
sh_handle *stock_take(handle_stock *stock);

/* stock_draw where the thread has none of the group: makes some. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_handle *stock_draw_refilled(thread_stock *at_hand, uint32_t group);

/* Gives back what the thread has at hand. */
SH_RELIABILITY(will_not_corrupt_state, success)
void stock_empty(thread_stock *at_hand);

/* As stock_take, of what is at hand. NULL: there is no memory. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static inline sh_handle *stock_draw(thread_stock *at_hand, uint32_t group)
{
    if (at_hand->left == 0 || at_hand->group != group)
        return stock_draw_refilled(at_hand, group);
    sh_handle *drawn = at_hand->blanks[--at_hand->left];
    at_hand->blanks[at_hand->left] = NULL; /* or it would be kept alive */
    return drawn;
}

#endif
