/* SPDX-License-Identifier: MIT */
#include "heap.h"
#include <safehandle/stress.h>
#include <stdlib.h>

object *heap_allocate(heap *of, struct interpreter *in)
{
    object *made = calloc(1, sizeof *made);
    if (made == NULL)
        abort();
    made->in = in;
    made->next = of->living;
    of->living = made;
    return made;
}

void heap_mark(object *reachable_or_null)
{
    for (object *each = reachable_or_null; each != NULL && !each->marked; each = each->reaches)
        each->marked = true;
}

object *heap_sweep(heap *of)
{
    object *dead = NULL;
    for (object **link = &of->living; *link != NULL;) {
        object *each = *link;
        if (each->marked) {
            each->marked = false;
            link = &each->next;
            continue;
        }
        *link = each->next;
        each->next = dead;
        dead = each;
    }
    return dead;
}

/* Ours are the only calls that end a handle or take a finalizer away, and nobody reaches a dead object: it cannot fail.
 */
static void expect(sh_status status)
{
    if (status != SH_OK)
        abort();
}

void heap_report(object *dead)
{
    expect(sh_host_collection_begin());
    for (object *each = dead; each != NULL; each = each->next) {
        if (each->has_finalizer || each->h != NULL)
            sh_stress_tell_of(SH_STRESS_DIES, 0, each->number.file, "the collector finds the owner of file %d dead",
                              each->number.file);
        if (each->has_finalizer)
            expect(sh_host_drop_object(each));
        if (each->h != NULL)
            expect(sh_host_drop(each->h));
    }
    expect(sh_host_collection_end());
}

void heap_bury(heap *of, object *dead)
{
    for (object *next; dead != NULL; dead = next) {
        next = dead->next;
        if (!dead->has_finalizer && dead->h == NULL) {
            free(dead);
            continue;
        }
        dead->next = of->buried;
        of->buried = dead;
    }
}

static void free_list(object *first)
{
    for (object *next; first != NULL; first = next) {
        next = first->next;
        free(first);
    }
}

void heap_end(heap *of)
{
    free_list(of->living);
    free_list(of->buried);
}
