/* SPDX-License-Identifier: MIT */
/*
 * What every function that can fail answers.
 *
 * Outputs come last, are named out_…, and are written only on SH_OK or SH_PENDING. errno is the same before and after
 * a call, with one exception: when a function answers SH_E_SYSTEM, errno holds what the system said.
 *
 * No function of the library is a cancellation point, also where it waits: a pthread_cancel acts at the caller's next
 * one. A thread with asynchronous cancellation must not call us, as POSIX says of nearly every function; still, what an
 * open helper or a duplicate has just opened gets its owner before such a cancellation acts.
 *
 *   may run at the same time as   anything, on any thread: both functions are pure
 *
 * Source: the exceptions of the methods that documents 002 and 003 describe, as answers, since C throws nothing.
 */
#ifndef SAFEHANDLE_STATUS_H
#define SAFEHANDLE_STATUS_H

#include <safehandle/contract.h>
#include <safehandle/export.h>

SH_BEGIN_DECLARATIONS

typedef enum sh_status {
    SH_OK = 0,
    SH_PENDING,      /* accepted; a user still holds a reference and will finish it */
    SH_E_ARGUMENT,   /* null, out of range, or against the order of calls */
    SH_E_CLOSED,     /* closing has begun: no new user is admitted */
    SH_E_INVALID,    /* the raw value is one that the kind calls invalid, or none was set */
    SH_E_KIND,       /* the handle is of another kind than the one asked for */
    SH_E_OWNED,      /* another open handle owns this number */
    SH_E_UNBALANCED, /* more releases than references */
    SH_E_OVERFLOW,   /* the reference count is at its limit */
    SH_E_NOMEM,      /* memory ran out; nothing was changed */
    SH_E_TIMEOUT,    /* the time given was not enough; what was begun goes on */
    SH_E_ABORTED,    /* the thread was asked to abort */
    SH_E_RELEASE,    /* the OS refused to release the handle */
    SH_E_SYSTEM,     /* a system call failed: errno says why */
    SH_E_UNSUPPORTED /* not on this system, in this build, or on this thread */
} sh_status;

/* The constant's own name, "SH_E_CLOSED"; "SH_E_?" for a number that is none. Static, never NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API const char *sh_status_name(sh_status status);

/* One sentence for a person: what happened and what to do about it. Static, never NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API const char *sh_status_message(sh_status status);

SH_END_DECLARATIONS

#endif
