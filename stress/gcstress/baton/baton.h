/* SPDX-License-Identifier: MIT */
/*
 * The baton: of all threads of the process one runs, the one that has it. Where that thread comes to a checkpoint, or
 * has to wait for another, a chooser says who goes on. So an interleaving is a list of choices, and the same list gives
 * the same run of the same code.
 *
 *   baton_start              the only thread, once
 *   baton_new, baton_begin   a thread that starts another; and that other, first
 *   the rest                 the thread that has the baton
 *
 * Threads under the baton are called strands here. They are real threads with what is theirs alone (thread-local words,
 * stacks); they are kept on one processor, since two would only pass each other the cache lines.
 *
 * Source: CHESS (Musuvathi and Qadeer, PLDI 2007); a switch by baton costs about two microseconds (findings 18).
 */
#ifndef GCSTRESS_BATON_H
#define GCSTRESS_BATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BATON_STRANDS = 24, BATON_NOBODY = BATON_STRANDS };
#define BATON_FOREVER INT64_MAX

/* Who could go on. Invariant: count is at least 1; running is among ready, or BATON_NOBODY when it has to wait. */
typedef struct baton_choice {
    size_t running;
    size_t ready[BATON_STRANDS]; /* in the order of their numbers */
    size_t count;
    const char *where; /* the checkpoint, or what is waited for */
} baton_choice;

/* Answers one of ready. */
typedef size_t baton_chooser(const baton_choice *choice, void *data);

/* The calling thread becomes a strand, and has the baton. */
void baton_start(void);

/* NULL: whoever runs goes on for as long as it can, and then the first that is ready. */
void baton_choose_with(baton_chooser *chooser_or_null, void *data);

/* Called when no strand can ever go on; must not return. */
void baton_when_stuck(void (*stuck)(void));

/* A strand for a thread that is about to be started. A quiet one is chosen only when no other is ready: it does nothing
 * that anybody could meet. */
size_t baton_new(const char *name, bool quiet);
/* Returns when it is that strand's turn. */
void baton_begin(size_t strand);
/* The last that a strand does. */
void baton_end(void);

/* Whether the calling thread is a strand. */
bool baton_is_held(void);
size_t baton_running(void);
const char *baton_name(size_t strand);

/* A checkpoint: others may go on here. Answers whether others did. */
bool baton_pass(const char *where);

/* Until somebody wakes those who wait for `on`. False: the deadline has come, since nobody else could go on before; one
 * that is over already is a checkpoint. */
bool baton_wait(const void *on, int64_t deadline_ms, const char *where);
void baton_wake(const void *on);

/* Lets all others go on until each of them waits. */
void baton_rest(void);

/* A clock that stands still while anybody can go on. */
int64_t baton_now_ms(void);

#endif
