# SPDX-License-Identifier: MIT
"""What the tests share."""
import contextlib
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings

DEADLINE = 60  # seconds: for what has to happen at some time, on a machine that is busy with something else


def wait_until(condition, what):
    """Polls; fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {DEADLINE} s: {what}")
        time.sleep(0.001)


def is_blocked(thread):
    """Whether the thread sleeps in the kernel."""
    with open(f"/proc/self/task/{thread.native_id}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"


def is_reading(thread):
    """Whether the thread is in the system call read (0 on x86-64), where /proc tells; else whether it sleeps."""
    try:
        with open(f"/proc/self/task/{thread.native_id}/syscall", encoding="ascii") as call:
            return call.read().split()[0] == "0"
    except OSError:
        return is_blocked(thread)


class Worker(threading.Thread):
    """Runs a function on a thread; result() is what it returned, or raises what it raised."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function, self.arguments = function, arguments
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.function(*self.arguments)
        except BaseException as error:  # for result() to raise
            self.error = error

    def result(self):
        self.join(DEADLINE)
        if self.is_alive():
            raise AssertionError(f"{self.function} did not return")
        if self.error is not None:
            raise self.error
        return self.value

    def wait_blocked_in_read(self):
        wait_until(lambda: is_reading(self), "the thread blocks in read")


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def recorded():
    """with recorded() as warned: every warning, as a list."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield warned


@contextlib.contextmanager
def quiet():
    """No warning, where they are not what is looked at: one that is recorded keeps the handle that it is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def python(code, *options, **keywords):
    """Runs code in an interpreter of its own; the finished process."""
    return subprocess.run([sys.executable, *options, "-c", textwrap.dedent(code)], capture_output=True, text=True,
                          check=False, timeout=DEADLINE, **keywords)
