# SPDX-License-Identifier: MIT
"""What is forgotten: warned of, closed after every finalizer of the same garbage, and found when descriptors run out."""
import gc
import os
import resource
import tracemalloc
import unittest
import weakref

import safehandle
from support import is_open, python, quiet, recorded


def number(h):
    with h.lease() as fd:
        return fd


class BufferedWriter:
    """Keeps what is written until it dies, and flushes then: the accident that handles are for."""

    def __init__(self, h):
        self.h = h
        self.pending = b""
        self.h.writer = self  # a circle: only the cyclic collector finds them, both in the same garbage

    def write(self, data):
        self.pending += data

    def __del__(self):
        self.h.write(self.pending)


class Death(unittest.TestCase):
    def test_a_forgotten_handle_is_closed_with_a_warning(self):
        with recorded() as warned:
            h = safehandle.open("/dev/null")
            fd = number(h)
            del h
            self.assertEqual([w.category for w in warned], [ResourceWarning])
            self.assertIn(f"unclosed handle <safehandle.Handle file {fd}>", str(warned[0].message))
            warned.clear()
        self.assertFalse(is_open(fd))

    def test_a_closed_one_dies_without(self):
        with recorded() as warned:
            h = safehandle.open("/dev/null")
            h.close()
            del h
        self.assertEqual(warned, [])

    def test_the_warning_names_the_line_when_tracing_is_on(self):
        safehandle.trace(True)
        try:
            with recorded() as warned:
                safehandle.open("/dev/null")
                self.assertRegex(str(warned[0].message), r"made at .*test_death\.py:\d+")
        finally:
            safehandle.trace(False)

    def test_the_warning_names_its_source_for_tracemalloc(self):
        tracemalloc.start()
        try:
            with recorded() as warned:
                safehandle.open("/dev/null")
                trace = tracemalloc.get_object_traceback(warned[0].source)
                self.assertIn("test_death.py", trace[0].filename)
                warned.clear()
        finally:
            tracemalloc.stop()

    def test_tracemalloc_from_the_beginning_turns_tracing_on(self):
        done = python("import safehandle; safehandle.open('/dev/null')", "-X", "tracemalloc", "-W", "always")
        self.assertIn("made at <string>:1", done.stderr)
        self.assertIn("Object allocated at", done.stderr)

    def test_a_finalizer_in_the_same_garbage_flushes_through_the_open_handle(self):
        for _ in range(50):  # the collector's order follows the addresses
            r, w = safehandle.pipe()
            writer = BufferedWriter(w)
            writer.write(b"flushed")
            with quiet():
                del w, writer
                gc.collect()
            self.assertEqual(r.read(100), b"flushed")
            self.assertEqual(r.read(100), b"", "and then the handle was closed")
            r.close()

    def test_a_finalizer_may_bring_it_back(self):
        saved = []

        class Saver:
            def __init__(self, h):
                self.h = h
                h.saver = self

            def __del__(self):
                saved.append(self.h)

        Saver(safehandle.open("/dev/zero"))
        with quiet():
            gc.collect()
        self.assertEqual(saved[0].read(1), b"\0")
        saved[0].close()

    def test_weak_references_are_cleared(self):
        h = safehandle.open("/dev/null")
        told = []
        seen = weakref.ref(h, told.append)
        self.assertIs(seen(), h)
        with h:
            pass
        del h
        self.assertIsNone(seen())
        self.assertEqual(len(told), 1)

    def test_a_warning_that_is_an_error_does_not_stop_the_close(self):
        done = python("""
            import os, safehandle
            r, w = os.pipe()
            safehandle.wrap(w)
            print(os.read(r, 1))
            """, "-W", "error")
        self.assertEqual(done.stdout, "b''\n")
        self.assertIn("ResourceWarning: unclosed handle", done.stderr)

    def test_dead_circles_are_collected_when_descriptors_run_out(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        thresholds = gc.get_threshold()
        gc.set_threshold(1_000_000)
        try:
            with quiet():
                for _ in range(1000):
                    h = safehandle.open("/dev/null")
                    h.itself = h
        finally:
            gc.set_threshold(*thresholds)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            with quiet():
                del h
                gc.collect()

    def test_an_opened_handle_that_is_closed_elsewhere_is_told(self):
        with recorded() as warned:
            h = safehandle.open("/dev/null")
            os.close(number(h))
            with safehandle.open("/dev/null") as other:
                self.assertTrue(h.closed, "its number was given to another: it is not ours any more")
                h.close()
                self.assertTrue(is_open(number(other)))
            self.assertTrue(safehandle.wait_for_events(60))
        self.assertEqual([w.category for w in warned], [RuntimeWarning])
