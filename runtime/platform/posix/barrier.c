/* SPDX-License-Identifier: MIT */
/* membarrier(2): Linux 4.14 and later. */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Until the system has been asked, everybody fences. */
atomic_word platform_barrier_missing = {ENOSYS};

/* 0, or an errno value. glibc has no function for it. */
static int ask(int command)
{
    KEEP_ERRNO;
    return syscall(SYS_membarrier, command, 0, 0) == 0 ? 0 : errno;
}

void platform_barrier_start(bool may_ask)
{
    int error = !may_ask                                  ? EPERM
                : FAILS_HERE("platform.barrier-register") ? ENOSYS
                                                          : ask(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    atomic_word_store(&platform_barrier_missing, (word_t)error);
}

bool platform_barrier(void)
{
    if (atomic_word_load(&platform_barrier_missing) != 0)
        return false;
    int error = FAILS_HERE("platform.barrier") ? EPERM : ask(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    if (error != 0) /* forbidden since: nobody counts on it from here on */
        atomic_word_store(&platform_barrier_missing, (word_t)error);
    return error == 0;
}
