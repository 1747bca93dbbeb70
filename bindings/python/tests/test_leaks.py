# SPDX-License-Identifier: MIT
"""A million objects, and fewer of each rarer sort: memory, blocks of Python and descriptors are as before."""
import gc
import os
import sys
import unittest

import safehandle
from support import open_descriptors, quiet

MILLION = 1_000_000
MANY = 50_000
released = 0


def count(value):
    global released
    released += 1


COUNTED = safehandle.Kind("counted", count, duplicate=lambda value: value + 1)


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Leaks(unittest.TestCase):
    def nothing_leaks(self, work, times=MANY):
        work(MANY // 10)  # makes room for all that is kept for the next one
        with quiet():
            gc.collect()
        before = resident_bytes(), sys.getallocatedblocks(), open_descriptors()
        work(times)
        with quiet():
            gc.collect()
        after = resident_bytes(), sys.getallocatedblocks(), open_descriptors()
        self.assertLess(after[0] - before[0], 1 << 20, "bytes resident: 20 of each would show")
        self.assertLess(after[1] - before[1], 1000, "blocks of Python")
        self.assertEqual(after[2], before[2], "descriptors")

    def test_a_million_opened_duplicated_and_wrapped(self):
        def work(times):
            for i in range(times // 3):
                h = safehandle.open("/dev/null")
                h.duplicate().close()
                h.close()
                safehandle.wrap(i, COUNTED).close()
        before = released
        self.nothing_leaks(work, MILLION)
        self.assertEqual(released - before, MILLION // 3 + MANY // 10 // 3)

    def test_opened_and_forgotten(self):
        def work(times):
            with quiet():
                for _ in range(times):
                    safehandle.open("/dev/null")
        self.nothing_leaks(work)

    def test_leased(self):
        with safehandle.open("/dev/null") as h:
            def suspended():
                with h.lease() as fd:
                    yield fd

            def work(times):
                for _ in range(times):
                    with h.lease():
                        pass
                    next(suspended())
            self.nothing_leaks(work)

    def test_read(self):
        with safehandle.open("/dev/zero") as h:
            def work(times):
                for _ in range(times):
                    h.read(10)
            self.nothing_leaks(work)

    def test_called(self):
        dup = safehandle.function("file fcntl(file in, int command, int from) errno")
        close = safehandle.function("int close(file consume) fails negative errno")
        with safehandle.open("/dev/zero") as h:
            def work(times):
                for _ in range(times):
                    close(dup(h, 0, 0))
            self.nothing_leaks(work)

    def test_refused(self):
        h = safehandle.open("/dev/zero")
        h.close()

        def work(times):
            for _ in range(times // 5):
                for use in (lambda: h.read(1), lambda: h.lease().__enter__(), h.duplicate,
                            lambda: safehandle.open("/no/such/file"), lambda: safehandle.wrap(-1, COUNTED)):
                    try:
                        use()
                    except (safehandle.Error, OSError):
                        pass
        self.nothing_leaks(work)

    def test_in_circles(self):
        def work(times):
            with quiet():
                for _ in range(times):
                    h = safehandle.wrap(1, COUNTED)
                    h.itself = h
        self.nothing_leaks(work)
