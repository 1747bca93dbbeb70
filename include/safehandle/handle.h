/* SPDX-License-Identifier: MIT */
/*
 * The handle: a small object in the collector's heap that holds one raw OS value, counts who is using it, and releases
 * it exactly once: by close, by its critical finalizer, or by shutdown, whichever comes first.
 *
 * Source: System.Runtime.InteropServices.SafeHandle as documents 002 and 003 describe it. Where a meaning differs from
 * .NET on purpose, the function says so.
 *
 * What may run at the same time on one handle ("-": needs nothing; "1": only the first call has the effect, the others
 * are told so; "x": the caller must keep them apart):
 *
 *                          add_ref  release  lease  set  close  as_invalid  duplicate  is_…/get  death
 *   dangerous_add_ref         -        -       -     -     -        -           -         -        x
 *   dangerous_release         -        -       -     -     -        -           -         -        -
 *   lease begin, end          -        -       -     -     -        -           -         -        x
 *   set_handle                -        -       -     1     1        1           -         -        x
 *   close, close_wait         -        -       -     1     1        1           -         -        x
 *   set_handle_as_invalid     -        -       -     1     1        1           -         -        x
 *   duplicate                 -        -       -     -     -        -           -         -        x
 *   is_…, kind_of, get        -        -       -     -     -        -           -         -        x
 *
 * "death" is the moment from which nothing can reach the handle. Under a collector it cannot overlap with a call, since
 * the caller's argument reaches it; the column is for hosts that report deaths themselves (host.h). The one call that
 * stays legal after death is the release of a counted reference that was taken before.
 *
 * Null handles: functions that return sh_status answer SH_E_ARGUMENT; the others answer as if the handle were closed,
 * invalid, released, not owned and without a kind.
 */
#ifndef SAFEHANDLE_HANDLE_H
#define SAFEHANDLE_HANDLE_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <safehandle/kind.h>
#include <safehandle/site.h>
#include <safehandle/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* Opaque; lives in the collector's heap and holds no pointer into it. Keep a pointer to its first byte. */
typedef struct sh_handle sh_handle;
typedef struct sh_domain sh_domain;

/* A zeroed struct means the defaults. Grows at the end. */
typedef struct sh_create_options {
    bool not_owned;    /* the value is somebody else's: it is guarded like any other, and never released */
    void *context;     /* handed to release; not traced by the collector; must outlive the release */
    sh_domain *domain; /* that it is unloaded with (domain.h); NULL: the one that the thread is in */
} sh_create_options;

/* ---- making one -------------------------------------------------------------------------------------------------- */

/*
 * Makes a handle that holds the kind's invalid value. Everything that can fail happens here, before anything is opened,
 * so that storing the value later cannot fail.
 *
 * SH_E_ARGUMENT  kind or out_handle is null, or the kind breaks its invariant (kind.h), or is abstract
 *                or the domain in the options is none
 * SH_E_CLOSED    the runtime is not running: call sh_init first; or the domain is unloaded
 * SH_E_NOMEM     memory ran out
 * SH_E_UNSUPPORTED  options ask for something that this library does not know
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_create_at(const sh_kind *kind, const sh_create_options *options_or_null,
                                            size_t options_size_bytes, const sh_site *site_or_null,
                                            sh_handle **out_handle);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_create(const sh_kind *kind, const sh_create_options *options_or_null,
                                         sh_handle **out_handle);

/*
 * Stores a value that is fresh from the kernel. Allocates nothing. Result may be ignored.
 *
 * SH_OK          stored; the handle releases it from now on
 * SH_E_INVALID   raw is one of the kind's invalid values: the handle stays unset, as after an open that failed
 * SH_E_CLOSED    the handle was closed meanwhile: raw was released by us (unless not_owned)
 * SH_E_ARGUMENT  null handle, or a value was stored before: raw is still yours
 *
 * File descriptors: a number fresh from the kernel proves that an older owner of the same number is stale, since
 * somebody closed it behind its back. The older handle is set as invalid, with an SH_EVENT_DOUBLE_WRAP.
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_status sh_set_handle(sh_handle *h, sh_raw raw);

/*
 * Makes a handle around a value that is open already. On failure raw is untouched and still the caller's. Nothing asks
 * the OS whether it is open: it must be, and a bad one is told at its release (SH_E_RELEASE, SH_EVENT_RELEASE_FAILED),
 * unless the number has gone to a stranger by then. Descriptors from 2^20 on are owned like any other, but two owners
 * of one of them are not noticed. As sh_create, and:
 *
 * SH_E_INVALID   raw is one of the kind's invalid values
 * SH_E_OWNED     another open handle owns this descriptor (document 000's two objects over one handle); an
 *                SH_EVENT_DOUBLE_WRAP names both sites. Use sh_duplicate, or not_owned for a wrapper that only looks.
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_wrap_at(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                                          size_t options_size_bytes, const sh_site *site_or_null,
                                          sh_handle **out_handle);
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_wrap(const sh_kind *kind, sh_raw raw, const sh_create_options *options_or_null,
                                       sh_handle **out_handle);

/*
 * A second handle on the same OS object, with its own obligation to close (document 000: "you gain a new reference").
 * The copy has the kind, the context and the domain of h, and is owned even when h is not.
 *
 * SH_E_CLOSED, SH_E_INVALID, SH_E_OVERFLOW  as sh_lease_begin on h
 * SH_E_UNSUPPORTED  the kind has no duplicate
 * SH_E_SYSTEM    the kind's duplicate failed: errno says why. When handles ran out, dead ones were collected and it was
 *                tried once more.
 */
SH_MUST_CHECK SH_API sh_status sh_duplicate_at(sh_handle *h, const sh_site *site_or_null, sh_handle **out_copy);
SH_MUST_CHECK SH_API sh_status sh_duplicate(sh_handle *h, sh_handle **out_copy);

/* ---- counted references: dangerous, because whoever takes one must give it back. Prefer a lease (lease.h). ------- */

/*
 * Takes a reference: the OS handle stays open until it is given back. Works on an unset handle too, as .NET's does.
 * *success is only ever set to true, in the same step as the reference is taken (document 003), so a caller that is
 * torn away in between still knows whether to release. Result may be ignored.
 *
 * SH_E_CLOSED    closing has begun. .NET admits users after Dispose while others are using the handle; we do not, so
 *                that overlapping users cannot keep a closed handle open for ever. Or its domain is being unloaded:
 *                then only finalizers that run because of that are still admitted, until it is closed (domain.h).
 * SH_E_OVERFLOW  the count is at its limit: the handle is pinned, which means leaked and reported, never freed early
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_API SH_CALLED_OFTEN sh_status sh_dangerous_add_ref(sh_handle *h, bool *success);

/*
 * Gives a reference back, on any thread. The last one of a closed handle releases it here. Result may be ignored.
 *
 * SH_E_UNBALANCED  there was no reference to give back: an event says where the handle was made, nothing is released
 * SH_E_RELEASE     this was the last reference of a closed handle, and the OS refused
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API SH_CALLED_OFTEN sh_status sh_dangerous_release(sh_handle *h);

/* The stored value, also after close; the kind's invalid value while unset; -1 for null. Use it only under a reference.
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_raw sh_dangerous_get_handle(const sh_handle *h);

/* ---- ending one -------------------------------------------------------------------------------------------------- */

/*
 * Refuses new users from this moment, and releases the handle when no user is left: here, or by the last user.
 * May be called any number of times, from any thread, inside a lease, and from inside a release. May be ignored.
 *
 * SH_OK         it is released (now, or earlier)
 * SH_PENDING    a user still holds a reference, or another thread is releasing it right now
 * SH_E_RELEASE  this call released it, and the OS refused; an event says why
 * SH_E_SYSTEM   other threads leased it, and the system has forbidden membarrier(2) since sh_init: nobody can know
 *               whether they still do, so it stays closed and is released by the collector only; an event says so
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_status sh_close(sh_handle *h);

/*
 * Closes, wakes users, and waits until the release has returned. timeout_ms: milliseconds; 0 only closes and looks,
 * negative has no limit. errno stays as it is, and it is not a cancellation point.
 *
 * Who is woken: threads that lease h and are blocked in a call on it, where h owns a pipe, FIFO, socket, character
 * device or event descriptor (SH_KIND_FD). Their call fails with EBADF, poll with EINTR or POLLNVAL, and so does every
 * later call on the number. Threads that lease h and wait for something else in poll, select or a sleep get EINTR. A
 * kind's own interrupt comes first. Counted users, regular files, and threads that block the signal
 * (sh_options.wake_signal) are not woken; docs/closing.md has the whole table. The number stays taken until the last
 * user has left.
 *
 * SH_PENDING    at once, when the calling thread itself leases h, or is one of ours (a finalizer, the event sink): no
 *               finalizer waits for a user
 * SH_E_TIMEOUT  users are left; the close stays begun, and the last user finishes it (sh_holders says who they are)
 * SH_E_RELEASE  to every waiter, when the OS refused
 * SH_E_SYSTEM   as from sh_close
 */
SH_RELIABILITY(will_not_corrupt_state, may_fail)
SH_MUST_CHECK SH_API sh_status sh_close_wait(sh_handle *h, int64_t timeout_ms);

/*
 * Closed from now on, and never released by us: for a value that is known to be stale, or that was given away.
 * Without effect once a release has begun. The stored value, and so sh_is_invalid, stay as they are, as in .NET. Where
 * users are being woken it waits for the step that is under way, not for them (docs/closing.md).
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API void sh_set_handle_as_invalid(sh_handle *h);

/* ---- looking at one ---------------------------------------------------------------------------------------------- */

SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_is_closed(const sh_handle *h); /* true from the moment close begins */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_is_invalid(const sh_handle *h); /* what the kind says of the stored value; true while unset */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_is_released(const sh_handle *h); /* the release has returned, or there was nothing to release */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_owns_handle(const sh_handle *h); /* false when it was made with not_owned */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API const sh_kind *sh_kind_of(const sh_handle *h);
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_is_kind(const sh_handle *h, const sh_kind *kind); /* the kind or any base of it */

/* Somebody who leases a handle. */
typedef struct sh_holder {
    int64_t thread_id; /* as gettid(2) tells it */
    sh_site since;     /* where the lease began */
} sh_holder;

/*
 * Who is using h: up to capacity lease holders, the number of all leases, and the number of counted references, whose
 * holders nobody knows. The answer is a snapshot: with users coming and going it was true of each of them at some
 * moment during the call. out_holders may be NULL when capacity is 0.
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_MUST_CHECK SH_API sh_status sh_holders(const sh_handle *h, sh_holder *out_holders, size_t capacity,
                                          size_t *out_lease_count, size_t *out_counted_references);

/* ---- the macros that remember their line ------------------------------------------------------------------------- */

#define sh_create(kind, options_or_null, out_handle)                                                                   \
    sh_create_at((kind), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_handle))
#define sh_wrap(kind, raw, options_or_null, out_handle)                                                                \
    sh_wrap_at((kind), (raw), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_handle))
#define sh_duplicate(h, out_copy) sh_duplicate_at((h), SH_SITE_HERE, (out_copy))

SH_END_DECLARATIONS

#endif
