# SPDX-License-Identifier: MIT
"""The peers: what each is called, how its program is made, and what its figures mean."""
from dataclasses import dataclass
from typing import Callable

import building


@dataclass(frozen=True)
class Peer:
    name: str
    make: Callable  # the directory for what is made -> building.Program
    note: str       # what is measured, and what it does not give


NO_CLOSE = "No close state: whoever has a reference must know that it is open."

PEERS = [
    Peer("compare-and-swap", building.of_compiler("c/compare_and_swap.c"),
         "A loop that looks at a closed bit and stores one user more, and one that stores one less."),
    Peer("mutex", building.of_libc("c/mutex.c"),
         "pthread_mutex_lock, a look at a flag, pthread_mutex_unlock. Users keep each other out, and a close waits."),
    Peer("rwlock", building.of_libc("c/rwlock.c"),
         "pthread_rwlock_rdlock, a look at a flag, pthread_rwlock_unlock. A close waits for all users."),
    Peer("dup", building.of_libc("c/dup.c"),
         "dup and close of a descriptor. Works for descriptors only, and does not see that the original was closed."),
    Peer("shared_ptr", building.of_cxx("c/shared_ptr.cpp"),
         f"A copy of one std::shared_ptr, made and ended, while the process has two threads. {NO_CLOSE}"),
    Peer("glib", building.of_package("c/glib.c", "gobject-2.0"),
         f"g_object_ref and g_object_unref of a plain GObject. {NO_CLOSE}"),
    Peer("liburcu", building.of_package("c/liburcu.c", "liburcu-memb"),
         "rcu_read_lock and rcu_read_unlock, membarrier flavour, inlined. Protects everything and nothing by name: "
         "whoever closes waits for all readers, of other handles too. No close state."),
    Peer("concurrency-kit", building.of_package("c/concurrency_kit.c", "ck"),
         "ck_epoch_begin and ck_epoch_end without a section. Protects everything and nothing by name, as liburcu "
         "does. No close state."),
    Peer("rust-arc", building.rust,
         f"A clone of one Arc<OwnedFd>, made and dropped, beside a pair of fetch_add. {NO_CLOSE}"),
    Peer("go-os-file", building.go,
         "SyscallConn().Control with an empty function, on one os.File: the thinnest public operation that takes its "
         "fdMutex and gives it back. Beside a pair of atomic.AddInt64. finalize: runtime.SetFinalizer."),
    Peer("java-shared-arena", building.java,
         "What a call of strnlen through java.lang.foreign costs more with a segment of a shared arena than with one "
         "of the global arena: the former is kept open for the time of the call. The call hides a part of the cost. "
         "Beside a pair of AtomicLong.getAndAdd. finalize: Cleaner."),
    Peer("dotnet-safehandle", building.dotnet,
         "DangerousAddRef and DangerousRelease on one SafeHandle of .NET, beside a pair of Interlocked.Add."),
    Peer("mono-safehandle", building.mono,
         "DangerousAddRef and DangerousRelease on one SafeHandle of Mono, beside a pair of Interlocked.Add."),
]
