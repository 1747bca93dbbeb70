/* SPDX-License-Identifier: MIT */
/*
 * Normal finalizers on the manual host: a table of the objects that have some. When the program drops an object, its
 * finalizers are due in the order of their registration.
 */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "gc/manual/manual.h"
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->object = NULL) /* manual_finalizer_add looks for it */
/* The default one falls through its cases without saying so, which clang warns of where the macro is used. */
#define HASH_FUNCTION(key, size, out_hash) HASH_OAT(key, size, out_hash)
#include <uthash.h>

/* The finalizers of one object. Invariant: object is not NULL; newest is not NULL. */
typedef struct owner {
    void *object;
    gc_finalizer *newest;
    UT_hash_handle hh;
} owner;

static owner *owners; /* covered by the host's mutex */

sh_status manual_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group)
{
    KEEP_ERRNO;
    gc_finalizer *made = FAILS_HERE("gc.finalizer") ? NULL : malloc(sizeof *made);
    owner *fresh = malloc(sizeof *fresh);
    if (made == NULL || fresh == NULL) {
        free(made);
        free(fresh);
        return SH_E_NOMEM;
    }
    *made = (gc_finalizer){.hidden_object = gc_hide(object), .run = run, .data = data, .birth = birth, .group = group};
    list_init(&made->sibling);
    sh_status status = SH_OK;
    manual_lock();
    owner *known;
    HASH_FIND_PTR(owners, &object, known);
    if (!manual.client.admits(group)) {
        free(made);
        free(fresh);
        status = SH_E_CLOSED;
    } else if (known != NULL) {
        made->earlier = known->newest;
        known->newest = made;
        free(fresh);
    } else {
        *fresh = (owner){.object = object, .newest = made};
        HASH_ADD_PTR(owners, object, fresh);
        if (fresh->object == NULL) {
            free(made);
            free(fresh);
            status = SH_E_NOMEM;
        }
    }
    if (status == SH_OK)
        list_append(&manual.groups[group].finalizers, &made->sibling);
    manual_unlock();
    return status;
}

/* Takes an owner out of the table and answers its finalizers, oldest first, linked by next. */
static gc_finalizer *take_owner(owner *taken)
{
    gc_finalizer *oldest = NULL;
    for (gc_finalizer *f = taken->newest; f != NULL; f = f->earlier) {
        list_remove(&f->sibling);
        f->next = oldest;
        oldest = f;
    }
    HASH_DEL(owners, taken);
    free(taken);
    return oldest;
}

static void append_all(gc_lane *lane, gc_finalizer *oldest)
{
    while (oldest != NULL) {
        gc_finalizer *next = oldest->next;
        oldest->object = gc_unhide(oldest->hidden_object);
        oldest->state = GC_FINALIZER_DEAD;
        gc_lane_append(lane, oldest);
        oldest = next;
    }
}

void manual_finalizers_make_due(gc_lane *dead)
{
    for (gc_finalizer *f; (f = gc_lane_take(dead)) != NULL;) {
        gc_batches_count(&manual.batches, f);
        gc_lane_append(&manual.normal_lane, f);
    }
}

static void make_object_due(owner *dead)
{
    gc_lane lane = {NULL, NULL};
    append_all(&lane, take_owner(dead));
    manual_finalizers_make_due(&lane);
}

sh_status manual_drop_object(void *object)
{
    gathering *begun = manual_gathering_here();
    manual_lock();
    owner *dead;
    HASH_FIND_PTR(owners, &object, dead);
    sh_status status = dead == NULL ? SH_E_ARGUMENT : SH_OK;
    if (dead != NULL && begun != NULL)
        append_all(&begun->finalizers, take_owner(dead));
    else if (dead != NULL)
        make_object_due(dead);
    manual_unlock();
    if (status == SH_OK && begun == NULL)
        manual.client.deaths_found();
    return status;
}

static void discard_all(gc_finalizer *first)
{
    while (first != NULL) {
        gc_finalizer *next = first->next;
        gc_batches_done(&manual.batches, first);
        free(first);
        first = next;
    }
}

void manual_finalizer_remove(void *object)
{
    manual_lock();
    owner *known;
    HASH_FIND_PTR(owners, &object, known);
    if (known != NULL)
        discard_all(take_owner(known));
    discard_all(gc_lane_take_object(&manual.normal_lane, object));
    for (gathering *g = manual_gathering_after(&manual.gatherings); g != NULL; g = manual_gathering_after(&g->link))
        discard_all(gc_lane_take_object(&g->finalizers, object));
    manual_unlock();
}

gc_finalizer *manual_finalizer_take(void)
{
    manual_lock();
    gc_finalizer *taken = gc_lane_take(&manual.normal_lane);
    manual_unlock();
    return taken;
}

void manual_finalizer_done(gc_finalizer *finalizer)
{
    manual_lock();
    gc_batches_done(&manual.batches, finalizer);
    manual_unlock();
    free(finalizer);
}

/* With each, the others of its object. */
static void make_ring_due(const list_node *finalizers)
{
    while (!list_is_empty(finalizers)) {
        const void *object = gc_unhide(LIST_OWNER(finalizers->next, gc_finalizer, sibling)->hidden_object);
        owner *dead;
        HASH_FIND_PTR(owners, &object, dead);
        ASSERT(dead != NULL);
        make_object_due(dead);
    }
}

static void make_gathered_due(gc_lane *gathered, uint32_t group)
{
    gc_lane due = {NULL, NULL}, kept = {NULL, NULL};
    for (gc_finalizer *f; (f = gc_lane_take(gathered)) != NULL;)
        gc_lane_append(gc_group_is(f->group, group) ? &due : &kept, f);
    manual_finalizers_make_due(&due);
    *gathered = kept;
}

void manual_finalizer_condemn(uint32_t group)
{
    manual_lock();
    uint32_t count;
    const group_rings *rings = manual_rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        make_ring_due(&rings[i].finalizers);
    for (gathering *g = manual_gathering_after(&manual.gatherings); g != NULL; g = manual_gathering_after(&g->link))
        make_gathered_due(&g->finalizers, group);
    manual_unlock();
    manual.client.deaths_found();
}

static bool has_gathered(const gc_lane *gathered, uint32_t group)
{
    for (const gc_finalizer *f = gathered->first; f != NULL; f = f->next)
        if (f->group == group)
            return true;
    return false;
}

bool manual_finalizer_is_watching(uint32_t group)
{
    manual_lock();
    bool found = !list_is_empty(&manual.groups[group].finalizers);
    for (gathering *g = manual_gathering_after(&manual.gatherings); g != NULL && !found;
         g = manual_gathering_after(&g->link))
        found = has_gathered(&g->finalizers, group);
    manual_unlock();
    return found;
}
