# SPDX-License-Identifier: MIT
"""What functions of the system promise, whose headers cannot say it: read by check_contracts.py.

Each row names a contract and says why these functions keep it. A function in no row promises nothing; add one only with
a reason that its manual page or its source gives.
"""
WEAKEST = ("may_corrupt_process", "may_fail")
STRONGEST = ("will_not_corrupt_state", "success")
MAY_FAIL = ("will_not_corrupt_state", "may_fail")

KNOWN = [
    (STRONGEST, "work on memory that the caller has",
     "memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strrchr strstr bcmp"),
    (STRONGEST, "give memory back; they need none to do so", "free munmap GC_free"),
    (STRONGEST, "the descriptor is closed whatever they answer (Linux)", "close"),
    (STRONGEST, "close a descriptor, or fence (membarrier): the only two that are asked for by number", "syscall"),
    (STRONGEST, "end what they are given, and can only refuse what was never open",
     "sem_destroy sem_close pthread_mutex_destroy pthread_cond_destroy closedir shm_unlink unlink timer_delete dlclose"),
    (STRONGEST, "fail only for a mutex, condition or semaphore that is none; what they wait for is a lock of ours, held "
                "for a few steps",
     "pthread_mutex_lock pthread_mutex_unlock pthread_mutex_trylock pthread_cond_init pthread_cond_signal "
     "pthread_cond_broadcast pthread_condattr_init pthread_condattr_setclock pthread_condattr_destroy sem_post sem_init"),
    (STRONGEST, "set a word of the calling thread",
     "pthread_setcancelstate sigemptyset sigfillset sigaddset sigdelset pthread_self pthread_equal pthread_getspecific gettid getpid __errno_location"),
    (STRONGEST, "fails only for a question that is none", "pthread_sigmask"),
    (MAY_FAIL, "find nothing to tell of, or nothing that can be set", "fstat getrlimit getsockopt setsockopt"),
    (STRONGEST, "fail only where the thread has gone", "pthread_kill tgkill"),
    (STRONGEST, "read a clock that is always there, and wait for no longer than they are told", "clock_gettime nanosleep"),
    (MAY_FAIL, "end at a deadline", "pthread_cond_wait pthread_cond_timedwait sem_timedwait sem_wait sem_trywait"),
    (STRONGEST, "end the process where it would go on with a broken invariant", "__assert_fail abort _exit"),
    (STRONGEST, "run a function under the collector's own lock; what they are handed is checked like a call",
     "GC_call_with_alloc_lock"),
    (STRONGEST, "runs a function, and leaves by the system's own way out of a thread; what it is handed is checked like a call",
     "platform_call_guarded"),
    (STRONGEST, "read or write what the collector has for an object, under its lock; they allocate nothing",
     "GC_base GC_is_marked GC_set_mark_bit GC_clear_mark_bit GC_size GC_get_gc_no "
     "GC_get_on_collection_event GC_set_on_collection_event GC_get_suspend_signal GC_get_thr_restart_signal GC_thread_is_registered GC_get_stack_base GC_unregister_my_thread"),
    (MAY_FAIL, "need memory", "malloc calloc realloc reallocarray aligned_alloc posix_memalign strdup strndup mmap "
                              "GC_malloc GC_malloc_atomic GC_malloc_uncollectable GC_malloc_kind GC_generic_malloc_many "
                              "GC_realloc "
                              "GC_register_my_thread"),
    (MAY_FAIL, "need a descriptor, or the system's consent",
     "open openat creat socket pipe pipe2 eventfd dup dup2 dup3 fcntl accept accept4 connect bind listen"),
    (MAY_FAIL, "may be interrupted, or find the other side gone",
     "read write pread pwrite readv writev send recv sendmsg recvmsg sendto recvfrom shutdown ioctl fsync poll ppoll"),
    (MAY_FAIL, "write out what is buffered, and may have nowhere to", "fclose fflush"),
    (MAY_FAIL, "may have no room for all of it, and may allocate", "snprintf vsnprintf"),
    (MAY_FAIL, "a thread or a key may be one too many",
     "pthread_create pthread_key_create pthread_setspecific pthread_mutex_init "
     "pthread_attr_init pthread_attr_setstacksize pthread_attr_setdetachstate pthread_attr_destroy"),
]

# What these are handed runs later, and not for whoever hands it on.
RUN_LATER = set("pthread_create pthread_key_create pthread_atfork atexit sigaction GC_set_on_collection_event".split())

# The compiler's own: instructions, or the functions above under another name.
BUILTIN_PREFIXES = ("__builtin_", "__atomic_", "__sync_", "__c11_atomic_")

# Of the compiler's own, those that are functions of the library which no row names.
UNKNOWN_BUILTINS = set("printf vprintf fprintf vfprintf puts fputs putchar fputc fwrite exit longjmp fork vfork "
                       "execl execlp execle execv execvp execve".split())

BY_NAME = {name: contract for contract, _, names in KNOWN for name in names.split()}


def is_builtin(name):
    return name.startswith(BUILTIN_PREFIXES)


def contract(name):
    """The contract of a function by its name; None when it is in no row."""
    if not is_builtin(name):
        return BY_NAME.get(name)
    prefix = next(p for p in BUILTIN_PREFIXES if name.startswith(p))
    plain = name.removeprefix(prefix).removeprefix("__").removesuffix("_chk")
    return BY_NAME.get(plain, WEAKEST if plain in UNKNOWN_BUILTINS else STRONGEST)


def runs_nothing_it_is_handed(name):
    return is_builtin(name) or name in RUN_LATER
