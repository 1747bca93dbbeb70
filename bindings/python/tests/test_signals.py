# SPDX-License-Identifier: MIT
"""PEP 475: a call that a signal interrupts goes on, under the same lease, whatever the handler does."""
import os
import signal
import tempfile
import threading
import unittest

import safehandle
from support import is_blocked, is_open, is_reading, wait_until


class Interrupted(unittest.TestCase):
    """The main thread reads; another sends it signals."""

    def setUp(self):
        self.r, self.w = safehandle.pipe()
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)
        self.calls = 0
        self.react = None
        before = signal.signal(signal.SIGUSR1, self.handle)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)

    def handle(self, number, frame):
        self.calls += 1
        react, self.react = self.react, None
        if react is not None:
            react()

    def signals(self, count, then=lambda: None, blocked=is_reading):
        """On another thread: as many signals to the main thread, each when it is blocked; then one thing more."""
        main = threading.main_thread()

        def run():
            for number in range(1, count + 1):
                wait_until(lambda: blocked(main), "the main thread blocks")
                signal.pthread_kill(main.ident, signal.SIGUSR1)
                wait_until(lambda: self.calls >= number, "the signal is handled")
            then()
        sender = threading.Thread(target=run, daemon=True)
        sender.start()
        return sender

    def test_a_read_goes_on(self):
        sender = self.signals(3, lambda: self.w.write(b"after"))
        self.assertEqual(self.r.read(10), b"after")
        sender.join()

    def test_a_handler_that_raises_ends_it(self):
        def react():
            raise ZeroDivisionError
        self.react = react
        sender = self.signals(1)
        with self.assertRaises(ZeroDivisionError):
            self.r.read(10)
        sender.join()
        with self.r.lease() as fd:
            pass
        self.r.close()
        self.assertFalse(is_open(fd), "the lease was given back")

    def test_a_handler_that_closes_ends_it_and_no_other_file_is_read(self):
        with self.r.lease() as fd:
            pass
        strangers = []

        def react():
            self.r.close()
            strangers.append(os.open("/dev/zero", os.O_RDONLY))
        self.react = react
        sender = self.signals(1)
        with self.assertRaises(safehandle.ClosedError):
            self.r.read(10)
        sender.join()
        self.assertNotIn(fd, strangers, "the reader still had the number")
        self.assertFalse(is_open(fd))
        for stranger in strangers:
            os.close(stranger)

    def test_a_waiting_close_lets_handlers_run(self):
        def react():
            raise ZeroDivisionError
        with self.assertRaises(ZeroDivisionError), self.r.lease(anywhere=True):
            sender = self.signals(1, blocked=lambda main: self.react is not None and is_blocked(main))
            self.react = react
            self.r.close(timeout=None)
        sender.join()

    def test_an_open_that_blocks_goes_on(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        path = os.path.join(place.name, "fifo")
        os.mkfifo(path)

        def open_other_end():
            with open(path, "wb") as fifo:
                fifo.write(b"through")
        sender = self.signals(2, open_other_end, is_blocked)
        with safehandle.open(path) as h:
            self.assertEqual(h.read(100), b"through")
        sender.join()
