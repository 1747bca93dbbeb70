/* SPDX-License-Identifier: MIT */
/*
 * A lease: a reference for the length of one scope on one thread.
 *
 * While a lease lasts, the OS handle stays open, its number cannot be recycled, and the handle object cannot be
 * collected: a lease ends the finalizer race and the recycling attack of document 002 together.
 *
 *   may run at the same time      begin and end of different leases on the same handle; close, on any thread, also
 *                                 inside the lease
 *   must be kept apart            two calls on the same sh_lease
 *   belongs to one thread         a lease is ended on the thread that began it; sh_lease_detach makes a reference that
 *                                 may travel
 *
 * A thread that ends while it holds leases gives them back, after its other destructors (pthread_key_create) have run
 * once: those may still end them.
 *
 * In a signal handler, begin and end, and sh_dangerous_add_ref and _release, may be called on a thread that is attached
 * (sh_thread_attach) and has fewer than 32 leases, for a handle that somebody keeps in use or open meanwhile, so that
 * the handler cannot be its last user; a lease begun there ends there. Nothing else may: it could wait for a lock that
 * the interrupted call holds.
 *
 * Ownership: the lease holds one reference, and with it the handle object, until it is ended or detached. The sh_lease
 * is the caller's memory, and must live until then; the raw value stays the handle's, and is lent for as long.
 */
#ifndef SAFEHANDLE_LEASE_H
#define SAFEHANDLE_LEASE_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <safehandle/handle.h>

SH_BEGIN_DECLARATIONS

/*
 * Lives on the caller's stack; its fields are the library's.
 * Invariant: handle is NULL (zeroed, ended or detached) or points to a handle that this lease holds; slot is NULL with
 * it, or the thread's slot that names the handle.
 */
typedef struct sh_lease {
    sh_handle *handle;
    void *slot;
    void *reserved[4];
} sh_lease;

/*
 * Begins a lease and tells the raw value. *out_raw and the lease are written only on SH_OK.
 *
 * SH_E_ARGUMENT  null
 * SH_E_CLOSED    closing, or the unload of its domain, has begun
 * SH_E_INVALID   the handle is unset
 * SH_E_NOMEM     the first call of a thread that could not be attached, or no memory for more than 32 leases at once
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API SH_CALLED_OFTEN sh_status sh_lease_begin_at(sh_lease *lease, sh_handle *h,
                                                                 const sh_site *site_or_null, sh_raw *out_raw);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_lease_begin(sh_lease *lease, sh_handle *h, sh_raw *out_raw);

/* The same for a caller that needs a certain kind: SH_E_KIND when h is neither of that kind nor of one derived from it
 * (document 002: "you can't easily pass a handle to a semaphore to a method that takes a SafeFileHandle"). */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_lease_begin_kind_at(sh_lease *lease, sh_handle *h, const sh_kind *kind,
                                                      const sh_site *site_or_null, sh_raw *out_raw);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_lease_begin_kind(sh_lease *lease, sh_handle *h, const sh_kind *kind, sh_raw *out_raw);

/* Ends it; the last user of a closed handle releases it here, and errno stays as it was. Leases may end in any order.
 * Null, zeroed, ended and detached leases do nothing. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API SH_CALLED_OFTEN void sh_lease_end(sh_lease *lease);

/* Turns the lease into a counted reference, for a coroutine, a callback or another thread. The lease is ended; whoever
 * finishes calls sh_dangerous_release. SH_E_ARGUMENT when there is no lease to detach; SH_E_OVERFLOW when the count is
 * at its limit: the lease goes on. */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_lease_detach(sh_lease *lease);

#define sh_lease_begin(lease, h, out_raw) sh_lease_begin_at((lease), (h), SH_SITE_HERE, (out_raw))
#define sh_lease_begin_kind(lease, h, kind, out_raw)                                                                   \
    sh_lease_begin_kind_at((lease), (h), (kind), SH_SITE_HERE, (out_raw))

/*
 * SH_WITH_HANDLE(h, raw, status) { … read(raw, …) … }
 *
 * Declares raw, leases h, and runs the block once with status == SH_OK; when the lease is refused, sets status and
 * skips the block. return, goto, break and continue end the lease; break and continue leave this scope only.
 * Cancellation and pthread_exit end it when the program is built with -fexceptions; otherwise the thread's end gives it
 * back. longjmp never ends it: the thread's end does.
 */
#if defined(__GNUC__)
#define SH_LEASE_CLEANUP sh_lease_end
#define SH_WITH_HANDLE(h, raw, status) SH_WITH_HANDLE_LINE_(h, raw, status, __LINE__)
#define SH_WITH_HANDLE_LINE_(h, raw, status, line) SH_WITH_HANDLE_AT_(h, raw, status, line)
#define SH_WITH_HANDLE_AT_(h, raw, status, line) SH_WITH_HANDLE_NAMED_(h, raw, status, sh_lease_##line, sh_todo_##line)
#define SH_WITH_HANDLE_NAMED_(h, raw, status, scope, todo)                                                             \
    for (sh_lease scope __attribute__((cleanup(SH_LEASE_CLEANUP))) = {NULL, NULL, {NULL, NULL, NULL, NULL}},           \
                        *todo = &scope;                                                                                \
         todo; todo = NULL)                                                                                            \
        for (sh_raw raw = -1; todo && ((status) = sh_lease_begin(todo, (h), &raw)) == SH_OK; todo = NULL)
#endif

SH_END_DECLARATIONS

#include <safehandle/inline.h>

#endif
