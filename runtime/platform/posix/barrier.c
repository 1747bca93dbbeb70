/* SPDX-License-Identifier: MIT */
/* membarrier(2): Linux 4.14 and later. */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Until the system has been asked, everybody fences. */
atomic_word platform_barrier_missing = {1};

/* glibc has no function for it. */
static bool ask(int command)
{
    KEEP_ERRNO;
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

void platform_barrier_start(bool may_ask)
{
    bool registered =
        may_ask && !FAILS_HERE("platform.barrier-register") && ask(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    atomic_word_store(&platform_barrier_missing, registered ? 0 : 1);
}

bool platform_barrier(void)
{
    if (atomic_word_load(&platform_barrier_missing) == 0 && !FAILS_HERE("platform.barrier") &&
        ask(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
        return true;
    /* Forbidden since: nobody counts on it from here on. */
    atomic_word_store(&platform_barrier_missing, 1);
    return false;
}
