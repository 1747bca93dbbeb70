/* SPDX-License-Identifier: MIT */
/*
 * Normal finalizers on Boehm's collector.
 *
 * The collector keeps a dead object and all that it reaches, and hands it to on_object_dead some time after the
 * collection: on our own thread when the queue is ours, else wherever the host runs its finalizers. To know that a
 * batch is complete, we do not wait for the hand-over: a list of our own names every object with a finalizer, and at
 * the end of the mark we count those that are dead.
 *
 * An object that only the host's own ordered finalizer or guardian brings back is counted and not handed over; its
 * batch waits for the deadline (docs/ordering.md: confirm_death). That it is marked again tells nothing: the collector
 * marks what is in its own queue, too.
 */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "gc/boehm/boehm.h"
#include "platform/platform.h"
#include <string.h>

/*
 * Who is watched. Grows by doubling: the pages are replaced under the allocation lock.
 * Invariant: entries[0 .. count) are finalizers that must not be freed; covered by the allocation lock.
 */
static struct {
    gc_finalizer **entries;
    size_t count;
    size_t capacity;
    gc_finalizer *retired; /* to be freed */
} watched;

/* Handed over by the collector, newest first; pushed without a lock, since the host calls us where it pleases. */
static atomic_word handed_over;

/* Called where the world has stopped. */
void boehm_finalizers_scan(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < watched.count; i++) {
        gc_finalizer *finalizer = watched.entries[i];
        if (finalizer->state == GC_FINALIZER_DONE) {
            finalizer->next = watched.retired;
            watched.retired = finalizer;
            continue;
        }
        watched.entries[kept++] = finalizer;
        if (finalizer->state == GC_FINALIZER_WATCHING && !GC_is_marked(gc_unhide(finalizer->hidden_object)))
            gc_batches_count(&boehm.batches, finalizer);
    }
    watched.count = kept;
}

/* ---- the hand-over ----------------------------------------------------------------------------------------------- */

static void push_handed_over(gc_finalizer *finalizer, void *object)
{
    finalizer->object = object;
    finalizer->state = GC_FINALIZER_DEAD;
    word_t head;
    do {
        head = atomic_word_load(&handed_over);
        finalizer->next = (gc_finalizer *)head;
        /* Full: whoever takes the stack sees what was written above. */
    } while (!atomic_word_swap_if(&handed_over, head, (word_t)finalizer));
}

/* A finalizer of somebody else's that we found on the object. */
typedef struct foreign_finalizer {
    GC_finalization_proc run;
    void *data;
} foreign_finalizer;

/* Allocates nothing and takes no lock: the host may call this inside an allocation. What the host had registered runs
 * here, where the host would have run it. */
static void GC_CALLBACK on_object_dead(void *object, void *newest)
{
    gc_finalizer *in_order = NULL;
    const foreign_finalizer *foreign = NULL;
    for (gc_finalizer *f = newest; f != NULL;) {
        gc_finalizer *earlier = f->earlier;
        foreign = f->foreign;
        f->earlier = in_order;
        in_order = f;
        f = earlier;
    }
    if (foreign != NULL)
        foreign->run(object, foreign->data);
    while (in_order != NULL) {
        gc_finalizer *next = in_order->earlier;
        in_order->earlier = NULL;
        if (in_order->state == GC_FINALIZER_WATCHING)
            push_handed_over(in_order, object);
        in_order = next;
    }
    boehm.client.deaths_found();
}

/* With the lock held: moves what was handed over into the lane, oldest first. */
static void fill_lane(void)
{
    word_t head;
    do {
        head = atomic_word_load(&handed_over);
    } while (!atomic_word_swap_if(&handed_over, head, 0));
    gc_finalizer *oldest = NULL;
    for (gc_finalizer *f = (gc_finalizer *)head; f != NULL;) {
        gc_finalizer *next = f->next;
        f->next = oldest;
        oldest = f;
        f = next;
    }
    while (oldest != NULL) {
        gc_finalizer *next = oldest->next;
        gc_lane_append(&boehm.normal_lane, oldest);
        oldest = next;
    }
}

/* ---- registration ------------------------------------------------------------------------------------------------ */

static void *watch_locked(void *finalizer)
{
    if (watched.count == watched.capacity) {
        size_t capacity = watched.capacity == 0 ? 512 : 2 * watched.capacity;
        gc_finalizer **grown = platform_pages_map(capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (watched.entries != NULL) {
            memcpy(grown, watched.entries, watched.count * sizeof *grown);
            platform_pages_unmap(watched.entries, watched.capacity * sizeof *grown);
        }
        watched.entries = grown;
        watched.capacity = capacity;
    }
    watched.entries[watched.count++] = finalizer;
    return finalizer;
}

static gc_finalizer *make(void *object, sh_finalizer *run, void *data, sh_site birth)
{
    gc_finalizer *made = FAILS_HERE("gc.finalizer") ? NULL : GC_MALLOC_UNCOLLECTABLE(sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (gc_finalizer){.hidden_object = gc_hide(object), .run = run, .data = data, .birth = birth};
    if (GC_call_with_alloc_lock(watch_locked, made) != NULL)
        return made;
    GC_FREE(made);
    return NULL;
}

/* Never run: the scan frees it. */
static void *discard_locked(void *finalizer)
{
    gc_finalizer *discarded = finalizer;
    discarded->state = GC_FINALIZER_DONE;
    discarded->data = NULL;
    gc_batches_done(&boehm.batches, discarded);
    return NULL;
}

/* What the collector answers when it had no memory to register: it leaves this untouched. */
static void GC_CALLBACK not_registered(void *object, void *data)
{
    (void)object;
    (void)data;
}

static sh_status keep_foreign(gc_finalizer *ours, GC_finalization_proc run, void *data)
{
    foreign_finalizer *foreign = FAILS_HERE("gc.foreign") ? NULL : GC_MALLOC(sizeof *foreign);
    if (foreign == NULL)
        return SH_E_NOMEM;
    *foreign = (foreign_finalizer){run, data};
    ours->foreign = foreign;
    return SH_OK;
}

sh_status boehm_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth)
{
    if (GC_base(object) != object)
        return SH_E_ARGUMENT;
    if (!GC_get_java_finalization())
        return SH_E_UNSUPPORTED;
    gc_finalizer *made = make(object, run, data, birth);
    if (made == NULL)
        return SH_E_NOMEM;
    GC_finalization_proc before = not_registered;
    void *before_data = NULL;
    GC_register_finalizer_no_order(object, on_object_dead, made, &before, &before_data);
    sh_status status = before == not_registered ? SH_E_NOMEM : SH_OK;
    if (before == on_object_dead)
        made->earlier = before_data;
    else if (before != 0 && before != not_registered)
        status = keep_foreign(made, before, before_data);
    if (status == SH_E_NOMEM) {
        if (before != not_registered)
            GC_register_finalizer_no_order(object, before, before_data, NULL, NULL);
        (void)GC_call_with_alloc_lock(discard_locked, made);
    }
    GC_reachable_here(object);
    return status;
}

/* Those of the object that were handed over and have not begun to run. */
static void *discard_dead_locked(void *object)
{
    fill_lane();
    for (gc_finalizer *f = gc_lane_take_object(&boehm.normal_lane, object); f != NULL;) {
        gc_finalizer *next = f->next;
        f->object = NULL;
        (void)discard_locked(f);
        f = next;
    }
    return NULL;
}

/* Takes the object's finalizers off the collector: ours are answered, newest first; somebody else's is put back. */
static gc_finalizer *unregister(void *object)
{
    GC_finalization_proc run = 0;
    void *data = NULL;
    GC_register_finalizer_no_order(object, 0, NULL, &run, &data);
    gc_finalizer *newest = NULL;
    if (run == on_object_dead) {
        newest = data;
        run = 0;
        gc_finalizer *oldest = newest;
        while (oldest->earlier != NULL)
            oldest = oldest->earlier;
        if (oldest->foreign != NULL) {
            const foreign_finalizer *foreign = oldest->foreign;
            run = foreign->run;
            data = foreign->data;
            oldest->foreign = NULL;
        }
    }
    if (run != 0)
        GC_register_finalizer_no_order(object, run, data, NULL, NULL);
    return newest;
}

void boehm_finalizer_remove(void *object)
{
    if (GC_base(object) != object)
        return;
    for (gc_finalizer *f = unregister(object); f != NULL;) {
        gc_finalizer *earlier = f->earlier; /* f may be freed as soon as it is discarded */
        (void)GC_call_with_alloc_lock(discard_locked, f);
        f = earlier;
    }
    (void)GC_call_with_alloc_lock(discard_dead_locked, object);
}

/* ---- the lane ---------------------------------------------------------------------------------------------------- */

static void *take_locked(void *out_retired)
{
    fill_lane();
    *(gc_finalizer **)out_retired = watched.retired;
    watched.retired = NULL;
    return gc_lane_take(&boehm.normal_lane);
}

gc_finalizer *boehm_finalizer_take(void)
{
    gc_finalizer *retired;
    gc_finalizer *taken = GC_call_with_alloc_lock(take_locked, &retired);
    while (retired != NULL) {
        gc_finalizer *next = retired->next;
        GC_FREE(retired);
        retired = next;
    }
    return taken;
}

static void *done_locked(void *finalizer)
{
    gc_finalizer *done = finalizer;
    ASSERT(done->state == GC_FINALIZER_DEAD);
    done->object = NULL;
    return discard_locked(done);
}

void boehm_finalizer_done(gc_finalizer *finalizer)
{
    (void)GC_call_with_alloc_lock(done_locked, finalizer);
}

bool boehm_finalizers_are_waiting(void)
{
    return atomic_word_load(&handed_over) != 0 || boehm.normal_lane.first != NULL;
}

/* ---- shutdown ---------------------------------------------------------------------------------------------------- */

/* The object of the next one that is still watching, alive again by being on the caller's stack. Not one that is in
 * the collector's queue: it comes by itself. */
static void *next_watching_locked(void *next)
{
    size_t *i = next;
    while (*i < watched.count) {
        const gc_finalizer *finalizer = watched.entries[(*i)++];
        if (finalizer->state == GC_FINALIZER_WATCHING && !gc_batches_wait_for(&boehm.batches, finalizer))
            return gc_unhide(finalizer->hidden_object);
    }
    return NULL;
}

static void *count_locked(void *newest)
{
    for (gc_finalizer *f = newest; f != NULL; f = f->earlier)
        gc_batches_count(&boehm.batches, f);
    return NULL;
}

/* An object comes up once for each of its finalizers; the first time takes them all. A scan beside this may move
 * entries to the front, so that some come up late: until a round finds none. */
void boehm_finalizer_condemn_all(void)
{
    bool found;
    do {
        found = false;
        size_t next = 0;
        for (void *object; (object = GC_call_with_alloc_lock(next_watching_locked, &next)) != NULL;) {
            gc_finalizer *newest = unregister(object);
            (void)GC_call_with_alloc_lock(count_locked, newest);
            on_object_dead(object, newest);
            found = found || newest != NULL;
        }
    } while (found);
}
