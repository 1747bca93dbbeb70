# SPDX-License-Identifier: MIT
"""Forks, sub-interpreters, and what happens at the end of each interpreter."""
import os
import sys
import textwrap
import unittest

import safehandle
from support import is_open, python

try:
    import _xxsubinterpreters as interpreters
except ImportError:
    interpreters = None

PATH = f"import sys; sys.path[:0] = {sys.path!r}\n"


class Forks(unittest.TestCase):
    def in_child(self, work):
        """Runs work in a forked child; its exit status: 0, or 1 with a traceback."""
        child = os.fork()
        if child == 0:
            try:
                work()
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        self.assertEqual(status, 0)

    def test_a_child_uses_makes_and_closes(self):
        r, w = safehandle.pipe()

        def work():
            w.write(b"from the child")
            w.close()
            with safehandle.open("/dev/zero") as h, h.duplicate() as copy:
                assert copy.read(1) == b"\0"
            r.close(timeout=5)
        self.in_child(work)
        self.assertEqual(r.read(100), b"from the child")
        self.assertFalse(r.closed or w.closed)
        r.close()
        w.close()

    def test_a_child_of_a_thread_that_leases_goes_on(self):
        r, w = safehandle.pipe()
        with r.lease() as fd:
            def work():
                r.close()
                assert is_open(fd)
            self.in_child(work)
            self.assertFalse(r.closed)
        r.close()
        w.close()

    def test_a_child_that_exits_by_return_ends_well(self):
        done = python("""
            import os, safehandle, sys
            r, w = safehandle.pipe()
            if os.fork() == 0:
                w.write(b"child")
                sys.exit(0)
            os.wait()
            print(r.read(9))
            """)
        self.assertEqual((done.stdout, done.returncode), ("b'child'\n", 0), done.stderr)


class Ends(unittest.TestCase):
    def test_handles_in_globals_outlive_the_finalizers_that_flush_through_them(self):
        done = python("""
            import os, safehandle, sys
            class Writer:
                def __init__(self, h): self.h = h
                def __del__(self): self.h.write(b"flushed at exit")
            h = safehandle.wrap(1, "file", owned=False)
            writer = Writer(h)
            safehandle.forgotten = writer
            """)
        self.assertEqual((done.stdout, done.returncode), ("flushed at exit", 0), done.stderr)

    def test_what_is_forgotten_is_released_by_its_python_function(self):
        done = python("""
            import safehandle
            h = safehandle.wrap(5, safehandle.Kind("thing", lambda value, print=print: print("released", value)))
            """)
        self.assertEqual((done.stdout, done.returncode), ("released 5\n", 0), done.stderr)

    def test_a_thread_that_is_blocked_does_not_stop_the_end(self):
        done = python("""
            import safehandle, threading, time
            r, w = safehandle.pipe()
            threading.Thread(target=r.read, args=(1,), daemon=True).start()
            time.sleep(0.05)
            print("over")
            """)
        self.assertEqual((done.stdout, done.returncode), ("over\n", 0), done.stderr)

    def test_an_event_at_the_end_is_told(self):
        done = python("""
            import os, safehandle
            h = safehandle.wrap(os.dup(0))
            with h.lease() as fd: os.close(fd)
            try: h.close()
            except safehandle.ReleaseError: print("told")
            """)
        self.assertEqual((done.stdout, done.returncode), ("told\n", 0), done.stderr)
        self.assertIn("RuntimeWarning", done.stderr)

    def test_it_can_be_imported_again(self):
        done = python("""
            import sys, safehandle
            first, h = safehandle, safehandle.open("/dev/zero")
            for name in [name for name in sys.modules if name.startswith("safehandle")]:
                del sys.modules[name]
            import safehandle
            assert safehandle is not first and safehandle.Handle is not first.Handle
            with safehandle.open("/dev/zero") as other: print(other.read(1), h.read(1))
            h.close()
            """)
        self.assertEqual((done.stdout, done.returncode), ("b'\\x00' b'\\x00'\n", 0), done.stderr)


@unittest.skipIf(interpreters is None, "this Python has no _xxsubinterpreters")
class SubInterpreters(unittest.TestCase):
    def run_in(self, code, times=1):
        for _ in range(times):
            one = interpreters.create()
            try:
                interpreters.run_string(one, PATH + textwrap.dedent(code))
            finally:
                interpreters.destroy(one)

    def test_each_has_a_module_and_handles_of_its_own(self):
        r, w = os.pipe()
        self.run_in(f"""
            import safehandle, os
            h = safehandle.wrap({w}, "pipe")
            h.write(b"from inside")
            assert safehandle.ClosedError.__module__ == "safehandle"
            h.close()
            try: h.read(1)
            except safehandle.ClosedError: pass
            else: raise AssertionError
            """)
        self.assertEqual(os.read(r, 100), b"from inside")
        self.assertFalse(is_open(w))
        os.close(r)
        safehandle.open("/dev/null").close()

    def test_what_was_forgotten_is_released_by_its_end(self):
        r, w = os.pipe()
        self.run_in(f"""
            import safehandle, sys, warnings
            warnings.simplefilter("ignore")
            h = safehandle.wrap({w})
            sys.modules["sys"].kept_alive = h  # a module that is cleared last
            """)
        self.assertFalse(is_open(w))
        os.close(r)

    def test_release_functions_run_in_their_own_interpreter(self):
        r, w = os.pipe()
        self.run_in(f"""
            import os, safehandle
            kind = safehandle.Kind("thing", lambda value, write=os.write: write({w}, b"%d " % value))
            safehandle.wrap(1, kind).close()
            h = safehandle.wrap(2, kind)
            with h.lease(): h.close()
            """)
        self.assertEqual(os.read(r, 100), b"1 2 ")
        os.close(r)
        os.close(w)

    def test_many_one_after_the_other(self):
        before = len(os.listdir("/proc/self/fd"))
        self.run_in("""
            import safehandle, warnings
            warnings.simplefilter("ignore")
            r, w = safehandle.pipe()
            w.write(b"x")
            assert r.read(1) == b"x"
            """, times=8)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
