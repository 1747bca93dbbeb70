# SPDX-License-Identifier: MIT
"""Leases: in a function, over a yield, over an await, and ended on other threads."""
import asyncio
import contextlib
import gc
import os
import sys
import unittest

import safehandle
from support import Worker, is_open, wait_until


class Leases(unittest.TestCase):
    def setUp(self):
        self.r, self.w = safehandle.pipe()
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)

    def number(self):
        with self.r.lease() as fd:
            return fd

    def test_it_lends_the_number(self):
        with self.w.lease() as fd:
            self.assertIs(type(fd), int)
            os.write(fd, b"x")
        lease = self.r.lease()
        self.assertIs(lease.handle, self.r)
        with lease as fd:
            self.assertEqual(lease.fileno(), fd)
            self.assertEqual(os.read(fd, 1), b"x")
        with self.assertRaisesRegex(safehandle.ClosedError, "over"):
            lease.fileno()
        with lease:
            pass

    def test_a_close_inside_waits_for_the_end_of_the_scope(self):
        with self.r.lease() as fd:
            self.r.close()
            self.assertTrue(self.r.closed)
            self.assertTrue(is_open(fd))
            with self.assertRaises(safehandle.ClosedError), self.r.lease():
                self.fail("entered")
        self.assertFalse(is_open(fd))

    def test_an_error_ends_it(self):
        with self.assertRaises(ZeroDivisionError), self.r.lease() as fd:
            raise ZeroDivisionError
        self.r.close()
        self.assertFalse(is_open(fd))

    def test_a_wait_for_oneself_is_refused(self):
        with self.r.lease():
            with self.assertRaisesRegex(safehandle.CloseTimeoutError, "itself"):
                self.r.close(timeout=None)
        self.r.close(timeout=None)

    def test_it_is_entered_once_at_a_time(self):
        lease = self.r.lease()
        with lease, self.assertRaisesRegex(safehandle.Error, "entered already"):
            lease.__enter__()

    def test_one_that_is_forgotten_is_given_back(self):
        lease = self.r.lease()
        fd = lease.__enter__()
        self.r.close()
        self.assertTrue(is_open(fd))
        del lease
        self.assertFalse(is_open(fd))

    def test_many_nest(self):
        with contextlib.ExitStack() as stack:
            numbers = {stack.enter_context(self.r.lease()) for _ in range(100)}
            self.r.close()
        self.assertEqual(len(numbers), 1)
        self.assertFalse(is_open(numbers.pop()))


class Suspended(Leases):
    """The same scope, left and entered again."""

    def generate(self):
        with self.r.lease() as fd:
            yield fd
            yield os.read(fd, 1)

    def test_a_lease_lasts_over_a_yield(self):
        steps = self.generate()
        fd = next(steps)
        self.w.write(b"x")
        self.r.close()
        self.assertEqual(next(steps), b"x")
        self.assertTrue(is_open(fd))
        self.assertEqual(list(steps), [])
        self.assertFalse(is_open(fd))

    def test_a_generator_that_is_forgotten_gives_it_back(self):
        steps = self.generate()
        fd = next(steps)
        self.r.close()
        self.assertTrue(is_open(fd))
        del steps
        gc.collect()
        self.assertFalse(is_open(fd))

    def test_a_generator_goes_on_and_ends_on_other_threads(self):
        steps = self.generate()
        fd = Worker(next, steps).result()
        self.w.write(b"x")
        self.assertEqual(Worker(next, steps).result(), b"x")
        self.r.close()
        self.assertTrue(is_open(fd))
        self.assertEqual(Worker(list, steps).result(), [])
        self.assertFalse(is_open(fd))

    def test_a_stack_in_a_generator_ends_on_another_thread(self):
        def stacked():
            with contextlib.ExitStack() as stack:
                yield stack.enter_context(self.r.lease())
        steps = stacked()
        fd = Worker(next, steps).result()
        self.r.close()
        self.assertTrue(is_open(fd), "the end of the thread has not given it back")
        self.assertEqual(Worker(list, steps).result(), [])
        self.assertFalse(is_open(fd))

    def test_a_lease_lasts_over_an_await(self):
        async def use():
            with self.r.lease() as fd:
                await asyncio.sleep(0)
                self.r.close()
                await asyncio.sleep(0)
                self.assertTrue(is_open(fd))
                return fd
        self.assertFalse(is_open(asyncio.run(use())))

    def test_a_lease_for_anywhere_ends_anywhere(self):
        lease = self.r.lease(anywhere=True)
        fd = Worker(lease.__enter__).result()
        self.r.close()
        self.assertTrue(is_open(fd))
        lease.__exit__(None, None, None)
        self.assertFalse(is_open(fd))

    def test_one_that_a_function_ends_elsewhere_is_given_back_by_its_own_thread(self):
        lease = self.r.lease()
        fd = lease.__enter__()
        self.r.close()
        Worker(lease.__exit__, None, None, None).result()
        self.assertTrue(is_open(fd), "a lease belongs to its thread")
        with self.assertRaises(safehandle.ClosedError):
            self.r.read(1)  # any call of this thread
        self.assertFalse(is_open(fd))

    def test_one_that_is_left_by_the_end_of_its_thread_is_given_back(self):
        lease = self.r.lease()
        fd = Worker(lease.__enter__).result()
        self.r.close()
        lease.__exit__(None, None, None)
        wait_until(lambda: not is_open(fd), "the thread's end gives its leases back")

    def test_it_holds_the_handle(self):
        r, w = safehandle.pipe()
        before = sys.getrefcount(r)
        lease = r.lease()
        self.assertEqual(sys.getrefcount(r), before + 1)
        with lease as fd:
            r.close()
            del r
            self.assertTrue(is_open(fd))
        w.close()
