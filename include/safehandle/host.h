/* SPDX-License-Identifier: MIT */
/*
 * Start, stop, threads, and living beside a collector.
 *
 * Two hosts are built in. The Boehm host uses libgc: it starts the collector, or joins one that is already running
 * (Guile, ECL) without touching a setting that is the host's. The manual host has no collector: a program with its own
 * reports which handles and objects have died. docs/embedding.md shows both.
 *
 *   sh_init, sh_shutdown            any thread; at the same time as each other they run one after the other
 *   sh_thread_attach, _detach       any thread, for itself
 *   sh_host_drop…, _collection_…    any thread; deaths reported between begin and end on one thread are one collection
 *
 * Source: sh_shutdown is document 002's "SafeHandle's finalizer is guaranteed to run during AppDomain unloads", for the
 * one domain that every program has. The hosts are ours.
 *
 * After fork, the child may do everything that its parent might. It has the handles and their counts, none of the
 * parent's threads, and none of those threads' leases; our own threads are started again by the first call that needs
 * them. A counted reference that a vanished thread held never comes back, nor the one under which it was waking a
 * handle's users (sh_close_wait): the handle stays open in the child, as does one that such a thread was releasing. One
 * whose last lease it was just ending is released by the collector or an unload. A normal finalizer that was running is
 * not run again. A callback on a thread of ours (finalizer, release, event sink) may fork, too; its child has only that
 * thread, and must end by _exit or exec, not by returning.
 */
#ifndef SAFEHANDLE_HOST_H
#define SAFEHANDLE_HOST_H

#include <safehandle/export.h>
#include <safehandle/handle.h>
#include <safehandle/inline.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

typedef enum sh_collector {
    SH_COLLECTOR_DEFAULT = 0, /* Boehm where it is built in, else manual */
    SH_COLLECTOR_BOEHM,
    SH_COLLECTOR_MANUAL
} sh_collector;

/* A zeroed struct means the defaults. Grows at the end. */
typedef struct sh_options {
    sh_collector collector;
    int64_t finalizer_deadline_ms; /* how long normal finalizers may delay critical ones; 0: 2000; negative: no limit */
    bool confirm_death; /* a handle is dead when two full collections in a row found it so: for hosts with guardians or
                           finalizers of their own that bring objects back (docs/ordering.md) */
    void (*collect)(void *data); /* manual host: runs the program's own collector to the end; NULL: none */
    void *collect_data;
    int64_t exit_deadline_ms; /* how long the end of the process by return or exit may take over the root domain's
                                 unload; 0: 1000; negative: no limit */
    int wake_signal;    /* wakes users of a closed handle (docs/closing.md); 0: SIGURG. Ours alone for as long as the
                           process lives: its handler stays after sh_shutdown */
    bool no_membarrier; /* never calls membarrier(2), for systems that end the process for it: leases then cost a full
                           fence on each side (docs/leases.md) */
} sh_options;

/*
 * Starts the runtime, and attaches the calling thread. Where the collector is not running yet it is started here, so
 * the first call belongs on the main thread.
 *
 * SH_E_ARGUMENT     already running with other options (null options never contradict), or options out of range, or
 *                   another collector than in an earlier start; or wake_signal, SIGURG where none is named, cannot be
 *                   handled or has a handler of the program's or the collector's: name another one
 * SH_E_NOMEM        memory or threads ran out; nothing was started
 * SH_E_UNSUPPORTED  the collector is not built in, or options ask for something that this library does not know, or the
 *                   program was compiled with the inlined parts (inline.h) of another version: compile it again
 */
SH_MUST_CHECK SH_API sh_status sh_init_at(const sh_options *options_or_null, size_t options_size_bytes,
                                          unsigned inlined_layout);
SH_MUST_CHECK SH_API sh_status sh_init(const sh_options *options_or_null);

/*
 * Unloads the root domain, and with it every other (domain.h has the order), and stops: refuses new handles, finalizers
 * and users, runs every registered normal finalizer within the deadline, closes every handle, reachable or not, wakes
 * their users and waits for them. timeout_ms bounds all of it; negative has no limit. Returns before that when only the
 * calling thread's own leases are left. Where the program has not called it, return from main and exit do, with
 * sh_options.exit_deadline_ms, as one of the functions that atexit(3) was given: those given after the first sh_init
 * run before it. An exit beside a sh_shutdown waits for it, as long; one on a thread of ours (in a finalizer, a release
 * or an event sink) leaves all to the kernel, since the unload would wait for its caller. Events of that time still
 * reach the sink, for a second more at most. The child of a fork that has not used the library since leaves all to the
 * kernel, since what a release or a finalizer does would be done twice. Afterwards sh_init may start anew, with the
 * same collector (another one is SH_E_ARGUMENT, since handles stay with the host that made them).
 *
 * SH_OK             every handle is released
 * SH_E_TIMEOUT      some are not: one SH_EVENT_LEAKED_REFERENCE for each kind and birth site among them was raised;
 *                   their last users still release them. One whose release does not come back is an
 *                   SH_EVENT_FINALIZER_OVERDUE.
 * SH_E_CLOSED       the runtime is not running
 * SH_E_NOMEM        the thread could not be attached, or after a fork our threads not started: nothing was changed
 * SH_E_UNSUPPORTED  called on a thread of ours
 */
SH_MUST_CHECK SH_API sh_status sh_shutdown(int64_t timeout_ms);

/* Makes the calling thread known to us and, where it is not yet, to the collector. The first use of a handle does it
 * by itself, so it is needed only by a thread that will hold handles before it calls us. SH_E_NOMEM; SH_E_CLOSED. */
SH_MUST_CHECK SH_API sh_status sh_thread_attach(void);

/* Forgets the calling thread. The end of a thread does it by itself, and gives its leases back. SH_E_ARGUMENT when the
 * thread is not attached, or has a lease or a region that it did not end; SH_E_NOMEM when the system did not let it go:
 * it stays attached; SH_E_UNSUPPORTED on a thread of ours, so a finalizer, a release or an event sink that pairs attach
 * and detach does no harm. */
SH_MUST_CHECK SH_API sh_status sh_thread_detach(void);

/* "0.1.0": the version of the library that is running. */
SH_API const char *sh_version(void);

/* ---- the manual host --------------------------------------------------------------------------------------------- */

/* Nothing can reach h any more, apart from counted references. It is released in its turn, after the normal finalizers
 * of the same collection; its memory is then kept for the next handle. SH_E_UNSUPPORTED with the Boehm host. */
SH_MUST_CHECK SH_API sh_status sh_host_drop(sh_handle *h);

/* The object has died: its normal finalizers (finalizer.h) become due. SH_E_ARGUMENT when it has none. */
SH_MUST_CHECK SH_API sh_status sh_host_drop_object(void *object);

/* Deaths that the calling thread reports between the two are one collection: all its normal finalizers run before its
 * first handle is released. Outside, each death is a collection of its own. Nests. begin answers SH_E_NOMEM when memory
 * ran out; end answers SH_E_ARGUMENT without a begin, and ends what was begun also when the runtime has stopped. */
SH_MUST_CHECK SH_API sh_status sh_host_collection_begin(void);
SH_MUST_CHECK SH_API sh_status sh_host_collection_end(void);

#define sh_init(options_or_null) sh_init_at((options_or_null), sizeof(sh_options), SH_INLINED_LAYOUT)

SH_END_DECLARATIONS

#endif
