/* SPDX-License-Identifier: MIT */
/*
 * Domains: handles and normal finalizers that end together. A host keeps one for each VM, isolate or interpreter state,
 * and unloads it when that one ends; whatever its code forgot is released then, reachable or not, by a known time.
 *
 * Every program has a root domain, which holds what is made in no other. Its unload is sh_shutdown (host.h), and the
 * end of the process by return from main or by exit; with it go all other domains. After _exit, or a deadly signal,
 * only the kernel's own sweep is promised: descriptors are closed, and no release and no finalizer runs.
 *
 *                     create  enter  leave  making handles  using handles  unload  destroy
 *   create              -       -      -          -               -          -        -
 *   enter, leave        -       -      -          -               -          -        1
 *   unload              -       -      -          1               1          -        1
 *   destroy             -       1      1          1               -          1        1
 *
 * "-": any thread, at the same time. "1": at the same time too, and one of the two comes first: what comes after an
 * unload is refused (SH_E_CLOSED), and a destroy that comes before the others have ended does nothing (SH_PENDING).
 * A domain that was destroyed is no argument for anything.
 *
 * Source: document 002, "SafeHandle's finalizer is guaranteed to run during AppDomain unloads, even in cases where the
 * AppDomain is unloaded ruthlessly" (M10).
 */
#ifndef SAFEHANDLE_DOMAIN_H
#define SAFEHANDLE_DOMAIN_H

#include <safehandle/export.h>
#include <safehandle/handle.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/*
 * Makes a domain. name is for messages, may be NULL, and must live as long as the process. About 65,000 can exist at a
 * time; each costs some 8 KB once it holds handles.
 *
 * SH_E_ARGUMENT  out_domain is null
 * SH_E_CLOSED    the runtime is not running
 * SH_E_NOMEM     memory, or numbers, ran out
 */
SH_MUST_CHECK SH_API sh_status sh_domain_create(const char *name, sh_domain **out_domain);

/* What it was made with; NULL for what is no domain. */
SH_API const char *sh_domain_name(const sh_domain *domain);

/*
 * From now on the calling thread makes handles and registers finalizers in this domain, where no other is asked for.
 * Nests, up to 32 deep; leave takes the innermost one back, which must be the one that is named. A thread's end leaves.
 * What was made stays in the domain that it was made in.
 *
 * SH_E_ARGUMENT  domain is not a domain; leave: it is not the innermost one
 * SH_E_CLOSED    enter: it is unloaded
 * SH_E_OVERFLOW  enter: too deep
 * SH_E_NOMEM     enter: the first call of a thread that could not be attached
 */
SH_MUST_CHECK SH_API sh_status sh_domain_enter(sh_domain *domain);
SH_API sh_status sh_domain_leave(sh_domain *domain); /* may be ignored */

/* A handle that an unload could not release. */
typedef struct sh_left_over {
    const sh_kind *kind;
    sh_raw raw;
    sh_site birth;             /* file NULL when not recorded */
    bool releasing;            /* its release has begun, and has not returned */
    size_t lease_count;        /* leases on it */
    size_t counted_references; /* references on it whose holders nobody knows */
    sh_holder *holders;        /* who leases it */
    size_t holder_count;       /* how many of them are told: lease_count, unless memory ran out */
    void *reserved[2];
} sh_left_over;

/* Written by sh_domain_unload, also when it answers SH_PENDING or SH_E_TIMEOUT; cleared by sh_unload_report_clear. */
typedef struct sh_unload_report {
    size_t released;          /* OS handles that were open when the unload began, and are not any more */
    size_t left_over;         /* handles that are not released yet */
    sh_left_over *left_overs; /* what is known of them */
    size_t left_over_count;   /* how many of them are told: left_over, unless memory ran out */
    void *reserved[4];
} sh_unload_report;

/*
 * Unloads the domain. In this order:
 *   1. New handles and finalizers are refused, and new users of its handles (SH_E_CLOSED), but for its finalizers.
 *   2. Every normal finalizer that is registered in it runs, whether its object has died or not; late ones for as long
 *      as sh_options.finalizer_deadline_ms allows, and for three quarters of timeout_ms at most. Until the unload is
 *      over that holds for the finalizers of other domains, too: all share the lanes. So a short timeout_ms may release
 *      a handle elsewhere before a late finalizer has flushed through it.
 *   3. Every handle in it is closed and, where nobody uses it, released: reachable or not.
 *   4. Users in flight are woken as by sh_close_wait, and waited for until the time is over.
 * The time that it takes grows with the handles and finalizers of this domain, not with those of others. It may be
 * called again, to wait for what was left over; then the first three have nothing left to do.
 *
 * timeout_ms bounds all of it; negative has no limit. out_report_or_null is overwritten.
 *
 * SH_OK             every handle is released
 * SH_PENDING        what is left over is leased by the calling thread itself: waiting would never end
 * SH_E_TIMEOUT      handles are left over: the report says which and who holds them; their last users release them
 * SH_E_ARGUMENT     domain is not a domain
 * SH_E_CLOSED       the runtime is not running; or a sh_shutdown ended beside it, and handles are left over: the report
 *                   is written
 * SH_E_NOMEM        the first call of a thread that could not be attached: nothing was begun
 * SH_E_UNSUPPORTED  called on a thread of ours: it would wait for itself
 */
SH_MUST_CHECK SH_API sh_status sh_domain_unload(sh_domain *domain, int64_t timeout_ms,
                                                sh_unload_report *out_report_or_null);

/* Frees what the report points to, and zeroes it. Null, zeroed and cleared reports do nothing. */
SH_API void sh_unload_report_clear(sh_unload_report *report);

/*
 * Ends a domain, so that its place can be used again; it may but need not have been unloaded.
 *
 * SH_PENDING     a handle in it is not released, a finalizer that is registered in it is not due (an unload makes it
 * so), or a thread is in it: nothing was changed SH_E_ARGUMENT  domain is not a domain
 */
SH_MUST_CHECK SH_API sh_status sh_domain_destroy(sh_domain *domain);

SH_END_DECLARATIONS

#endif
