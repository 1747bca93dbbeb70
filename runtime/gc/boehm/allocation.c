/* SPDX-License-Identifier: MIT */
/*
 * Stands for the collector's allocation in builds that check contracts, as contract/allocation.c does for the C
 * library's: notes it, and goes on to the collector's own, which is a shared library behind this one.
 */
#include "base/atomic.h"
#include "contract/contract.h"
#include "platform/call_stack.h"
#include <gc/gc.h>
#include <gc/gc_inline.h>

#define FOR_ALL_TO_SEE __attribute__((visibility("default")))

/* Looked up once; two threads that do it at the same time find the same. */
static word_t own(const char *name, atomic_word *place)
{
    word_t found = atomic_word_load(place);
    if (found == 0) {
        found = platform_symbol_behind(name);
        atomic_word_store(place, found);
    }
    return found;
}

#define CALLS_OWN(name, ...) ((__typeof__(name) *)own(#name, &place))(__VA_ARGS__)

#define STANDS_FOR(name, ...)                                                                                          \
    static atomic_word place;                                                                                          \
    contract_note_allocation();                                                                                        \
    return CALLS_OWN(name, __VA_ARGS__)

FOR_ALL_TO_SEE void *GC_malloc(size_t size_bytes)
{
    STANDS_FOR(GC_malloc, size_bytes);
}

FOR_ALL_TO_SEE void *GC_malloc_atomic(size_t size_bytes)
{
    STANDS_FOR(GC_malloc_atomic, size_bytes);
}

FOR_ALL_TO_SEE void *GC_malloc_uncollectable(size_t size_bytes)
{
    STANDS_FOR(GC_malloc_uncollectable, size_bytes);
}

FOR_ALL_TO_SEE void *GC_malloc_atomic_uncollectable(size_t size_bytes)
{
    STANDS_FOR(GC_malloc_atomic_uncollectable, size_bytes);
}

FOR_ALL_TO_SEE void *GC_malloc_kind(size_t size_bytes, int kind)
{
    STANDS_FOR(GC_malloc_kind, size_bytes, kind);
}

FOR_ALL_TO_SEE void GC_generic_malloc_many(size_t size_bytes, int kind, void **out_list)
{
    static atomic_word place;
    contract_note_allocation();
    CALLS_OWN(GC_generic_malloc_many, size_bytes, kind, out_list);
}

FOR_ALL_TO_SEE void *GC_malloc_ignore_off_page(size_t size_bytes)
{
    STANDS_FOR(GC_malloc_ignore_off_page, size_bytes);
}

FOR_ALL_TO_SEE void *GC_realloc(void *object, size_t size_bytes)
{
    STANDS_FOR(GC_realloc, object, size_bytes);
}

FOR_ALL_TO_SEE char *GC_strdup(const char *text)
{
    STANDS_FOR(GC_strdup, text);
}
