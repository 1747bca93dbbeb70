/* SPDX-License-Identifier: MIT */
/*
 * Faults: what the library calls outside itself can be made to fail, as its manual page says that it may.
 *
 * The linker puts fault_wraps.c before the calls of this program's own objects, the library's among them, and of nobody
 * else: the C library and the collector go on as usual. Only a thread that is armed meets faults, and only it is
 * counted. A call that succeeds on an armed thread spoils errno, as POSIX allows it.
 */
#ifndef TORTURE_FAULT_H
#define TORTURE_FAULT_H

#include <errno.h>
#include <stdbool.h>

/*
 * CALL(symbol, errno values in which it may fail…). The values are those of the manual pages; where a
 * call has none (the collector, dlsym, atexit), one is named that a careless caller would let through.
 * check_faults.py holds this list against what the library calls, and against the linker's list in meson.build.
 */
#define FAULT_CALLS(CALL)                                                                                              \
    CALL(open64, EACCES, EBADF, EBUSY, EDQUOT, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EISDIR, ELOOP, EMFILE,            \
         ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, EROFS,    \
         ETXTBSY, EWOULDBLOCK)                                                                                         \
    CALL(close, EBADF, EDQUOT, EINTR, EIO, ENOSPC)                                                                     \
    CALL(fcntl64, EACCES, EAGAIN, EBADF, EINVAL, EMFILE)                                                               \
    CALL(dup3, EBADF, EBUSY, EINTR, EINVAL, EMFILE)                                                                    \
    CALL(fstat64, EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW)              \
    CALL(getrlimit64, EFAULT, EINVAL, EPERM, ESRCH)                                                                    \
    CALL(getsockopt, EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK)                                                     \
    CALL(setsockopt, EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK)                                                     \
    CALL(socket, EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT)                       \
    CALL(pipe2, EFAULT, EINVAL, EMFILE, ENFILE, ENOPKG)                                                                \
    CALL(eventfd, EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM)                                                              \
    CALL(mmap64, EACCES, EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM, ETXTBSY)                     \
    CALL(munmap, EINVAL, ENOMEM)                                                                                       \
    CALL(malloc, ENOMEM)                                                                                               \
    CALL(calloc, ENOMEM)                                                                                               \
    CALL(pthread_create, EAGAIN, EINVAL, EPERM)                                                                        \
    CALL(pthread_key_create, EAGAIN, ENOMEM)                                                                           \
    CALL(pthread_setspecific, EINVAL, ENOMEM)                                                                          \
    CALL(pthread_atfork, ENOMEM)                                                                                       \
    CALL(pthread_getattr_np, EACCES, EINVAL, EMFILE, ENFILE, ENOENT, ENOMEM)                                           \
    CALL(atexit, ENOMEM)                                                                                               \
    CALL(sigaction, EFAULT, EINVAL)                                                                                    \
    CALL(syscall, EINVAL, ENOMEM, ENOSYS, EPERM)                                                                       \
    CALL(tgkill, EAGAIN, EINVAL, EPERM, ESRCH)                                                                         \
    CALL(dlsym, ENOENT)                                                                                                \
    CALL(sem_wait, EINTR)                                                                                              \
    CALL(sem_clockwait, EINTR)                                                                                         \
    CALL(GC_malloc, ENOMEM)                                                                                            \
    CALL(GC_malloc_kind, ENOMEM)                                                                                       \
    CALL(GC_generic_malloc_many, ENOMEM)                                                                               \
    CALL(GC_malloc_uncollectable, ENOMEM)                                                                              \
    CALL(GC_register_finalizer_no_order, ENOMEM)                                                                       \
    CALL(GC_get_stack_base, ENOMEM)

#define FAULT_ENUMERATOR(symbol, ...) FAULT_##symbol,
typedef enum fault_call { FAULT_CALLS(FAULT_ENUMERATOR) FAULT_CALL_COUNT } fault_call;

/* The nth time (from 1; 0: never) that call is reached it fails with error; onwards: from then on each time. */
typedef struct fault_plan {
    fault_call call;
    int nth;
    bool onwards;
    int error;
} fault_plan;

const char *fault_name(fault_call call);
/* Ends with 0. */
const int *fault_errors(fault_call call);

/* For the calling thread, until it is disarmed; counts anew. */
void fault_arm(const fault_plan *plan);
void fault_disarm(void);

/* Since it was armed: how often the call was reached, and how often a call failed. */
int fault_reached(fault_call call);
int fault_struck(void);

/* What was allocated and mapped by these calls, less what was given back; all threads. */
long fault_balance(void);

/* ---- for the wraps ----------------------------------------------------------------------------------------------- */

/* True when this call fails now: errno is set. */
bool fault_strikes(fault_call call);
/* After a call that succeeded. */
void fault_spoil_errno(void);
void fault_count_memory(int change);

#endif
