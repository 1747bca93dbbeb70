/* SPDX-License-Identifier: MIT */
/*
 * Constrained regions and aborts: between opening an OS object and storing it in a handle, nothing of ours can fail,
 * and nobody tears the thread away.
 *
 *     sh_reserve reserve = {.handle_count = 1, .stack_bytes = 64 * 1024};
 *     SH_CONSTRAINED_WITH (&reserve, status) {
 *         … open, sh_create, sh_set_handle …
 *     }
 *
 * sh_region_enter does beforehand all that can fail: it attaches the thread, makes the announced handles, grows the
 * stack and resolves the announced functions. From then until sh_region_leave
 *
 *   memory        making, storing, leasing and closing what was announced allocates nothing, and never answers
 *                 SH_E_NOMEM; what was not announced is made as outside, and may
 *   cancellation  pthread_cancel is deferred; so is sh_thread_abort
 *   signals       are blocked when the reserve asks for it; without that, a handler that jumps out (siglongjmp) takes
 * the thread away in the middle, and leaves the region open waiting       the open helpers do not collect and try again
 * when descriptors run out
 *
 * What a region cannot promise: calls of the program's own inside it that allocate, jump, or call pthread_exit; and the
 * collector may stop the thread for a collection, as anywhere. docs/regions.md says which locks are taken inside.
 *
 *   sh_region_enter, _leave, _end   any thread, for itself; a region is left on the thread that entered it
 *   sh_thread_abort                 any thread; at the same time as anything
 *   sh_safepoint                    any thread, for itself
 *
 * Regions nest. Cancellation comes back with the outermost; signals with the one that asked for them to be blocked
 * first. The end of a thread leaves its regions, and gives back what they had in reserve. After fork the child's one
 * thread is still in its regions, with what was prepared for them.
 *
 * Source: document 003: "once inside CLR will defer all rude failures such as thread abort until after the final
 * instruction of the CER"; it prepares eagerly, "so that any failure is caught before we enter".
 */
#ifndef SAFEHANDLE_REGION_H
#define SAFEHANDLE_REGION_H

#include <safehandle/export.h>
#include <safehandle/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* A function that is looked up and bound before the region begins, so that its first call inside does not. Cast address
 * to the function's own type. */
typedef struct sh_function {
    const char *name;      /* as the dynamic loader knows it: "open" */
    void (*address)(void); /* written by sh_region_enter */
} sh_function;

/* What a region needs inside. A zeroed struct means nothing. Grows at the end. */
typedef struct sh_reserve {
    size_t handle_count; /* handles that will be made: by sh_create, sh_wrap, sh_duplicate and the open helpers (a pipe
                            takes two); also by those that fail after their arguments were accepted */
    size_t lease_count;  /* leases that will be open at one time, beside those that are open now */
    size_t stack_bytes;  /* the deepest the calls inside will go, with the program's signal handlers on top of them */
    sh_function *functions; /* function_count of them; written by enter, all or none */
    size_t function_count;
    bool
        block_signals; /* all but those that a fault raises (SIGSEGV and its like) and those the collector stops threads
                          with. Also the one with which a sh_close_wait on another thread wakes whoever leases */
} sh_reserve;

/* Lives on the caller's stack; its fields are the library's.
 * Invariant: thread is NULL (zeroed, or left), or it is open, the depth-th of that thread from outside; the others say
 * what to go back to. */
typedef struct sh_region {
    void *thread;
    void *outer_stock;
    size_t outer_lease_count;
    size_t depth;
    void *reserved[4];
} sh_region;

/*
 * Enters a region. Fails here, with nothing prepared and nothing deferred, or not at all. The reserve and the names in
 * it are not looked at any more when it returns.
 *
 * SH_E_ARGUMENT     null, or the reserve names a function that nobody exports
 * SH_E_CLOSED       the runtime is not running; or handles are announced, and the domain that they are for is unloaded
 * SH_E_NOMEM        no memory for what was announced, or less stack
 * SH_E_SYSTEM       the size of the thread's stack could not be found out: errno says why
 * SH_E_UNSUPPORTED  the reserve asks for something that this library does not know; or for stack, where the thread runs
 *                   on one that the system knows nothing of (a coroutine's)
 */
SH_MUST_CHECK SH_API sh_status sh_region_enter_at(sh_region *region, const sh_reserve *reserve_or_null,
                                                  size_t reserve_size_bytes);
SH_MUST_CHECK SH_API sh_status sh_region_enter(sh_region *region, const sh_reserve *reserve_or_null);

/*
 * Leaves the region: what it had in reserve is given back, and what the outermost deferred is let through, cancellation
 * at the thread's next cancellation point.
 *
 * SH_E_ABORTED   it is left, and an abort was asked for: the caller ends what the thread does. Outermost region only
 * SH_E_ARGUMENT  null, or not the innermost region of the calling thread that is still open: nothing was left
 */
SH_MUST_CHECK SH_API sh_status sh_region_leave(sh_region *region);

/* The same for a way out on which nobody looks at a status: an abort stays pending for the next safepoint. Regions
 * inside of it that a jump (longjmp) has left open are left, too. Null, zeroed and left regions do nothing. */
SH_API void sh_region_end(sh_region *region);

/*
 * Asks a thread to abort: the rude abort of document 003. It is told once, however often it was asked for: by the next
 * sh_safepoint of that thread outside of regions, or by the leave of its outermost region. Nobody is woken: a thread
 * that is blocked in a system call finds out when it has returned. thread_id is gettid(2)'s.
 *
 * SH_E_ARGUMENT     no attached thread has this number
 * SH_E_UNSUPPORTED  it is a thread of ours
 */
SH_MUST_CHECK SH_API sh_status sh_thread_abort(int64_t thread_id);

/* Where the calling thread may be aborted: SH_E_ABORTED when it was asked for and it is in no region, else SH_OK. Costs
 * two loads. */
SH_MUST_CHECK SH_API sh_status sh_safepoint(void);

#define sh_region_enter(region, reserve_or_null) sh_region_enter_at((region), (reserve_or_null), sizeof(sh_reserve))

/*
 * SH_CONSTRAINED(status) { … }    SH_CONSTRAINED_WITH(&reserve, status) { … }
 *
 * Enters a region and runs the block once with status == SH_OK; when it cannot be entered, sets status and skips the
 * block. At the block's end, and after continue, the region is left, and status becomes SH_E_ABORTED when that is due;
 * otherwise it is as the block left it. return, goto and break leave the region, too, and an abort stays pending for
 * the next safepoint.
 */
#if defined(__GNUC__)
static inline sh_region *sh_region_left_(sh_region *region, sh_status *status)
{
    sh_status left = sh_region_leave(region);
    if (left != SH_OK)
        *status = left;
    return NULL;
}

#define SH_CONSTRAINED(status) SH_CONSTRAINED_LINE_(NULL, status, __LINE__)
#define SH_CONSTRAINED_WITH(reserve_or_null, status) SH_CONSTRAINED_LINE_(reserve_or_null, status, __LINE__)
#define SH_CONSTRAINED_LINE_(reserve, status, line) SH_CONSTRAINED_AT_(reserve, status, line)
#define SH_CONSTRAINED_AT_(reserve, status, line)                                                                      \
    SH_CONSTRAINED_NAMED_(reserve, status, sh_region_##line, sh_inside_##line)
#define SH_CONSTRAINED_NAMED_(reserve, status, scope, inside)                                                          \
    for (sh_region scope __attribute__((cleanup(sh_region_end))) = {NULL, NULL, 0, 0, {NULL, NULL, NULL, NULL}},       \
                         *inside = &scope;                                                                             \
         inside; inside = NULL)                                                                                        \
        for ((status) = sh_region_enter(inside, (reserve)); inside && scope.thread;                                    \
             inside = sh_region_left_(inside, &(status)))
#endif

SH_END_DECLARATIONS

#endif
