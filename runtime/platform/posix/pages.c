/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <sys/mman.h>

void *platform_pages_map(size_t size_bytes)
{
    if (FAILS_HERE("platform.pages"))
        return NULL;
    int saved = errno;
    void *pages = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = saved;
    return pages == MAP_FAILED ? NULL : pages;
}

void platform_pages_unmap(void *pages, size_t size_bytes)
{
    KEEP_ERRNO;
    (void)munmap(pages, size_bytes);
}
