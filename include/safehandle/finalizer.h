/* SPDX-License-Identifier: MIT */
/*
 * Normal finalizers. They run before the critical ones: of the objects that die in one collection, every finalizer
 * registered here has run before the first handle is released, also when object and handle do not refer to each other.
 * That is the weak ordering of document 002, which lets a buffered stream that was dropped without close flush through
 * its still open handle. docs/ordering.md says how, and what happens when a finalizer hangs.
 *
 *   register, suppress, keep_alive   any thread, at the same time; two calls about one object in the order of the calls
 *   run                              on a thread of ours, in no order among the dead of one collection; one at a time,
 *                                    unless one takes longer than a sixteenth of the deadline: then others go on beside
 *                                    it, those of the same object too
 *   collect, wait                    any thread; wait is refused on our own threads
 */
#ifndef SAFEHANDLE_FINALIZER_H
#define SAFEHANDLE_FINALIZER_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <safehandle/site.h>
#include <safehandle/status.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* What runs for a dead object. The object and all that it reaches are intact, its handles open. It should return within
 * sh_options.finalizer_deadline_ms: a later one delays the handles of its collection up to that time and no longer, and
 * is an SH_EVENT_FINALIZER_OVERDUE, as is one that ends its thread. */
typedef void sh_finalizer(void *object, void *data);

/*
 * Has run(object, data) called once after the object has died, or when the domain that the thread is in now (domain.h)
 * is unloaded. data is traced by the collector; when it reaches the object, the object never dies. Several may be
 * registered for one object; they begin in the order of registration, and the unload of one's domain runs them all. A
 * finalizer that somebody else registered with the collector for the same object stays, and runs too.
 *
 * SH_E_ARGUMENT  null, or object is not the first byte of an object in the collector's heap
 * SH_E_CLOSED    the runtime is not running, or the domain that the thread is in is unloaded
 * SH_E_NOMEM     memory ran out; nothing was registered
 * SH_E_UNSUPPORTED  the host runs its collector without Java-style finalization, so that what a dead object reaches
 *                would not survive until its finalizer
 */
SH_MUST_CHECK SH_API sh_status sh_finalizer_register_at(void *object, sh_finalizer *run, void *data,
                                                        const sh_site *site_or_null);
SH_MUST_CHECK SH_API sh_status sh_finalizer_register(void *object, sh_finalizer *run, void *data);

/* Takes back everything registered above for the object that has not begun to run. Null does nothing. */
SH_API void sh_finalizer_suppress(void *object);

/* Keeps object reachable up to this call: the document's GC.KeepAlive. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API void sh_keep_alive(const void *object);

/* A full collection, now. With the manual host: sh_options.collect, if there is one. */
SH_API void sh_collect(void);

/*
 * Waits until every finalizer and every release that was due when the call was made has run, and every event so far
 * was delivered. timeout_ms: milliseconds; negative has no limit. Result may be ignored.
 *
 * SH_E_TIMEOUT      something is still queued or still running
 * SH_E_UNSUPPORTED  called on a thread of ours: from a finalizer, a release or an event sink
 * SH_E_CLOSED       the runtime is not running
 */
SH_API sh_status sh_wait_for_pending_finalizers(int64_t timeout_ms);

#define sh_finalizer_register(object, run, data) sh_finalizer_register_at((object), (run), (data), SH_SITE_HERE)

SH_END_DECLARATIONS

#endif
