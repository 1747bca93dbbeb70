/* SPDX-License-Identifier: MIT */
/*
 * The interpreter's own heap, mark and sweep. It knows nothing of the machines: whoever collects says what is
 * reachable.
 *
 *   heap_allocate, heap_mark, heap_sweep, heap_bury   under the interpreter's lock
 *   heap_report                                       without it: the library is called
 *
 * What the library owes to a dead object (a finalizer, the release of a handle) is done later, on a thread of the
 * library's: such an object is buried, and its memory freed at the end.
 */
#ifndef EXAMPLE_HEAP_H
#define EXAMPLE_HEAP_H

#include "kernel.h"
#include <safehandle.h>
#include <stdbool.h>

struct interpreter;

/*
 * Invariant: h is set only with the approach safehandle, and reached only by this object; has_finalizer says that one
 * is registered; users counts the calls of handleprotector.
 */
typedef struct object {
    struct object *next;
    struct object *reaches; /* or NULL */
    bool marked;
    struct interpreter *in;
    kernel_number number;
    bool closed;
    bool has_finalizer;
    int users;
    sh_handle *h;
} object;

/* Invariant: an object is in one of the two lists, or in that of a sweep which was not yet buried. */
typedef struct heap {
    object *living;
    object *buried;
} heap;

object *heap_allocate(heap *of, struct interpreter *in);
void heap_mark(object *reachable_or_null);
/* What was not marked, taken out; answers a list. */
object *heap_sweep(heap *of);
void heap_report(object *dead);
void heap_bury(heap *of, object *dead);
/* Frees every object. */
void heap_end(heap *of);

#endif
