/* SPDX-License-Identifier: MIT */
/*
 * What the runtime asks of a collector, and what it gives it to call. Boehm's collector and the manual host implement
 * it; the program chooses one of them when it starts.
 *
 * Deaths. The host watches handles (leaf objects that it allocated for us) and owners (objects of the program that have
 * normal finalizers). When a collection is over it knows which are dead. Dead handles are condemned: they wait in the
 * critical lane, intact, however many collections pass. The finalizers of dead owners wait in the normal lane.
 *
 * Groups. What is unloaded together is found together: a group's handles and finalizers are walked without meeting
 * those of another group, except what waits in the lanes.
 *
 * Batches. batch_close draws a line: what died before it is the batch. condemned_take gives handles of the batch only,
 * and batch_pending counts the batch's normal finalizers that have not finished, among them those that the host has
 * not even handed over: an empty normal lane proves nothing.
 *
 *   judge, judge_dead,        called where the collector has stopped the world, its lock held: they allocate nothing,
 *   deaths_found              take no lock, wait for nothing
 *   admits                    called with the host's lock held: the same
 *   every other function      any registered thread, except that start, stop and the fork functions are called by the
 *                             runtime alone, one at a time
 */
#ifndef GC_GC_HOST_H
#define GC_GC_HOST_H

#include "base/atomic.h"
#include "base/list.h"
#include <safehandle/contract.h>
#include <safehandle/finalizer.h>
#include <safehandle/host.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to become of a watched handle that nothing reaches. */
typedef enum gc_verdict {
    GC_FORGET, /* nothing is left to do: its memory may go */
    GC_KEEP,   /* somebody may still come back for it: keep it and go on watching */
    GC_CONDEMN /* into the critical lane */
} gc_verdict;

/* Why a handle is in the critical lane. */
typedef enum gc_reason {
    GC_DEATH, /* nothing reaches it */
    GC_UNLOAD /* its group is unloaded, reachable or not */
} gc_reason;

enum { GC_TAKEN = 256 }; /* the most handles that are taken from the lane and not settled */

typedef struct gc_client {
    gc_verdict (*judge)(const void *handle) SH_RELIABILITY(will_not_corrupt_state, success);
    /* The same for many that nothing reaches, in a slot of a lease neither, while no thread is running. A collector's
     * only: a program that says so of a handle may still lease it. */
    void (*judge_dead)(void *const *handles, size_t count, gc_verdict *out_verdicts)
        SH_RELIABILITY(will_not_corrupt_state, success);
    void (*deaths_found)(void) SH_RELIABILITY(will_not_corrupt_state, success);
    uint32_t (*group_of)(const void *handle)
        SH_RELIABILITY(will_not_corrupt_state, success);                            /* the one it was allocated for */
    bool (*admits)(uint32_t group) SH_RELIABILITY(will_not_corrupt_state, success); /* it takes new finalizers */
} gc_client;

/*
 * Handles and finalizers that are unloaded together have a group, by number. Group 0 is there from the start; another
 * is there once group_open has answered true, and stays, so that its number can be used again.
 */
enum { GC_GROUPS = 1 << 16 };
#define GC_EVERY_GROUP UINT32_MAX

static inline bool gc_group_is(uint32_t group, uint32_t wanted)
{
    return wanted == GC_EVERY_GROUP || group == wanted;
}

/* The object lives; or has died and the finalizer is in the normal lane or running; or it has run or was suppressed;
 * or, in the child of a fork, it was in the hands of a thread that the child does not have. */
typedef enum gc_finalizer_state {
    GC_FINALIZER_WATCHING,
    GC_FINALIZER_DEAD,
    GC_FINALIZER_DONE,
    GC_FINALIZER_LOST
} gc_finalizer_state;

/*
 * A registered normal finalizer, in scanned memory, so that data stays alive. Allocated and freed by the host.
 * Invariant: object is set, and with it the object reachable from here, only while state is GC_FINALIZER_DEAD.
 */
typedef struct gc_finalizer {
    struct gc_finalizer *next;    /* in the normal lane, or among those to free */
    struct gc_finalizer *earlier; /* registered before this one for the same object */
    void *object;
    word_t hidden_object; /* the object, so that the collector does not see it */
    sh_finalizer *run;
    void *data;
    sh_site birth;
    gc_finalizer_state state;
    list_node sibling; /* among those of its group */
    uint32_t group;
    size_t batch;  /* the batch that counts it; 0: none does */
    void *foreign; /* the Boehm host's: what somebody else had registered for the object before; or NULL */
} gc_finalizer;

typedef struct gc_host {
    sh_collector collector;

    sh_status (*start)(const gc_client *client, const sh_options *options);
    void (*stop)(void);

    /* Makes the calling thread known to the collector. *out_entered: it was not, and thread_leave is owed. */
    sh_status (*thread_enter)(bool *out_entered) SH_RELIABILITY(will_not_corrupt_state, may_fail);
    void (*thread_leave)(void) SH_RELIABILITY(will_not_corrupt_state, success);
    /* Opens the signals by which the collector stops the calling thread, after every other was blocked. */
    void (*thread_answer)(void);

    /* Calls run(data), which touches nothing in the collector's heap, on a thread that it knows: a collection neither
     * interrupts it meanwhile nor waits for it. */
    void (*call_outside)(void (*run)(void *data), void *data);

    /* Makes a group usable; it may be one already. False: there is no memory. */
    bool (*group_open)(uint32_t group);

    /* Leaf memory, in so many pieces of one size, which is the same in every call; each has these contents and is
     * watched from now on, so that whoever meets it sees it whole. Answers how many were made, from the first on: fewer
     * than count where memory has run out. out_handles is scanned, or a stack. Nobody frees them.
     */
    size_t (*handles_allocate)(const void *contents, size_t size_bytes, uint32_t group, void **out_handles,
                               size_t count) SH_RELIABILITY(will_not_corrupt_state, may_fail);
    size_t handles_at_once; /* how many are best made together, when more are to be expected */
    /* Zeroed memory that is a root of the collector and is never moved or collected. */
    void *(*scanned_allocate)(size_t size_bytes)SH_RELIABILITY(will_not_corrupt_state, may_fail);
    void (*scanned_free)(void *memory) SH_RELIABILITY(will_not_corrupt_state, success);

    /* The handle behind a word that gc_hide made, or NULL when the word is 0. However it dies meanwhile, its memory
     * stays until unpin, which follows each reveal (NULL: nothing). The word must change before the handle may be
     * freed. */
    void *(*reveal)(const atomic_word *hidden)SH_RELIABILITY(will_not_corrupt_state, success);
    void (*unpin)(void *handle_or_null) SH_RELIABILITY(will_not_corrupt_state, success);

    /* A full collection. Deaths are known when it returns. */
    void (*collect)(void);

    /* Normal finalizers. add: SH_OK, SH_E_ARGUMENT, SH_E_NOMEM, SH_E_UNSUPPORTED; SH_E_CLOSED when the group does not
     * admit it, which is asked in one step with the adding: a condemnation that follows the refusal misses none.
     * remove: takes back those of object that have not died. take: the next dead one, NULL when there is none now.
     * done: after it has run. */
    sh_status (*finalizer_add)(void *object, sh_finalizer *run, void *data, sh_site birth, uint32_t group);
    void (*finalizer_remove)(void *object);
    gc_finalizer *(*finalizer_take)(void);
    void (*finalizer_done)(gc_finalizer *finalizer) SH_RELIABILITY(will_not_corrupt_state, success);
    /* Those of the group are due now, as if their objects had died; and with each, those of other groups on the same
     * object. */
    void (*finalizer_condemn)(uint32_t group);
    /* One of the group's is not due yet. */
    bool (*finalizer_is_watching)(uint32_t group);
    /* Runs what waits in the collector's own queue, where draining it is ours; it ends in finalizer_take. */
    void (*queue_drain)(void);
    /* In the child of a fork: whoever was draining it, or was condemning finalizers, is gone. What they had taken and
     * not handed over is suppressed by the next drain. */
    void (*queue_lost)(void) SH_RELIABILITY(will_not_corrupt_state, success);

    void (*batch_close)(void);
    size_t (*batch_pending)(void);
    /* The batch's pending ones are not waited for any longer. */
    void (*batch_abandon)(void);

    /* Up to most condemned handles of the batch, all for the same reason; answers how many, 0 when there are none. Each
     * is then settled, with GC_FORGET or GC_KEEP, or returned: it waits in the batch again, as if it had not been
     * taken. At most GC_TAKEN are taken at a time, by all callers together. */
    size_t (*condemned_take)(void **out_handles, size_t most, gc_reason *out_reason);
    void (*condemned_settle)(void *const *handles, const gc_verdict *verdicts, size_t count)
        SH_RELIABILITY(will_not_corrupt_state, success);
    void (*condemned_return)(void *const *handles, size_t count, gc_reason reason)
        SH_RELIABILITY(will_not_corrupt_state, success);
    /* Something waits in a lane, of any batch. */
    bool (*has_work)(void);
    /* Condemns the group's watched handles, for GC_UNLOAD. */
    void (*handle_condemn)(uint32_t group);
    /* visit is called for each watched handle of the group, condemned or not, in no order, with the host's lock held;
     * not for those that were taken from the lane and are not settled yet. visit may pin: see unpin. */
    void (*visit_watched)(uint32_t group, void (*visit)(void *handle, void *data), void *data);
    void (*pin)(void *handle);

    /* The manual host's own; NULL with a collector. */
    sh_status (*drop_handle)(void *handle) SH_RELIABILITY(will_not_corrupt_state, may_fail);
    sh_status (*drop_object)(void *object);
    sh_status (*collection_begin)(void); /* SH_OK, SH_E_NOMEM */
    sh_status (*collection_end)(void);   /* SH_E_ARGUMENT: none was begun */

    /* Around fork; after serves parent and child. */
    void (*fork_before)(void);
    void (*fork_after)(void);
} gc_host;

extern const gc_host gc_host_manual;
#ifdef SH_HAVE_BOEHM
extern const gc_host gc_host_boehm;
#endif

/* The host that the program chose; NULL until it has. Set once by the runtime while nothing else runs. */
extern const gc_host *gc;

/* A word that the collector does not take for a pointer. Never 0. */
static inline word_t gc_hide(const void *object)
{
    return ~(word_t)object;
}

static inline void *gc_unhide(word_t hidden)
{
    return (void *)~hidden;
}

#endif
