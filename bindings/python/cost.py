# SPDX-License-Identifier: MIT
"""What one call costs, through handles and through what Python programs use otherwise: a line of JSON for each.

    cost.py [--rounds=N] [--calls=N]

All are measured in turns, so that what else the machine does hits each alike: the median of the rounds, and the quarter
of them that was fastest and slowest. Rounds are short, so that most are over before another program has its turn.
"""
import argparse
import ctypes
import fcntl
import json
import os
import statistics
import sys
import time
import warnings

# Not this folder's safehandle: it has no compiled part.
sys.path = [place for place in sys.path if os.path.realpath(place) != os.path.dirname(os.path.realpath(__file__))]
import safehandle

F_GETFD = fcntl.F_GETFD


def with_ctypes(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fcntl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.abs.argtypes = [ctypes.c_int]
    keeping = ctypes.PyDLL(None, use_errno=True)
    keeping.fcntl.argtypes = libc.fcntl.argtypes
    call, kept, nothing = libc.fcntl, keeping.fcntl, libc.abs
    return {"ctypes: fcntl of a number, releasing the lock": lambda: call(fd, F_GETFD, 0),
            "ctypes: fcntl of a number, keeping the lock": lambda: kept(fd, F_GETFD, 0),
            "ctypes: abs": lambda: nothing(5)}


def with_cffi(fd):
    try:
        import cffi
    except ImportError:
        print(f"cffi is not installed for {sys.executable}: it is left out", file=sys.stderr)
        return {}
    ffi = cffi.FFI()
    ffi.cdef("int fcntl(int, int, ...); int abs(int);")
    libc = ffi.dlopen(None)
    zero = ffi.cast("long", 0)
    call, nothing = libc.fcntl, libc.abs
    return {"cffi: fcntl of a number, releasing the lock": lambda: call(fd, F_GETFD, zero), "cffi: abs": lambda: nothing(5)}


def with_handles(h):
    signature = "int fcntl(fd in, int command, long argument) fails negative errno"
    call, blocking = safehandle.function(signature), safehandle.function(signature + " blocking")
    nothing = safehandle.function("int abs(int)")

    def leased():
        with h.lease():
            pass
    return {"safehandle.function: fcntl of a handle, releasing the lock": lambda: blocking(h, F_GETFD, 0),
            "safehandle.function: fcntl of a handle, keeping the lock": lambda: call(h, F_GETFD, 0),
            "safehandle.function: abs": lambda: nothing(5),
            "handle.lease": leased,
            "handle.read of one byte": lambda: h.read(1)}


def with_python(fd):
    return {"fcntl.fcntl of a number": lambda: fcntl.fcntl(fd, F_GETFD, 0),
            "os.read of one byte": lambda: os.read(fd, 1)}


def round_of(function, calls):
    """Nanoseconds for each call."""
    begin = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - begin) / calls


def measure(functions, rounds, calls):
    times = {what: [] for what in functions}
    for _ in range(rounds):
        for what, function in functions.items():
            times[what].append(round_of(function, calls))
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=201)
    parser.add_argument("--calls", type=int, default=400)
    chosen = parser.parse_args()
    warnings.simplefilter("error")
    with safehandle.open("/dev/zero") as h, open("/dev/zero", "rb", buffering=0) as file:
        functions = {"an empty Python function": lambda: None, **with_handles(h), **with_python(file.fileno()),
                     **with_ctypes(file.fileno()), **with_cffi(file.fileno())}
        for what, times in measure(functions, chosen.rounds, chosen.calls).items():
            low, _, high = statistics.quantiles(times, n=4)
            print(json.dumps({"language": "python", "what": what, "nanoseconds": round(statistics.median(times), 1),
                              "low": round(low, 1), "high": round(high, 1)}))


if __name__ == "__main__":
    main()
