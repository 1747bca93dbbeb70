/* SPDX-License-Identifier: MIT */
/*
 * New handles on Boehm's collector: objects of a kind of their own, which the collector gives by the page; each is
 * filled and watched in one step.
 */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "gc/boehm/boehm.h"
#include "gc/boehm/watch.h"
#include <gc/gc_disclaim.h>
#include <gc/gc_inline.h>

static unsigned handle_kind; /* 0 until the first start; the collector's own kinds come before ours */

void boehm_handle_kind_make(void)
{
    if (handle_kind != 0)
        return;
    handle_kind = GC_new_kind(GC_new_free_list(), GC_DS_LENGTH /* of 0: a leaf */, 0, 0);
    GC_register_disclaim_proc((int)handle_kind, boehm_keeps_memory, 0);
}

/*
 * New objects for handles, which the collector gives by the page: linked by their first words, with 0 at the end.
 * Invariant: covered by the allocation lock, but for incoming, which is the collector's while it fills it for the one
 * thread that is_filling names: it does so before a collection can begin. An object leaves first and is watched in one
 * step.
 */
static struct {
    void *first;
    void *incoming;
    atomic_word is_filling;
} fresh;

SH_RELIABILITY(will_not_corrupt_state, success)
static void mark_list(void *first)
{
    for (void *object = first; object != NULL; object = *(void **)object)
        GC_set_mark_bit(object);
}

/* They are leaves, so that the collector does not see one from another. Where the world has stopped. */
void boehm_handles_mark_fresh(void)
{
    mark_list(fresh.first);
    mark_list(fresh.incoming);
}

/* Objects of the size that the collector gives to whoever asks for one of size_bytes: it may add a byte. */
static size_t object_size_bytes(size_t size_bytes)
{
    return (size_bytes + 1 + GC_GRANULE_BYTES - 1) / GC_GRANULE_BYTES * GC_GRANULE_BYTES;
}

typedef struct watch_call {
    const void *contents;
    size_t size_bytes;
    uint32_t group;
    void **out_handles;
    size_t count;
    size_t watched;
    bool may_have_missed_one;
} watch_call;

/* A handle is whole words. */
static inline void fill(void *object, const watch_call *call)
{
    word_t *to = object;
    const word_t *from = call->contents;
    for (size_t i = 0, end = call->size_bytes / sizeof *to; i < end; i++)
        to[i] = from[i];
}

/* What is not watched after all is new again. */
static void take_back(watch_call *call, size_t end)
{
    while (end > call->watched) {
        void *object = call->out_handles[--end];
        *(void **)object = fresh.first;
        fresh.first = object;
    }
}

static void *watch_fresh_locked(void *argument)
{
    watch_call *call = argument;
    size_t end = call->watched;
    for (; end < call->count && fresh.first != NULL; end++) {
        void *object = fresh.first;
        fresh.first = *(void **)object;
        fill(object, call);
        call->out_handles[end] = object;
    }
    call->watched += watch_add(call->out_handles + call->watched, end - call->watched, call->group);
    take_back(call, end);
    call->may_have_missed_one = boehm_may_have_missed_one();
    return NULL;
}

static void *watch_incoming_locked(void *argument)
{
    if (fresh.first == NULL) {
        fresh.first = fresh.incoming;
        fresh.incoming = NULL;
    }
    return watch_fresh_locked(argument);
}

static void *watch_single_locked(void *argument)
{
    watch_call *call = argument;
    call->watched += watch_add(call->out_handles + call->watched, 1, call->group);
    return NULL;
}

/* The collector may run the program's finalizers, which may come here: so it is tried, and not waited for. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void allocate_many(watch_call *call)
{
    if (!atomic_word_swap_if(&fresh.is_filling, 0, 1))
        return;
    if (fresh.incoming == NULL)
        GC_generic_malloc_many(object_size_bytes(call->size_bytes), (int)handle_kind, &fresh.incoming);
    (void)GC_call_with_alloc_lock(watch_incoming_locked, call);
    atomic_word_store_release(&fresh.is_filling, 0); /* release: it has been looked at */
}

SH_RELIABILITY(will_not_corrupt_state, may_fail)
static void allocate_one(watch_call *call)
{
    void *single = GC_malloc_kind(call->size_bytes, (int)handle_kind);
    if (single == NULL)
        return;
    fill(single, call);
    call->out_handles[call->watched] = single;
    (void)GC_call_with_alloc_lock(watch_single_locked, call);
}

size_t boehm_handles_allocate(const void *contents, size_t size_bytes, uint32_t group, void **out_handles, size_t count)
{
    KEEP_ERRNO;
    if (FAILS_HERE("gc.handle"))
        return 0;
    watch_call call = {
        .contents = contents, .size_bytes = size_bytes, .group = group, .out_handles = out_handles, .count = count};
    size_t before;
    do {
        before = call.watched;
        (void)GC_call_with_alloc_lock(watch_fresh_locked, &call);
        if (call.watched < count)
            allocate_many(&call);
        if (call.watched == before) /* another thread is at it, or a finalizer inside it; or there is no memory */
            allocate_one(&call);
    } while (call.watched < count && call.watched > before);
    if (call.may_have_missed_one)
        (void)boehm_listen_again_if_replaced();
    return call.watched;
}

/* The collector's own fork handlers cover what its lock covers, and they run inside ours. In the child, who was filling
 * is gone; in the parent, two that fill at the same time lose nothing but new objects. */
void boehm_fork_after(void)
{
    atomic_word_store(&fresh.is_filling, 0);
}
