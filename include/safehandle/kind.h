/* SPDX-License-Identifier: MIT */
/*
 * A kind says what a raw OS value means: which values are none at all, and how one is released.
 *
 * A kind is .NET's class derived from SafeHandle (documents 002 and 003): SafeHandleZeroOrMinusOneIsInvalid is a kind
 * whose is_invalid is sh_invalid_zero_or_minus_one, ReleaseHandle is release, and the type that a P/Invoke prototype
 * asks for is a base that sh_is_kind looks for. docs/writing-a-kind.md builds one step by step.
 *
 *   release     runs once for each raw value that a handle owns: on the thread that dropped the last reference, or on a
 *               thread of ours. Releases of different handles of one kind may run at the same time.
 *   is_invalid  may run on any thread at any time, also while the collector has stopped the world.
 *   duplicate   runs on the caller's thread, under a lease.
 *   interrupt   runs on the threads that wait for the close, again and again, while others use the handle: that is its
 *               purpose. Two waiters may call it at the same time. Descriptors (SH_KIND_FD) need none: threads that
 *               lease one are woken without.
 *
 * Each callback has a contract (contract.h), which tools/check_contracts.py holds it to, and stress builds while they
 * run (docs/contracts.md).
 *
 * A callback should return. One that ends its thread (pthread_exit) ends the call that it was called from, which leaves
 * no reference and no lock behind: a release counts as failed, is an SH_EVENT_CONTRACT_BROKEN and is not repeated; what
 * a duplicate or an opener had made by then it told nobody, so nobody releases it.
 *
 * Ownership: a kind and its strings must live as long as the process. They are never copied and never written.
 */
#ifndef SAFEHANDLE_KIND_H
#define SAFEHANDLE_KIND_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <stdbool.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* The OS handle itself: a file descriptor, or a Windows HANDLE. */
typedef intptr_t sh_raw;

/* The raw value is a file descriptor: its owner is remembered, CLOEXEC is set at birth, and sh_close_wait wakes who is
 * blocked in a call on it: what its close(2) would report is then lost, except for files (docs/closing.md). */
#define SH_KIND_FD UINT32_C(1)
/* The kind is only a base to ask for; no handle can be made of it. */
#define SH_KIND_ABSTRACT UINT32_C(2)

/*
 * Invariant, checked when the first handle of a kind is made: name and release are set; is_invalid, where it is set,
 * says true of invalid_value; flags holds known bits only; reserved is all NULL; base leads to a root.
 */
typedef struct sh_kind {
    const char *name;           /* "file"; for messages */
    const struct sh_kind *base; /* a handle of this kind is accepted wherever base is asked for; NULL at the root */
    sh_raw invalid_value;       /* what an unset handle holds */
    /* pure; NULL means that invalid_value alone is invalid */
    bool (*is_invalid)(sh_raw raw) SH_RELIABILITY(will_not_corrupt_state, success);
    /* 0 or an errno value; allocates nothing; called exactly once */
    int (*release)(sh_raw raw, void *context) SH_RELIABILITY(will_not_corrupt_state, success);
    /* 0 or an errno value; NULL: cannot be duplicated */
    int (*duplicate)(sh_raw raw, sh_raw *out_copy) SH_RELIABILITY(will_not_corrupt_state, may_fail);
    /* makes calls blocked on raw return; NULL: cannot be interrupted */
    int (*interrupt)(sh_raw raw, void *context) SH_RELIABILITY(will_not_corrupt_state, may_fail);
    uint32_t flags;    /* SH_KIND_… */
    void *reserved[4]; /* zero */
} sh_kind;

/* Ready-made answers for is_invalid. 0 is a valid file descriptor: only the kinds that say so refuse it. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_invalid_minus_one(sh_raw raw);
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_invalid_zero(sh_raw raw);
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API bool sh_invalid_zero_or_minus_one(sh_raw raw);

/* File descriptors. Released by one close(2), where EINTR counts as closed. The base of the last four is sh_kind_fd. */
extern SH_API const sh_kind sh_kind_fd, sh_kind_file, sh_kind_socket, sh_kind_pipe, sh_kind_event;

SH_END_DECLARATIONS

#endif
