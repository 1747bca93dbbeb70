/* SPDX-License-Identifier: MIT */
/*
 * Classes: what many handles have in common, stored once. A handle keeps the number of its class, 4 bytes.
 *
 *   every function   any thread
 */
#ifndef HANDLE_CLASS_H
#define HANDLE_CLASS_H

#include "base/atomic.h"
#include <safehandle/kind.h>
#include <safehandle/site.h>
#include <safehandle/status.h>
#include <stddef.h>
#include <stdint.h>

/* Invariant: immutable once its number was given out; kind is valid (kind.h says what that means). */
typedef struct handle_class {
    const sh_kind *kind;
    const sh_site *site; /* where its handles are made; NULL: not recorded */
    uint32_t group;      /* gc_host.h */
    bool owned;
} handle_class;

/* The number of the class of these four. SH_E_ARGUMENT: the kind is not valid, or abstract. SH_E_NOMEM. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status class_intern(const handle_class *wanted, uint32_t *out_number);

/* Room for so many classes more, which nobody else takes until class_unreserve: false when there is no memory. Who has
 * such room calls class_intern_reserved, which as long as it lasts does not answer SH_E_NOMEM. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool class_reserve(size_t count);
SH_RELIABILITY(will_not_corrupt_state, success)
void class_unreserve(size_t count);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
sh_status class_intern_reserved(const handle_class *wanted, uint32_t *out_number);

enum { CLASS_BLOCK_CLASSES = 1024, CLASS_BLOCKS = 1024 };
extern atomic_word class_blocks[CLASS_BLOCKS]; /* handle_class * of CLASS_BLOCK_CLASSES each, or 0; class.c writes it */

/* number was given out by class_intern. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline const handle_class *class_of(uint32_t number)
{
    /* Acquire: it is mapped, and the class complete. */
    return (const handle_class *)atomic_word_load_acquire(&class_blocks[number / CLASS_BLOCK_CLASSES]) +
           number % CLASS_BLOCK_CLASSES;
}

static inline sh_site class_birth(const handle_class *of)
{
    return of->site == NULL ? (sh_site){NULL, 0} : *of->site;
}

/* Around fork; after serves parent and child. */
void class_fork_before(void);
void class_fork_after(void);

#endif
