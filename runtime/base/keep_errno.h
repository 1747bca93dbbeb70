/* SPDX-License-Identifier: MIT */
/*
 * KEEP_ERRNO: from here to the end of the block, errno may change; then it is as it was.
 *
 * Any call of the C library, the system or the collector may change errno, also one that succeeds. Programs read errno
 * after us, and a finalizer or a release may run between their call and their look at it.
 */
#ifndef BASE_KEEP_ERRNO_H
#define BASE_KEEP_ERRNO_H

#include <errno.h>

static inline void keep_errno_end(const int *saved)
{
    errno = *saved;
}

#define KEEP_ERRNO int saved_errno __attribute__((cleanup(keep_errno_end), unused)) = errno

#endif
