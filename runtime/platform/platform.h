/* SPDX-License-Identifier: MIT */
/*
 * What we need of the operating system. posix/ implements it; the build chooses the folder, no #ifdef does.
 *
 * Preconditions everywhere: pointers are not null. Times are milliseconds of a clock that never jumps; a deadline is a
 * moment of platform_now_ms, and PLATFORM_FOREVER is later than any. Functions that can fail answer 0 or an errno
 * value and leave errno alone.
 *
 *   may be called where the collector has stopped the world   platform_signal_post only: it takes no lock
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include "base/atomic.h"
#include <pthread.h>
#include <safehandle/contract.h>
#include <safehandle/kind.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLATFORM_FOREVER INT64_MAX

/* ---- time -------------------------------------------------------------------------------------------------------- */

SH_RELIABILITY(will_not_corrupt_state, success)
int64_t platform_now_ms(void);

/* The same clock, up to ten milliseconds behind, for a quarter of the price. */
SH_RELIABILITY(will_not_corrupt_state, success)
int64_t platform_now_coarse_ms(void);

/* now + timeout_ms; negative timeouts, and sums that do not fit, are PLATFORM_FOREVER. */
SH_RELIABILITY(will_not_corrupt_state, success)
int64_t platform_deadline(int64_t timeout_ms);

SH_RELIABILITY(will_not_corrupt_state, success)
void platform_sleep_ms(int64_t duration_ms);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Zeroed pages that the collector does not scan; resident only where touched. NULL when there are none. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
void *platform_pages_map(size_t size_bytes);
void platform_pages_unmap(void *pages, size_t size_bytes);

/* Zeroed memory of the C library, for what a caller keeps; NULL when there is none. */
void *platform_memory_allocate(size_t size_bytes);
void platform_memory_free(void *memory_or_null);

/* ---- mutual exclusion -------------------------------------------------------------------------------------------- */

typedef pthread_mutex_t platform_mutex;
typedef pthread_cond_t platform_condition;
#define PLATFORM_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER

SH_RELIABILITY(will_not_corrupt_state, success)
void platform_mutex_lock(platform_mutex *mutex);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_mutex_unlock(platform_mutex *mutex);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_condition_init(platform_condition *condition);
/* The same at the first call only, for a condition that has no start of its own. made is covered by its mutex. */
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_condition_init_once(platform_condition *condition, bool *made);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_condition_broadcast(platform_condition *condition);

/* Waits with the mutex given back. False when the deadline has passed. Wakes up for no reason, too. Cancellation is
 * held back: a thread torn out of the wait would keep the mutex for ever. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool platform_condition_wait(platform_condition *condition, platform_mutex *mutex, int64_t deadline);

/* ---- fences of two prices ---------------------------------------------------------------------------------------- */

/*
 * Two sides that each write a word of their own and then read the other's must each fence in between, or neither may
 * see the other. Where one side is rare, it pays for both: platform_barrier is a full fence on every thread of the
 * process that is running now, and the frequent side only keeps the compiler from reordering (inline.h).
 *
 * Source: membarrier(2), and the measurements of findings 14: a microsecond, some when other threads run.
 */

/* Not 0: the system has no such barrier, or has forbidden it since, and this errno value says why; from then on
 * the frequent side fences fully, too. */
extern atomic_word platform_barrier_missing;

/* Asks the system for it; may_ask: false on systems that end who asks. */
void platform_barrier_start(bool may_ask);

/* False: it is missing, and what the other side did before it fenced fully may still be unseen. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool platform_barrier(void);

/* The frequent side. */
static inline void platform_fence_light(void)
{
    if (__builtin_expect(atomic_word_load(&platform_barrier_missing) != 0, 0))
        atomic_fence_full();
    __asm__ volatile("" ::: "memory");
}

/* The rare side, where what a failing barrier leaves unseen is found later. */
SH_RELIABILITY(will_not_corrupt_state, success)
static inline void platform_fence_heavy(void)
{
    if (!platform_barrier()) /* may fail here: see above */
        atomic_fence_full();
}

/* ---- signals: a counter that one side posts and one side waits for. A wake-up call: what is to be seen after it is
 * guarded by a lock of its own. ------------------------------------------------------------------------------------ */

typedef sem_t platform_signal;

SH_RELIABILITY(will_not_corrupt_state, success)
void platform_signal_init(platform_signal *signal);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_signal_post(platform_signal *signal);
/* Takes one post; false when the deadline has passed without one. Cancellation is held back. */
bool platform_signal_wait(platform_signal *signal, int64_t deadline);
/* Takes every post that is there. */
void platform_signal_drain(platform_signal *signal);

/* ---- threads ----------------------------------------------------------------------------------------------------- */

/* What a thread of ours does. ended runs on the thread, last, however it ends: returned tells whether run came back,
 * or called pthread_exit or was cancelled. Cancellation is off, and every signal that the program might handle is
 * blocked, when run begins. */
typedef struct platform_thread_plan {
    const char *name; /* at most 15 bytes */
    void (*run)(void *data);
    void (*ended)(void *data, bool returned);
} platform_thread_plan;

/* Starts a detached thread. plan must live as long as the thread. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
int platform_thread_start(const platform_thread_plan *plan, void *data);

/* What every thread of ours calls first and last. begin answers false when there was no memory: it is tried again. */
typedef struct platform_thread_hooks {
    bool (*begin)(void);
    void (*end)(void);
} platform_thread_hooks;

/* How long whoever starts the runtime waits for a thread to begin. Boehm's collector ends the process when a thread
 * makes itself known while there is no memory: better now than later. */
enum { PLATFORM_BEGIN_MS = 1000 };

/* Calls begin until it succeeds, or until wanted(data) is false: then false. */
bool platform_thread_begin(const platform_thread_hooks *hooks, bool (*wanted)(void *data), void *data);

/* The calling thread's number, as the system's own tools show it. */
SH_RELIABILITY(will_not_corrupt_state, success)
int64_t platform_thread_id(void);

/* Has at_end(value) called at the end of every thread that set a value, and once more when at_end set one again. Called
 * once, before any value is set. */
int platform_thread_end_register(void (*at_end)(void *value));
SH_RELIABILITY(will_not_corrupt_state, may_fail)
int platform_thread_end_set(void *value_or_null);

/* Holds cancellation of the calling thread back, and lets it through again. Nests by the token. */
typedef int platform_cancel_token;
SH_RELIABILITY(will_not_corrupt_state, success)
platform_cancel_token platform_cancel_hold(void);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_cancel_restore(platform_cancel_token token);

/* Blocks every signal of the calling thread that a program might handle, and lets those through again that were not
 * blocked before. The synchronous ones (SIGSEGV and its like) stay open: they mean this very thread. */
typedef sigset_t platform_signal_mask;
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_signals_block(platform_signal_mask *out_before);
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_signals_restore(const platform_signal_mask *before);

/* Has at_exit called when the process ends by return from main or by exit. */
int platform_exit_register(void (*at_exit)(void));

/* Calls run(data). When that ends its thread (pthread_exit, cancellation) instead of returning, torn(data) is called on
 * the thread's way out. */
void platform_call_guarded(void (*run)(void *data), void (*torn)(void *data), void *data);

/* Has these called around every fork: before, and after in the parent and in the child. */
int platform_fork_register(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* ---- what would otherwise happen at its first use ---------------------------------------------------------------- */

/* Touches every page of the calling thread's stack for size_bytes from here downwards, so that it grows now. ENOMEM:
 * the stack has less room than that. ENOTSUP: the thread runs on a stack that the system knows nothing of (a
 * coroutine's). Otherwise why the system could not say how large it is. */
int platform_stack_touch(size_t size_bytes);

/* The function of this name in the program or in any library that it has loaded, bound; NULL: there is none. */
typedef void platform_function(void);
platform_function *platform_function_find(const char *name);

/* ---- file descriptors. All are made with CLOEXEC. ---------------------------------------------------------------- */

SH_RELIABILITY(will_not_corrupt_state, success)
int platform_descriptor_close(sh_raw raw); /* one close(2), no cancellation point; EINTR counts as closed */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
int platform_descriptor_duplicate(sh_raw raw, sh_raw *out_copy);
int platform_descriptor_open(const char *path, int flags, unsigned mode, sh_raw *out_raw);
int platform_descriptor_socket(int family, int type, int protocol, sh_raw *out_raw);
int platform_descriptor_pipe(int flags, sh_raw *out_read_end, sh_raw *out_write_end);
int platform_descriptor_event(unsigned initial_count, int flags, sh_raw *out_raw);
bool platform_descriptors_ran_out(int os_error);

/* The kernel's numbers are ints. A raw value that is none would name another descriptor after the cast. */
static inline bool platform_is_descriptor(sh_raw raw)
{
    return raw == (int)raw;
}

/* ---- waking threads that are blocked in calls on a descriptor ---------------------------------------------------- */

/* What is put in the place of a descriptor, so that calls on its number fail until it is closed. device and inode tell
 * whether number is still ours: a program may have closed it. They stay when it is closed, for its copies. */
typedef struct platform_tombstone {
    int number; /* -1: there is none */
    uint64_t device;
    uint64_t inode;
} platform_tombstone;

/* Reserves a descriptor, since descriptors may have run out when it is needed. May fail: burying tries again. */
void platform_tombstone_open(platform_tombstone *tombstone);
void platform_tombstone_close(platform_tombstone *tombstone);

/* From now on, calls that begin on raw fail at once, and the number stays taken until it is closed; a call that has
 * begun goes on with what it found. True: so it is, now or since an earlier time. False: raw is of a sort on which no
 * call blocks for long, or descriptors ran out. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
bool platform_descriptor_bury(sh_raw raw, platform_tombstone *tombstone);

/* Whether raw is the tombstone, or was made one. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool platform_descriptor_is_buried(sh_raw raw, const platform_tombstone *tombstone);

/*
 * The signal that makes a blocked call look at its number again; its handler does nothing. SIGURG, because it is
 * ignored where it has no handler: with any other, a thread that is woken while it calls exec kills the program that it
 * starts (4 of 300). And because it is no real-time signal: those queue up for a thread that blocks them (10,000 of
 * 10,000).
 */
enum { PLATFORM_WAKE_SIGNAL = SIGURG };

/* 0; EINVAL: it cannot be handled, or means its own thread; EBUSY: somebody else handles it. There is no way back: a
 * signal may still be on its way. */
int platform_wake_install(int signal);
/* Lets it through to the calling thread. */
void platform_wake_admit(int signal);
/* The thread must not have ended. */
SH_RELIABILITY(will_not_corrupt_state, success)
void platform_thread_wake(int64_t thread_id, int signal);

#endif
