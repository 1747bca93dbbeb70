/* SPDX-License-Identifier: MIT */
/*
 * The manual host: no collector. The program says which handles and objects have died; everything else is as on a
 * collector, and nothing happens that the program did not say. For hosts with their own collector, for ThreadSanitizer,
 * and for tests that must decide when a death is found.
 */
#include "base/assert.h"
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "base/list.h"
#include "gc/gc_host.h"
#include "gc/lane.h"
#include "platform/platform.h"
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->object = NULL) /* manual_finalizer_add looks for it */
/* The default one falls through its cases without saying so, which clang warns of where the macro is used. */
#define HASH_FUNCTION(key, size, out_hash) HASH_OAT(key, size, out_hash)
#include <uthash.h>

/* Invariant: every finalizer whose object has not died is on the ring of its group. */
typedef struct group_rings {
    list_node live;       /* blocks */
    list_node finalizers; /* that watch */
} group_rings;

/* Where a handle's block is. A block is on the list of its stage and on no other. */
typedef enum block_stage {
    BLOCK_LIVE,      /* the program has it */
    BLOCK_GATHERED,  /* dropped in a collection that has not ended */
    BLOCK_CONDEMNED, /* in the critical lane */
    BLOCK_TAKEN,     /* taken from the lane, not yet settled: on no list */
    BLOCK_KEPT,      /* dropped, and somebody may still give a reference back */
    BLOCK_GONE,      /* to be given back by the last to unpin it: on no list */
    BLOCK_FREE       /* of no handle; who ends a lease may still pin it, and then it waits */
} block_stage;

/*
 * In front of every handle.
 * Invariant: link is on the ring that stage names. The memory is freed only once dropped, and while pins is 0; stage is
 * BLOCK_GONE only while it is not.
 */
typedef struct block {
    list_node link;
    block_stage stage;
    uint32_t group;
    gc_reason reason;
    bool dropped;
    size_t pins; /* who looks at it after reveal */
} block;

/* The finalizers of one object. Invariant: object is not NULL; newest is not NULL. */
typedef struct owner {
    void *object;
    gc_finalizer *newest;
    UT_hash_handle hh;
} owner;

/*
 * A collection that a thread has begun and not ended: what it reported since. On the host's list, so that unload and
 * suppress reach what is in it, and not in thread-local memory, which a forked child does not have of other threads.
 * Invariant: the host's mutex covers every field but depth, which is the thread's own and at least 1.
 */
typedef struct gathering {
    list_node link;
    unsigned depth;
    list_node handles;
    gc_lane finalizers;
} gathering;

/* NULL outside a collection. Initial-exec: see thread/thread.c. */
static _Thread_local __attribute__((tls_model("initial-exec"))) gathering *begun_here;

/* Invariant: mutex covers every field. */
static struct {
    platform_mutex mutex;
    gc_client client;
    void (*collect)(void *data);
    void *collect_data;
    group_rings *groups; /* by number */
    uint32_t group_count;
    list_node condemned;
    list_node kept;
    list_node gatherings;
    list_node free_blocks; /* of no handle */
    size_t condemned_count;
    size_t batch_count; /* of those, how many the closed batch may take */
    gc_batches batches;
    gc_lane normal_lane;
    owner *owners;
} host = {.mutex = PLATFORM_MUTEX_INIT,
          .condemned = {&host.condemned, &host.condemned},
          .kept = {&host.kept, &host.kept},
          .gatherings = {&host.gatherings, &host.gatherings},
          .free_blocks = {&host.free_blocks, &host.free_blocks},
          .batches = GC_BATCHES_INIT};

static void lock_host(void)
{
    platform_mutex_lock(&host.mutex);
}

static void unlock_host(void)
{
    platform_mutex_unlock(&host.mutex);
}

static gathering *gathering_after(const list_node *link)
{
    return link->next == &host.gatherings ? NULL : LIST_OWNER(link->next, gathering, link);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* With the mutex held. */
static bool open_group(uint32_t group)
{
    if (host.groups == NULL)
        host.groups = platform_pages_map((size_t)GC_GROUPS * sizeof *host.groups);
    if (host.groups == NULL)
        return false;
    for (; host.group_count <= group; host.group_count++) {
        list_init(&host.groups[host.group_count].live);
        list_init(&host.groups[host.group_count].finalizers);
    }
    return true;
}

static bool manual_group_open(uint32_t group)
{
    lock_host();
    bool opened = open_group(group);
    unlock_host();
    return opened;
}

/* The rings of the group: one, or all. */
static group_rings *rings_of(uint32_t group, uint32_t *out_count)
{
    bool every = group == GC_EVERY_GROUP;
    *out_count = every ? host.group_count : 1;
    return every ? host.groups : &host.groups[group];
}

/* ---- handles ----------------------------------------------------------------------------------------------------- */

/* Keeps the handle as aligned as malloc makes the block. */
enum { BLOCK_SIZE_BYTES = (sizeof(block) + 15) / 16 * 16 };

static void *block_handle(block *of)
{
    return (char *)of + BLOCK_SIZE_BYTES;
}

static block *handle_block(void *handle)
{
    return (block *)(void *)((char *)handle - BLOCK_SIZE_BYTES);
}

static block *link_block(list_node *link)
{
    return LIST_OWNER(link, block, link);
}

static void move_block(block *moved, list_node *ring, block_stage stage)
{
    list_remove(&moved->link);
    list_append(ring, &moved->link);
    moved->stage = stage;
}

/* Kept for the next handle: who ends a lease reads the handle's state once more, after its last trace of the lease is
 * gone, and what it then reads has to be a state. */
static void give_memory(block *given)
{
    given->stage = BLOCK_FREE;
    list_append(&host.free_blocks, &given->link);
}

static void free_block(block *freed)
{
    list_remove(&freed->link);
    if (freed->pins > 0)
        freed->stage = BLOCK_GONE;
    else
        give_memory(freed);
}

/* With the mutex held. NULL: there is none that nobody looks at. */
static block *take_free_block(void)
{
    for (list_node *link = host.free_blocks.next; link != &host.free_blocks; link = link->next) {
        block *found = link_block(link);
        if (found->pins > 0)
            continue;
        list_remove(link);
        *found = (block){.pins = 0};
        return found;
    }
    return NULL;
}

static block *take_memory(size_t size_bytes)
{
    lock_host();
    block *taken = take_free_block();
    unlock_host();
    return taken != NULL ? taken : calloc(1, BLOCK_SIZE_BYTES + size_bytes);
}

/* Word by word, and the first one last: it is the state, for whoever is left from the handle before. */
static void write_contents(void *handle, const void *contents, size_t size_bytes)
{
    ASSERT(size_bytes % sizeof(word_t) == 0);
    atomic_word *to = handle;
    const atomic_word *from = contents;
    for (size_t i = size_bytes / sizeof *to; i-- > 0;)
        atomic_word_store_release(&to[i], atomic_word_load(&from[i]));
}

static void *allocate_handle(const void *contents, size_t size_bytes, uint32_t group)
{
    block *made = FAILS_HERE("gc.handle") ? NULL : take_memory(size_bytes);
    if (made == NULL)
        return NULL;
    list_init(&made->link);
    made->group = group;
    write_contents(block_handle(made), contents, size_bytes);
    lock_host();
    move_block(made, &host.groups[group].live, BLOCK_LIVE);
    unlock_host();
    return block_handle(made);
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static size_t manual_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                                      size_t count)
{
    KEEP_ERRNO;
    size_t made = 0;
    while (made < count && (out_handles[made] = allocate_handle(contents, size_bytes, group)) != NULL)
        made++;
    return made;
}

static void condemn(block *condemned, gc_reason reason)
{
    condemned->reason = reason;
    move_block(condemned, &host.condemned, BLOCK_CONDEMNED);
    host.condemned_count++;
}

/* A dropped block outside the lane goes where its handle's state sends it. */
static void judge_dropped(block *dropped)
{
    switch (host.client.judge(block_handle(dropped))) {
    case GC_FORGET:
        free_block(dropped);
        break;
    case GC_KEEP:
        move_block(dropped, &host.kept, BLOCK_KEPT);
        break;
    case GC_CONDEMN:
        condemn(dropped, GC_DEATH);
        break;
    }
}

static void judge_ring(list_node *ring)
{
    list_node waiting;
    list_init(&waiting);
    list_splice(&waiting, ring);
    for (list_node *link; (link = list_take_first(&waiting)) != NULL;)
        judge_dropped(link_block(link));
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static sh_status manual_drop_handle(void *handle)
{
    block *dropped = handle_block(handle);
    lock_host();
    sh_status status = dropped->dropped ? SH_E_ARGUMENT : SH_OK;
    bool found = false;
    if (status == SH_OK) {
        dropped->dropped = true;
        if (dropped->stage == BLOCK_LIVE && begun_here != NULL) {
            move_block(dropped, &begun_here->handles, BLOCK_GATHERED);
        } else if (dropped->stage == BLOCK_LIVE) {
            judge_dropped(dropped);
            found = true;
        }
    }
    unlock_host();
    if (found)
        host.client.deaths_found();
    return status;
}

static size_t manual_condemned_take(void **out_handles, size_t most, gc_reason *out_reason)
{
    size_t count = 0;
    lock_host();
    for (; count < most && count < host.batch_count; count++) {
        block *next = link_block(host.condemned.next);
        if (count > 0 && next->reason != *out_reason)
            break;
        list_remove(&next->link);
        next->stage = BLOCK_TAKEN;
        *out_reason = next->reason;
        out_handles[count] = block_handle(next);
    }
    host.batch_count -= count;
    host.condemned_count -= count;
    unlock_host();
    return count;
}

static void settle(block *settled, gc_verdict verdict)
{
    if (!settled->dropped)
        move_block(settled, &host.groups[settled->group].live, BLOCK_LIVE); /* unloaded, and the program has it still */
    else if (verdict == GC_FORGET)
        free_block(settled);
    else
        move_block(settled, &host.kept, BLOCK_KEPT);
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void manual_condemned_settle(void *const *handles, const gc_verdict *verdicts, size_t count)
{
    lock_host();
    for (size_t i = 0; i < count; i++)
        settle(handle_block(handles[i]), verdicts[i]);
    unlock_host();
}

/* To the front, so that they are in the batch and not behind it. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void manual_condemned_return(void *const *handles, size_t count, gc_reason reason)
{
    list_node others;
    list_init(&others);
    lock_host();
    list_splice(&others, &host.condemned);
    for (size_t i = 0; i < count; i++) {
        block *returned = handle_block(handles[i]);
        ASSERT(returned->reason == reason);
        move_block(returned, &host.condemned, BLOCK_CONDEMNED);
    }
    (void)reason;
    list_splice(&host.condemned, &others);
    host.condemned_count += count;
    host.batch_count += count;
    unlock_host();
}

/* What the program has dropped in a collection that has not ended dies now. */
static void judge_gathered(uint32_t group)
{
    for (gathering *g = gathering_after(&host.gatherings); g != NULL; g = gathering_after(&g->link))
        for (list_node *link = g->handles.next; link != &g->handles;) {
            block *gathered = link_block(link);
            link = link->next;
            if (gc_group_is(gathered->group, group)) {
                list_remove(&gathered->link);
                judge_dropped(gathered);
            }
        }
}

static void manual_handle_condemn(uint32_t group)
{
    lock_host();
    uint32_t count;
    group_rings *rings = rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        for (list_node *link; (link = list_take_first(&rings[i].live)) != NULL;)
            condemn(link_block(link), GC_UNLOAD);
    judge_gathered(group);
    unlock_host();
    host.client.deaths_found();
}

static void visit_ring(const list_node *ring, uint32_t group, void (*visit)(void *handle, void *data), void *data)
{
    for (list_node *link = ring->next; link != ring; link = link->next) {
        block *visited = link_block(link);
        if (gc_group_is(visited->group, group))
            visit(block_handle(visited), data);
    }
}

static void manual_visit_watched(uint32_t group, void (*visit)(void *handle, void *data), void *data)
{
    lock_host();
    uint32_t count;
    const group_rings *rings = rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        visit_ring(&rings[i].live, group, visit, data);
    visit_ring(&host.condemned, group, visit, data);
    visit_ring(&host.kept, group, visit, data);
    for (gathering *g = gathering_after(&host.gatherings); g != NULL; g = gathering_after(&g->link))
        visit_ring(&g->handles, group, visit, data);
    unlock_host();
}

/* Inside a visit, with the mutex held. */
static void manual_pin(void *handle)
{
    handle_block(handle)->pins++;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void *manual_reveal(const atomic_word *hidden)
{
    void *handle = NULL;
    lock_host();
    /* A block is freed with the lock held, after its handle's word was changed: what is found here is there. Acquire:
     * and it is as it was when the word was written, which is done without the lock. */
    word_t word = atomic_word_load_acquire(hidden);
    if (word != 0) {
        handle = gc_unhide(word);
        handle_block(handle)->pins++;
    }
    unlock_host();
    return handle;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void manual_unpin(void *handle_or_null)
{
    if (handle_or_null == NULL)
        return;
    block *pinned = handle_block(handle_or_null);
    lock_host();
    ASSERT(pinned->pins > 0);
    if (--pinned->pins == 0 && pinned->stage == BLOCK_GONE)
        give_memory(pinned);
    unlock_host();
}

/* ---- normal finalizers ------------------------------------------------------------------------------------------- */

static sh_status manual_finalizer_add(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group)
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
    lock_host();
    owner *known;
    HASH_FIND_PTR(host.owners, &object, known);
    if (!host.client.admits(group)) {
        free(made);
        free(fresh);
        status = SH_E_CLOSED;
    } else if (known != NULL) {
        made->earlier = known->newest;
        known->newest = made;
        free(fresh);
    } else {
        *fresh = (owner){.object = object, .newest = made};
        HASH_ADD_PTR(host.owners, object, fresh);
        if (fresh->object == NULL) {
            free(made);
            free(fresh);
            status = SH_E_NOMEM;
        }
    }
    if (status == SH_OK)
        list_append(&host.groups[group].finalizers, &made->sibling);
    unlock_host();
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
    HASH_DEL(host.owners, taken);
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

/* Into the open batch. */
static void make_due(gc_lane *dead)
{
    for (gc_finalizer *f; (f = gc_lane_take(dead)) != NULL;) {
        gc_batches_count(&host.batches, f);
        gc_lane_append(&host.normal_lane, f);
    }
}

static void make_object_due(owner *dead)
{
    gc_lane lane = {NULL, NULL};
    append_all(&lane, take_owner(dead));
    make_due(&lane);
}

static sh_status manual_drop_object(void *object)
{
    lock_host();
    owner *dead;
    HASH_FIND_PTR(host.owners, &object, dead);
    sh_status status = dead == NULL ? SH_E_ARGUMENT : SH_OK;
    if (dead != NULL && begun_here != NULL)
        append_all(&begun_here->finalizers, take_owner(dead));
    else if (dead != NULL)
        make_object_due(dead);
    unlock_host();
    if (status == SH_OK && begun_here == NULL)
        host.client.deaths_found();
    return status;
}

static void discard_all(gc_finalizer *first)
{
    while (first != NULL) {
        gc_finalizer *next = first->next;
        gc_batches_done(&host.batches, first);
        free(first);
        first = next;
    }
}

static void manual_finalizer_remove(void *object)
{
    lock_host();
    owner *known;
    HASH_FIND_PTR(host.owners, &object, known);
    if (known != NULL)
        discard_all(take_owner(known));
    discard_all(gc_lane_take_object(&host.normal_lane, object));
    for (gathering *g = gathering_after(&host.gatherings); g != NULL; g = gathering_after(&g->link))
        discard_all(gc_lane_take_object(&g->finalizers, object));
    unlock_host();
}

static gc_finalizer *manual_finalizer_take(void)
{
    lock_host();
    gc_finalizer *taken = gc_lane_take(&host.normal_lane);
    unlock_host();
    return taken;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void manual_finalizer_done(gc_finalizer *finalizer)
{
    lock_host();
    gc_batches_done(&host.batches, finalizer);
    unlock_host();
    free(finalizer);
}

/* With each, the others of its object. */
static void make_ring_due(const list_node *finalizers)
{
    while (!list_is_empty(finalizers)) {
        const void *object = gc_unhide(LIST_OWNER(finalizers->next, gc_finalizer, sibling)->hidden_object);
        owner *dead;
        HASH_FIND_PTR(host.owners, &object, dead);
        ASSERT(dead != NULL);
        make_object_due(dead);
    }
}

static void make_gathered_due(gc_lane *gathered, uint32_t group)
{
    gc_lane due = {NULL, NULL}, kept = {NULL, NULL};
    for (gc_finalizer *f; (f = gc_lane_take(gathered)) != NULL;)
        gc_lane_append(gc_group_is(f->group, group) ? &due : &kept, f);
    make_due(&due);
    *gathered = kept;
}

static void manual_finalizer_condemn(uint32_t group)
{
    lock_host();
    uint32_t count;
    const group_rings *rings = rings_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        make_ring_due(&rings[i].finalizers);
    for (gathering *g = gathering_after(&host.gatherings); g != NULL; g = gathering_after(&g->link))
        make_gathered_due(&g->finalizers, group);
    unlock_host();
    host.client.deaths_found();
}

static bool has_gathered(const gc_lane *gathered, uint32_t group)
{
    for (const gc_finalizer *f = gathered->first; f != NULL; f = f->next)
        if (f->group == group)
            return true;
    return false;
}

static bool manual_finalizer_is_watching(uint32_t group)
{
    lock_host();
    bool found = !list_is_empty(&host.groups[group].finalizers);
    for (gathering *g = gathering_after(&host.gatherings); g != NULL && !found; g = gathering_after(&g->link))
        found = has_gathered(&g->finalizers, group);
    unlock_host();
    return found;
}

/* ---- collections and batches ------------------------------------------------------------------------------------- */

static sh_status manual_collection_begin(void)
{
    KEEP_ERRNO;
    if (begun_here != NULL) {
        begun_here->depth++;
        return SH_OK;
    }
    gathering *begun = FAILS_HERE("gc.gathering") ? NULL : malloc(sizeof *begun);
    if (begun == NULL)
        return SH_E_NOMEM;
    *begun = (gathering){.depth = 1};
    list_init(&begun->link);
    list_init(&begun->handles);
    lock_host();
    list_append(&host.gatherings, &begun->link);
    unlock_host();
    begun_here = begun;
    return SH_OK;
}

static void publish_gathered(void)
{
    gathering *ended = begun_here;
    begun_here = NULL;
    lock_host();
    make_due(&ended->finalizers);
    judge_ring(&ended->handles);
    list_remove(&ended->link);
    unlock_host();
    free(ended);
    host.client.deaths_found();
}

static sh_status manual_collection_end(void)
{
    if (begun_here == NULL)
        return SH_E_ARGUMENT;
    if (--begun_here->depth == 0)
        publish_gathered();
    return SH_OK;
}

static void manual_collect(void)
{
    if (host.collect != NULL)
        host.collect(host.collect_data);
}

static void manual_batch_close(void)
{
    lock_host();
    judge_ring(&host.kept);
    gc_batches_close(&host.batches);
    host.batch_count = host.condemned_count;
    unlock_host();
}

static size_t manual_batch_pending(void)
{
    lock_host();
    size_t pending = host.batches.pending_closed;
    unlock_host();
    return pending;
}

static void manual_batch_abandon(void)
{
    lock_host();
    gc_batches_abandon(&host.batches);
    unlock_host();
}

static bool manual_has_work(void)
{
    lock_host();
    bool work = host.condemned_count > 0 || host.normal_lane.first != NULL;
    unlock_host();
    return work;
}

/* ---- start, threads, fork ---------------------------------------------------------------------------------------- */

static sh_status manual_start(const gc_client *client, const sh_options *options)
{
    lock_host();
    if (host.client.judge == NULL) /* the same at every start, and read without the lock by who drops one */
        host.client = *client;
    host.collect = options->collect;
    host.collect_data = options->collect_data;
    bool opened = open_group(0);
    unlock_host();
    return opened ? SH_OK : SH_E_NOMEM;
}

static void manual_stop(void)
{
    lock_host();
    judge_ring(&host.kept);
    unlock_host();
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static sh_status manual_thread_enter(bool *out_entered)
{
    *out_entered = true;
    return SH_OK;
}

/* A thread that ends inside a collection has still reported its deaths. */
SH_RELIABILITY(will_not_corrupt_state, success)
static void manual_thread_leave(void)
{
    if (begun_here != NULL)
        publish_gathered();
}

static void manual_thread_answer(void)
{
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void *manual_scanned_allocate(size_t size_bytes)
{
    KEEP_ERRNO;
    return FAILS_HERE("gc.scanned") ? NULL : calloc(1, size_bytes);
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void no_queue(void)
{
}

const gc_host gc_host_manual = {
    .collector = SH_COLLECTOR_MANUAL,
    .start = manual_start,
    .stop = manual_stop,
    .thread_enter = manual_thread_enter,
    .thread_leave = manual_thread_leave,
    .thread_answer = manual_thread_answer,
    .group_open = manual_group_open,
    .handles_allocate = manual_handles_allocate,
    .handles_at_once = 1, /* each is a block of malloc's anyway, and one that is not used has to be dropped */
    .scanned_allocate = manual_scanned_allocate,
    .scanned_free = free,
    .reveal = manual_reveal,
    .unpin = manual_unpin,
    .collect = manual_collect,
    .finalizer_add = manual_finalizer_add,
    .finalizer_remove = manual_finalizer_remove,
    .finalizer_take = manual_finalizer_take,
    .finalizer_done = manual_finalizer_done,
    .finalizer_condemn = manual_finalizer_condemn,
    .finalizer_is_watching = manual_finalizer_is_watching,
    .queue_drain = no_queue,
    .queue_lost = no_queue,
    .batch_close = manual_batch_close,
    .batch_pending = manual_batch_pending,
    .batch_abandon = manual_batch_abandon,
    .condemned_take = manual_condemned_take,
    .condemned_settle = manual_condemned_settle,
    .condemned_return = manual_condemned_return,
    .has_work = manual_has_work,
    .handle_condemn = manual_handle_condemn,
    .visit_watched = manual_visit_watched,
    .pin = manual_pin,
    .drop_handle = manual_drop_handle,
    .drop_object = manual_drop_object,
    .collection_begin = manual_collection_begin,
    .collection_end = manual_collection_end,
    .fork_before = lock_host,
    .fork_after = unlock_host,
};
