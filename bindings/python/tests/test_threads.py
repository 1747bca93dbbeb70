# SPDX-License-Identifier: MIT
"""Readers that are blocked while another thread closes."""
import os
import select
import threading
import unittest

import safehandle
from support import DEADLINE, Worker, is_open, quiet, wait_until


def read_until_closed(h):
    """How many bytes came."""
    count = 0
    while True:
        try:
            data = h.read(1)
        except safehandle.ClosedError:
            return count
        if not data:
            raise AssertionError("the pipe has ended: its writer is open")
        count += 1


class Threads(unittest.TestCase):
    def setUp(self):
        self.r, self.w = safehandle.pipe()
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)

    def test_a_blocked_reader_lets_others_run(self):
        reader = Worker(self.r.read, 10)
        reader.wait_blocked_in_read()
        self.w.write(b"now")
        self.assertEqual(reader.result(), b"now")

    def test_a_waiting_close_wakes_a_blocked_reader(self):
        for timeout in (DEADLINE, None):
            r, w = safehandle.pipe()
            with w:
                reader = Worker(r.read, 10)
                reader.wait_blocked_in_read()
                r.close(timeout=timeout)
                with self.assertRaises(safehandle.ClosedError):
                    reader.result()

    def test_a_waiting_close_wakes_a_blocked_writer(self):
        room = bytes(1 << 20)
        writer = Worker(self.w.write, room)
        wait_until(self.has_data, "the pipe fills")
        self.w.close(timeout=DEADLINE)
        try:
            self.assertLess(writer.result(), len(room))
        except safehandle.ClosedError:
            pass

    def has_data(self):
        with self.r.lease() as fd:
            return bool(select.select([fd], [], [], 0)[0])

    def test_a_waiting_close_wakes_a_lease_of_a_function(self):
        def use():
            with self.r.lease() as fd:
                return os.read(fd, 1)
        reader = Worker(use)
        reader.wait_blocked_in_read()
        self.r.close(timeout=DEADLINE)
        with self.assertRaises(OSError):
            reader.result()

    def test_a_plain_close_leaves_the_number_to_the_reader(self):
        with self.r.lease() as fd:
            pass
        reader = Worker(self.r.read, 10)
        reader.wait_blocked_in_read()
        self.r.close()
        self.assertTrue(is_open(fd))
        others = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        self.assertNotIn(fd, others)
        self.w.write(b"late")
        self.assertEqual(reader.result(), b"late")
        self.assertFalse(is_open(fd))
        for other in others:
            os.close(other)

    def test_a_timeout_says_who_is_left(self):
        lease = self.r.lease(anywhere=True)
        with lease, self.assertRaisesRegex(safehandle.CloseTimeoutError, "counted"):
            self.r.close(timeout=0.05)
        begun, go_on = threading.Event(), threading.Event()

        def use():
            with self.w.lease():
                begun.set()
                go_on.wait(DEADLINE)
        user = Worker(use)
        begun.wait(DEADLINE)
        with self.assertRaisesRegex(safehandle.CloseTimeoutError, f"thread {user.native_id}"):
            self.w.close(timeout=0.05)
        go_on.set()
        user.result()
        self.w.close(timeout=DEADLINE)

    def test_eight_threads_read_while_one_closes(self):
        for _ in range(20):
            r, w = safehandle.pipe()
            readers = [Worker(read_until_closed, r) for _ in range(8)]
            sent = sum(w.write(b"x" * 10) for _ in range(10))
            r.close(timeout=DEADLINE)
            self.assertLessEqual(sum(reader.result() for reader in readers), sent)
            w.close()

    def test_no_read_ever_comes_from_another_file(self):
        """Eight threads read what must be x, while the handle is closed and numbers go to files that read as zero."""
        for _ in range(30):
            r, w = safehandle.pipe()
            w.write(b"x" * 5000)
            readers = [Worker(self.read_all_x, r) for _ in range(8)]
            r.close()
            strangers = [os.open("/dev/zero", os.O_RDONLY) for _ in range(4)]
            w.close()
            for reader in readers:
                self.assertLessEqual(reader.result(), {ord("x")})
            for stranger in strangers:
                os.close(stranger)

    @staticmethod
    def read_all_x(h):
        seen = set()
        while True:
            try:
                data = h.read(7)
            except safehandle.ClosedError:
                return seen
            if not data:
                return seen
            seen.update(data)

    def test_handles_die_on_any_thread(self):
        def make_and_drop():
            for _ in range(500):
                safehandle.open("/dev/null")
        with quiet():
            for worker in [Worker(make_and_drop) for _ in range(4)]:
                worker.result()
