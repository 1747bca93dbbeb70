# SPDX-License-Identifier: MIT
"""Whatever the library calls outside itself is either made to fail by the class faults, or named below with a reason."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

NM, LIBRARY, WRAPPED = sys.argv[1], sys.argv[2], sys.argv[3:]

# By prefix: what cannot fail with arguments that are right, or whose failure has no consequence.
CANNOT_FAIL = [
    "AO_", "__", "_GLOBAL_", "_ITM_", "_U", "abort", "mem", "str", "snprintf", "vsnprintf",  # the compiler's, and text
    "free", "getpid", "gettid", "clock_gettime", "nanosleep",  # a sleep that is cut short is no error here
    "dlerror",
    "ffi_call", "ffi_prep_cif", "ffi_type_",  # whose types and convention are libffi's own
    "pthread_attr_", "pthread_cond", "pthread_mutex_", "pthread_self", "pthread_setcancelstate", "pthread_setname_np",
    "pthread_sigmask", "sem_init", "sem_post", "sem_trywait", "sigaddset", "sigdelset", "sigemptyset", "sigfillset",
    "GC_allow_register_threads", "GC_base", "GC_call_with_alloc_lock", "GC_do_blocking", "GC_free", "GC_gcollect",
    "GC_get_gc_no",
    "GC_get_java_finalization", "GC_get_min_bytes_allocd", "GC_get_on_collection_event", "GC_get_suspend_signal", "GC_get_thr_restart_signal",
    "GC_init", "GC_invoke_finalizers", "GC_is_", "GC_new_", "GC_register_disclaim_proc", "GC_register_my_thread",
    "GC_set_", "GC_should_invoke_finalizers", "GC_thread_is_registered", "GC_unregister_my_thread",
]


def called():
    """What the objects of the library want from others, and none of them defines."""
    told = subprocess.run([NM, "--format=posix", LIBRARY], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in told.splitlines() if len(line.split()) >= 2]
    defined = {row[0] for row in rows if row[1] != "U"}
    return {row[0] for row in rows if row[1] == "U"} - defined


def main():
    checks = Checks()
    header = (pathlib.Path(__file__).parent / "fault.h").read_text(encoding="utf-8")
    listed = set(re.findall(r"^ +CALL\((\w+),", header, flags=re.MULTILINE))
    checks.check(listed == set(WRAPPED), "fault.h and meson.build name the same calls", listed ^ set(WRAPPED))
    outside = called()
    unknown = sorted(name for name in outside - listed if not name.startswith(tuple(CANNOT_FAIL)))
    checks.check(not unknown, "every call that can fail is made to fail", "\n".join(unknown))
    unused = sorted(listed - outside)
    checks.check(not unused, "every call that is listed is made", "\n".join(unused))
    checks.finish()


main()
