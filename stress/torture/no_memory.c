/* SPDX-License-Identifier: MIT */
#include "no_memory.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

/* What we stand in front of. */
extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment_bytes, size_t size_bytes);

/* Declared here and not by the system's headers, which name the parameters otherwise. */
void *malloc(size_t size_bytes);
void *calloc(size_t count, size_t size_bytes);
void *realloc(void *memory, size_t size_bytes);
void *memalign(size_t alignment_bytes, size_t size_bytes);
void *aligned_alloc(size_t alignment_bytes, size_t size_bytes);
int posix_memalign(void **out_memory, size_t alignment_bytes, size_t size_bytes);
void *mmap(void *wish, size_t size_bytes, int protection, int flags, int file, off_t offset);

/* Of the collector, by the names that the library calls. */
void *GC_malloc_kind(size_t size_bytes, int kind);
void *GC_malloc_uncollectable(size_t size_bytes);

static _Thread_local bool none_left;
static _Thread_local size_t asked;

static bool refuses(void)
{
    asked += none_left;
    if (none_left)
        errno = ENOMEM;
    return none_left;
}

void no_memory_begin(void)
{
    asked = 0;
    none_left = true;
}

size_t no_memory_end(void)
{
    none_left = false;
    return asked;
}

/* ---- the system's ------------------------------------------------------------------------------------------------ */

void *malloc(size_t size_bytes)
{
    return refuses() ? NULL : __libc_malloc(size_bytes);
}

void *calloc(size_t count, size_t size_bytes)
{
    return refuses() ? NULL : __libc_calloc(count, size_bytes);
}

void *realloc(void *memory, size_t size_bytes)
{
    return refuses() ? NULL : __libc_realloc(memory, size_bytes);
}

void *memalign(size_t alignment_bytes, size_t size_bytes)
{
    return refuses() ? NULL : __libc_memalign(alignment_bytes, size_bytes);
}

void *aligned_alloc(size_t alignment_bytes, size_t size_bytes)
{
    return memalign(alignment_bytes, size_bytes);
}

int posix_memalign(void **out_memory, size_t alignment_bytes, size_t size_bytes)
{
    void *memory = memalign(alignment_bytes, size_bytes);
    if (memory != NULL)
        *out_memory = memory;
    return memory != NULL ? 0 : ENOMEM;
}

/* The next function of a name behind ours. ISO C knows no cast to it. */
static void find_next(const char *name, void *out_function)
{
    void *address = dlsym(RTLD_NEXT, name);
    memcpy(out_function, &address, sizeof address);
}

void *mmap(void *wish, size_t size_bytes, int protection, int flags, int file, off_t offset)
{
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (next == NULL)
        find_next("mmap", &next);
    return refuses() ? (void *)-1 : next(wish, size_bytes, protection, flags, file, offset);
}

/* ---- the collector's --------------------------------------------------------------------------------------------- */

void *GC_malloc_kind(size_t size_bytes, int kind)
{
    static void *(*next)(size_t, int);
    if (next == NULL)
        find_next("GC_malloc_kind", &next);
    return refuses() ? NULL : next(size_bytes, kind);
}

void *GC_malloc_uncollectable(size_t size_bytes)
{
    static void *(*next)(size_t);
    if (next == NULL)
        find_next("GC_malloc_uncollectable", &next);
    return refuses() ? NULL : next(size_bytes);
}
