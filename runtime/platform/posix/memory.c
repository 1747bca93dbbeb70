/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "platform/platform.h"
#include <errno.h>
#include <stdlib.h>

void *platform_memory_allocate(size_t size_bytes)
{
    int saved = errno;
    void *memory = FAILS_HERE("platform.memory") ? NULL : calloc(1, size_bytes);
    errno = saved;
    return memory;
}

void platform_memory_free(void *memory_or_null)
{
    free(memory_or_null);
}
