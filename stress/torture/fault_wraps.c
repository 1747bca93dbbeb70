/* SPDX-License-Identifier: MIT */
/*
 * One function for each symbol of FAULT_CALLS. `ld --wrap=symbol` has this program's calls of symbol reach
 * __wrap_symbol, and __real_symbol reach what was meant.
 */
#include "fault.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <gc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

/* The collector's header has its own meaning for this one. */
#undef pthread_create

/* type name(parameters), which answers failure when it fails */
#define WRAP(type, name, parameters, arguments, failure)                                                               \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fault_strikes(FAULT_##name))                                                                               \
            return failure;                                                                                            \
        type result = __real_##name arguments;                                                                         \
        if (result != (failure))                                                                                       \
            fault_spoil_errno();                                                                                       \
        return result;                                                                                                 \
    }

/* The same of one that answers 0 or an errno value. */
#define WRAP_ERROR(name, parameters, arguments)                                                                        \
    int __real_##name parameters;                                                                                      \
    int __wrap_##name parameters;                                                                                      \
    int __wrap_##name parameters                                                                                       \
    {                                                                                                                  \
        if (fault_strikes(FAULT_##name))                                                                               \
            return errno;                                                                                              \
        int result = __real_##name arguments;                                                                          \
        fault_spoil_errno();                                                                                           \
        return result;                                                                                                 \
    }

/* The same of one that gives memory. */
#define WRAP_MEMORY(name, parameters, arguments, failure)                                                              \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters                                                                                     \
    {                                                                                                                  \
        if (fault_strikes(FAULT_##name))                                                                               \
            return failure;                                                                                            \
        void *result = __real_##name arguments;                                                                        \
        if (result == (failure))                                                                                       \
            return result;                                                                                             \
        fault_count_memory(+1);                                                                                        \
        fault_spoil_errno();                                                                                           \
        return result;                                                                                                 \
    }

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (fault_strikes(FAULT_open64))
        return -1;
    int made = __real_open64(path, flags, mode);
    if (made >= 0)
        fault_spoil_errno();
    return made;
}

int __real_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...);
int __wrap_fcntl64(int descriptor, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (fault_strikes(FAULT_fcntl64))
        return -1;
    int result = __real_fcntl64(descriptor, command, argument);
    if (result >= 0)
        fault_spoil_errno();
    return result;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* Linux has given the number back whatever close answers. */
static int close_or_fail(int descriptor)
{
    bool strikes = fault_strikes(FAULT_close);
    int error = errno;
    long result = __real_syscall(SYS_close, descriptor);
    if (strikes)
        errno = error;
    else if (result == 0)
        fault_spoil_errno();
    return strikes ? -1 : (int)result;
}

int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
    pthread_testcancel(); /* which close(2) does, and syscall(2) does not */
    return close_or_fail(descriptor);
}

/* The library closes and calls membarrier by this one. */
long __wrap_syscall(long number, ...)
{
    va_list given;
    va_start(given, number);
    long first = va_arg(given, long), second = va_arg(given, long), third = va_arg(given, long);
    va_end(given);
    if (number == SYS_close)
        return close_or_fail((int)first);
    if (fault_strikes(FAULT_syscall))
        return -1;
    long result = __real_syscall(number, first, second, third);
    if (result >= 0)
        fault_spoil_errno();
    return result;
}

WRAP(int, dup3, (int from, int to, int flags), (from, to, flags), -1)
WRAP(int, fstat64, (int descriptor, struct stat *out_status), (descriptor, out_status), -1)
WRAP(int, getrlimit64, (int resource, struct rlimit *out_limit), (resource, out_limit), -1)
WRAP(int, getsockopt, (int descriptor, int level, int name, void *out_value, socklen_t *in_out_size),
     (descriptor, level, name, out_value, in_out_size), -1)
WRAP(int, setsockopt, (int descriptor, int level, int name, const void *value, socklen_t size),
     (descriptor, level, name, value, size), -1)
WRAP(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags), -1)
WRAP(int, eventfd, (unsigned count, int flags), (count, flags), -1)

/* ---- memory ------------------------------------------------------------------------------------------------------ */

WRAP_MEMORY(malloc, (size_t size_bytes), (size_bytes), NULL)
WRAP_MEMORY(calloc, (size_t count, size_t size_bytes), (count, size_bytes), NULL)
WRAP_MEMORY(mmap64, (void *at, size_t size_bytes, int protection, int flags, int descriptor, off_t offset),
            (at, size_bytes, protection, flags, descriptor, offset), MAP_FAILED)

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
    fault_count_memory(memory == NULL ? 0 : -1);
    __real_free(memory);
}

int __real_munmap(void *pages, size_t size_bytes);
int __wrap_munmap(void *pages, size_t size_bytes);
int __wrap_munmap(void *pages, size_t size_bytes)
{
    if (fault_strikes(FAULT_munmap))
        return -1;
    fault_count_memory(-1);
    return __real_munmap(pages, size_bytes);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

WRAP_ERROR(pthread_create, (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data),
           (thread, attributes, run, data))
WRAP_ERROR(pthread_key_create, (pthread_key_t * key, void (*at_end)(void *)), (key, at_end))
WRAP_ERROR(pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
WRAP_ERROR(pthread_atfork, (void (*before)(void), void (*in_parent)(void), void (*in_child)(void)),
           (before, in_parent, in_child))
WRAP_ERROR(pthread_getattr_np, (pthread_t thread, pthread_attr_t *out_attributes), (thread, out_attributes))
WRAP(int, tgkill, (pid_t process, pid_t thread, int signal), (process, thread, signal), -1)

WRAP(int, sem_wait, (sem_t * signal), (signal), -1)
WRAP(int, sem_clockwait, (sem_t * signal, clockid_t clock, const struct timespec *until), (signal, clock, until), -1)

/* ---- the process ------------------------------------------------------------------------------------------------- */

WRAP(int, sigaction, (int signal, const struct sigaction *action, struct sigaction *out_before),
     (signal, action, out_before), -1)
WRAP(int, atexit, (void (*at_exit)(void)), (at_exit), -1)
/* This program's own stand-ins (no_memory.c) ask for what is behind them, and cannot do without. */
void *__real_dlsym(void *where, const char *name);
void *__wrap_dlsym(void *where, const char *name);
void *__wrap_dlsym(void *where, const char *name)
{
    if (where != RTLD_NEXT && fault_strikes(FAULT_dlsym))
        return NULL;
    void *found = __real_dlsym(where, name);
    if (found != NULL)
        fault_spoil_errno();
    return found;
}

/* ---- the collector ----------------------------------------------------------------------------------------------- */

WRAP(void *, GC_malloc, (size_t size_bytes), (size_bytes), NULL)
WRAP(void *, GC_malloc_kind, (size_t size_bytes, int kind), (size_bytes, kind), NULL)

void __real_GC_generic_malloc_many(size_t size_bytes, int kind, void **out_list);
void __wrap_GC_generic_malloc_many(size_t size_bytes, int kind, void **out_list);
void __wrap_GC_generic_malloc_many(size_t size_bytes, int kind, void **out_list)
{
    if (fault_strikes(FAULT_GC_generic_malloc_many)) {
        *out_list = NULL;
        return;
    }
    __real_GC_generic_malloc_many(size_bytes, kind, out_list);
    if (*out_list != NULL)
        fault_spoil_errno();
}

WRAP_MEMORY(GC_malloc_uncollectable, (size_t size_bytes), (size_bytes), NULL)

void __real_GC_free(void *memory);
void __wrap_GC_free(void *memory);
void __wrap_GC_free(void *memory)
{
    fault_count_memory(memory == NULL ? 0 : -1);
    __real_GC_free(memory);
}

int __real_GC_get_stack_base(struct GC_stack_base *out_base);
int __wrap_GC_get_stack_base(struct GC_stack_base *out_base);
int __wrap_GC_get_stack_base(struct GC_stack_base *out_base)
{
    return fault_strikes(FAULT_GC_get_stack_base) ? GC_NO_MEMORY : __real_GC_get_stack_base(out_base);
}

/* Without memory it registers nothing, and leaves what it would have answered as it was. */
void __real_GC_register_finalizer_no_order(void *object, GC_finalization_proc run, void *data,
                                           GC_finalization_proc *out_before, void **out_before_data);
void __wrap_GC_register_finalizer_no_order(void *object, GC_finalization_proc run, void *data,
                                           GC_finalization_proc *out_before, void **out_before_data);
void __wrap_GC_register_finalizer_no_order(void *object, GC_finalization_proc run, void *data,
                                           GC_finalization_proc *out_before, void **out_before_data)
{
    if (!fault_strikes(FAULT_GC_register_finalizer_no_order))
        __real_GC_register_finalizer_no_order(object, run, data, out_before, out_before_data);
}
