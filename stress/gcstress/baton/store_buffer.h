/* SPDX-License-Identifier: MIT */
/*
 * What a processor's store buffer does, for strands that all run on one: a plain store of the library's that no fence
 * has followed yet is hidden from the others while they run, once. Without it a missing barrier could never be seen
 * here.
 *
 *   all   the strand that has the baton
 *
 * Each strand has one such store at most: where a second one comes, the first has left the buffer (x86 keeps their
 * order).
 */
#ifndef GCSTRESS_STORE_BUFFER_H
#define GCSTRESS_STORE_BUFFER_H

#include <stdint.h>

/* A plain store to *word, which held `before`, by the strand that runs. */
void store_buffer_add(uintptr_t *word, uintptr_t before);

/* What the running strand has stored, or any strand, everybody sees from now on. */
void store_buffer_drain(void);
void store_buffer_drain_all(void);

/* A checkpoint of the running strand: baton_pass, with its store hidden at first where that makes a difference. */
void store_buffer_pass(const char *where);

#endif
