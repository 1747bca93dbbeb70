/* SPDX-License-Identifier: MIT */
/*
 * Stands for the C library's allocation: notes it, and goes on to the C library's own (glibc keeps them under a second
 * name). Giving back is not noted: a release may do that. The linker takes these because the program's own are found
 * before those of libraries.
 */
#include "contract/contract.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define FOR_ALL_TO_SEE __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment, size_t size_bytes);
void *memalign(size_t alignment, size_t size_bytes); /* not in C's headers */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's headers have no words for them */

FOR_ALL_TO_SEE void *malloc(size_t size_bytes)
{
    contract_note_allocation();
    return __libc_malloc(size_bytes);
}

FOR_ALL_TO_SEE void *calloc(size_t count, size_t size_bytes)
{
    contract_note_allocation();
    return __libc_calloc(count, size_bytes);
}

FOR_ALL_TO_SEE void *realloc(void *memory, size_t size_bytes)
{
    contract_note_allocation();
    return __libc_realloc(memory, size_bytes);
}

FOR_ALL_TO_SEE void *memalign(size_t alignment, size_t size_bytes)
{
    contract_note_allocation();
    return __libc_memalign(alignment, size_bytes);
}

FOR_ALL_TO_SEE void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    contract_note_allocation();
    return __libc_memalign(alignment, size_bytes);
}

FOR_ALL_TO_SEE int posix_memalign(void **out_memory, size_t alignment, size_t size_bytes)
{
    contract_note_allocation();
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    int saved = errno;
    void *memory = __libc_memalign(alignment, size_bytes);
    errno = saved;
    if (memory == NULL)
        return ENOMEM;
    *out_memory = memory;
    return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
