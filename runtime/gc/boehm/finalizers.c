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
#include "base/keep_errno.h"
#include "gc/boehm/boehm.h"
#include "platform/platform.h"

/*
 * The finalizers of one group, on two lists that are one but while the group is unloaded: the unload moves each that it
 * has looked at to the second one, and in the end all of them back.
 * Invariant: every finalizer of the group that must not be freed is on one of the two.
 */
typedef struct finalizer_group {
    list_node watched;
    list_node passed;
} finalizer_group;

/* Invariant: groups has group_count places in use; covered by the allocation lock. */
static struct {
    finalizer_group *groups; /* by number */
    uint32_t group_count;
    gc_finalizer *retired; /* to be freed */
} watched;

/* Handed over by the collector, newest first; pushed without a lock, since the host calls us where it pleases. */
static atomic_word handed_over;

static void scan_finalizer(gc_finalizer *finalizer)
{
    if (finalizer->state == GC_FINALIZER_DONE) {
        list_remove(&finalizer->sibling);
        finalizer->next = watched.retired;
        watched.retired = finalizer;
    } else if (finalizer->state == GC_FINALIZER_WATCHING && !GC_is_marked(gc_unhide(finalizer->hidden_object))) {
        gc_batches_count(&boehm.batches, finalizer);
    }
}

static void scan_ring(list_node *ring)
{
    for (list_node *link = ring->next; link != ring;) {
        list_node *next = link->next;
        scan_finalizer(LIST_OWNER(link, gc_finalizer, sibling));
        link = next;
    }
}

/* Called where the world has stopped. */
void boehm_finalizers_scan(void)
{
    for (uint32_t group = 0; group < watched.group_count; group++) {
        scan_ring(&watched.groups[group].watched);
        scan_ring(&watched.groups[group].passed);
    }
}

bool boehm_finalizer_group_open(uint32_t group)
{
    if (watched.groups == NULL)
        watched.groups = platform_pages_map((size_t)GC_GROUPS * sizeof *watched.groups);
    if (watched.groups == NULL)
        return false;
    for (; watched.group_count <= group; watched.group_count++) {
        list_init(&watched.groups[watched.group_count].watched);
        list_init(&watched.groups[watched.group_count].passed);
    }
    return true;
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
    gc_finalizer *added = finalizer;
    list_append(&watched.groups[added->group].watched, &added->sibling);
    return finalizer;
}

/* One that an unload has met meanwhile, with another one of its object, is due: it was not refused. */
static void *watch_admitted_locked(void *finalizer)
{
    const gc_finalizer *added = finalizer;
    if (added->state == GC_FINALIZER_WATCHING && !boehm.client.admits(added->group))
        return NULL;
    return watch_locked(finalizer);
}

static gc_finalizer *make(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group)
{
    gc_finalizer *made = FAILS_HERE("gc.finalizer") ? NULL : GC_MALLOC_UNCOLLECTABLE(sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (gc_finalizer){.hidden_object = gc_hide(object), .run = run, .data = data, .birth = birth, .group = group};
    list_init(&made->sibling);
    return made;
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

/* What the object had before is registered again. False: an unload has taken ours meanwhile, or a newer one leads to
 * it, so it stays. */
static bool take_back(void *object, const gc_finalizer *ours, GC_finalization_proc before, void *before_data)
{
    GC_finalization_proc now = 0;
    void *now_data = NULL;
    GC_register_finalizer_no_order(object, before, before_data, &now, &now_data);
    if (now_data == ours)
        return true;
    GC_register_finalizer_no_order(object, now, now_data, NULL, NULL);
    return false;
}

/* Registered first and watched then: one that is watched only, since a fork came in between, would be counted as dead
 * in the child and never handed over. The object lives meanwhile, by the caller's argument. */
sh_status boehm_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group)
{
    KEEP_ERRNO;
    if (GC_base(object) != object)
        return SH_E_ARGUMENT;
    if (!GC_get_java_finalization())
        return SH_E_UNSUPPORTED;
    gc_finalizer *made = make(object, run, data, birth, group);
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
    CHECKPOINT("finalizer.registered");
    if (status == SH_OK && GC_call_with_alloc_lock(watch_admitted_locked, made) == NULL)
        status = SH_E_CLOSED;
    if (status != SH_OK) {
        if (before == not_registered || take_back(object, made, before, before_data)) {
            GC_FREE(made);
        } else {
            (void)GC_call_with_alloc_lock(watch_locked, made);
            status = SH_OK;
        }
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
    KEEP_ERRNO;
    if (GC_base(object) != object)
        return;
    for (gc_finalizer *f = unregister(object); f != NULL;) {
        gc_finalizer *earlier = f->earlier; /* f may be freed as soon as it is discarded */
        (void)GC_call_with_alloc_lock(discard_locked, f);
        f = earlier;
    }
    (void)GC_call_with_alloc_lock(discard_dead_locked, object);
}

/* ---- the collector's queue --------------------------------------------------------------------------------------- */

/* Waited for no longer, and never freed: if the thread was about to take it off the collector, that leads to it still.
 */
static void give_up(gc_finalizer *lost)
{
    gc_batches_done(&boehm.batches, lost);
    lost->batch = 0;
    lost->data = NULL;
    lost->state = GC_FINALIZER_LOST;
}

static void give_lost_up(const list_node *ring)
{
    for (list_node *link = ring->next; link != ring; link = link->next) {
        gc_finalizer *finalizer = LIST_OWNER(link, gc_finalizer, sibling);
        if (finalizer->state == GC_FINALIZER_WATCHING && finalizer->batch != 0)
            give_up(finalizer);
    }
}

/* Counted as dead, handed over by nobody, and the queue is empty: that is what the thread had in its hands. */
static void *give_all_lost_up_locked(void *unused)
{
    if (!boehm.hand_over_lost || GC_should_invoke_finalizers())
        return unused; /* filled anew meanwhile: at the next drain */
    for (uint32_t group = 0; group < watched.group_count; group++) {
        give_lost_up(&watched.groups[group].watched);
        give_lost_up(&watched.groups[group].passed);
    }
    boehm.hand_over_lost = false;
    return unused;
}

void boehm_queue_drain(void)
{
    if (!boehm.owns_queue)
        return;
    (void)GC_invoke_finalizers();
    (void)GC_call_with_alloc_lock(give_all_lost_up_locked, NULL);
}

static void *note_lost_locked(void *unused)
{
    boehm.hand_over_lost = true;
    return unused;
}

void boehm_queue_lost(void)
{
    (void)GC_call_with_alloc_lock(note_lost_locked, NULL);
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

/* ---- unload ------------------------------------------------------------------------------------------------------ */

/* The object of the next finalizer of the group that is still watching, alive again by being on the caller's stack. Not
 * one that is in the collector's queue, or that another unload has in its hands: it comes by itself. Counted in the
 * same step, so that an unload which passes over it waits for it. */
static void *next_watching_locked(void *group)
{
    finalizer_group *of = &watched.groups[*(const uint32_t *)group];
    for (list_node *link; (link = list_take_first(&of->watched)) != NULL;) {
        gc_finalizer *finalizer = LIST_OWNER(link, gc_finalizer, sibling);
        list_append(&of->passed, link);
        if (finalizer->state == GC_FINALIZER_WATCHING && !gc_batches_wait_for(&boehm.batches, finalizer)) {
            gc_batches_count(&boehm.batches, finalizer);
            return gc_unhide(finalizer->hidden_object);
        }
    }
    list_splice(&of->watched, &of->passed);
    return NULL;
}

static void *count_locked(void *newest)
{
    for (gc_finalizer *f = newest; f != NULL; f = f->earlier)
        gc_batches_count(&boehm.batches, f);
    return NULL;
}

/* An object comes up once for each of its finalizers; the first time takes them all. */
static void condemn_group(uint32_t group)
{
    KEEP_ERRNO;
    for (void *object; (object = GC_call_with_alloc_lock(next_watching_locked, &group)) != NULL;) {
        CHECKPOINT("finalizer.condemn");
        gc_finalizer *newest = unregister(object);
        (void)GC_call_with_alloc_lock(count_locked, newest);
        on_object_dead(object, newest);
    }
}

static void *group_count_locked(void *out_count)
{
    *(uint32_t *)out_count = watched.group_count;
    return NULL;
}

void boehm_finalizer_condemn(uint32_t group)
{
    uint32_t group_count = 0;
    if (group != GC_EVERY_GROUP) {
        condemn_group(group);
        return;
    }
    (void)GC_call_with_alloc_lock(group_count_locked, &group_count);
    for (uint32_t each = 0; each < group_count; each++)
        condemn_group(each);
}

static bool is_watching(const list_node *ring)
{
    for (const list_node *link = ring->next; link != ring; link = link->next)
        if (LIST_OWNER(link, gc_finalizer, sibling)->state == GC_FINALIZER_WATCHING)
            return true;
    return false;
}

typedef struct watching_call {
    uint32_t group;
    bool found;
} watching_call;

static void *watching_locked(void *argument)
{
    watching_call *call = argument;
    const finalizer_group *of = &watched.groups[call->group];
    call->found = is_watching(&of->watched) || is_watching(&of->passed);
    return NULL;
}

bool boehm_finalizer_is_watching(uint32_t group)
{
    watching_call call = {.group = group};
    (void)GC_call_with_alloc_lock(watching_locked, &call);
    return call.found;
}
