# SPDX-License-Identifier: MIT
"""Kinds of one's own, whose release is a Python function."""
import os
import sys
import unittest

import safehandle
from support import Worker, is_open, quiet, recorded

released = []
THING = safehandle.Kind("thing", released.append, duplicate=lambda value: value + 1000)
DERIVED = safehandle.Kind("derived thing", released.append, base=THING, invalid=(0, -1))


def fail(value):
    raise PermissionError(13, f"will not release {value}")


STUBBORN = safehandle.Kind("stubborn", fail)


class Kinds(unittest.TestCase):
    def setUp(self):
        released.clear()

    def test_the_built_in_ones(self):
        self.assertEqual([kind.name for kind in (safehandle.FD, safehandle.FILE, safehandle.SOCKET, safehandle.PIPE,
                                                 safehandle.EVENT)], ["fd", "file", "socket", "pipe", "event"])
        self.assertIsNone(safehandle.FD.base)
        self.assertIs(safehandle.FILE.base, safehandle.FD)

    def test_a_release_is_called_once_with_the_value(self):
        h = safehandle.wrap(5, THING)
        self.assertIs(h.kind, THING)
        self.assertEqual(released, [])
        h.close()
        h.close()
        del h
        self.assertEqual(released, [5])

    def test_a_forgotten_one_is_released_with_a_warning(self):
        with recorded() as warned:
            safehandle.wrap(6, THING)
        self.assertEqual([w.category for w in warned], [ResourceWarning])
        self.assertEqual(released, [], "the warning names its source, which keeps it")
        warned.clear()
        self.assertEqual(released, [6])

    def test_the_last_user_releases(self):
        h = safehandle.wrap(7, THING)
        with h.lease() as value:
            self.assertEqual(value, 7)
            Worker(h.close).result()
            self.assertEqual(released, [])
        self.assertEqual(released, [7])

    def test_a_waiting_close_releases_on_its_own_thread_or_the_users(self):
        for wait in (0.5, None):
            h = safehandle.wrap(8, THING)
            h.close(timeout=wait)
        self.assertEqual(released, [8, 8])

    def test_a_duplicate_has_a_value_and_a_release_of_its_own(self):
        with safehandle.wrap(9, THING) as h, h.duplicate() as copy:
            with copy.lease() as value:
                self.assertEqual(value, 1009)
            self.assertIs(copy.kind, THING)
        self.assertEqual(released, [1009, 9])
        with safehandle.wrap(9, DERIVED) as h, self.assertRaisesRegex(safehandle.UnsupportedError, "derived thing"):
            h.duplicate()

    def test_invalid_values_are_refused(self):
        for kind, value in ((THING, -1), (DERIVED, 0), (DERIVED, -1)):
            with self.assertRaises(safehandle.InvalidError):
                safehandle.wrap(value, kind)
        safehandle.wrap(0, THING).close()
        self.assertEqual(released, [0])

    def test_a_number_that_no_descriptor_has_is_not_cut_to_one(self):
        log = safehandle.Kind("cut log", os.close, base="fd", invalid=-2)
        with safehandle.open("/dev/null") as h, h.lease() as fd:
            for kind in ("fd", log):
                for value in (fd - 2**32, -1, -2, -3):
                    with self.assertRaises(safehandle.InvalidError):
                        safehandle.wrap(value, kind)
                with self.assertRaises(OSError):
                    safehandle.wrap(fd + 2**32, kind)

    def test_one_that_is_based_on_descriptors_is_one(self):
        log = safehandle.Kind("log", os.close, base="file")
        r, w = os.pipe()
        with safehandle.wrap(w, log) as h, h.duplicate() as copy:
            self.assertIs(copy.kind, log)
            h.write(b"a")
            copy.write(b"b")
        self.assertFalse(is_open(w))
        self.assertEqual(os.read(r, 9), b"ab")
        os.close(r)

    def test_others_cannot_be_read(self):
        with safehandle.wrap(3, THING) as h, self.assertRaisesRegex(safehandle.KindError, "is a thing"):
            h.read(1)

    def test_not_owned_is_not_released(self):
        safehandle.wrap(4, THING, owned=False).close()
        with recorded() as warned:
            safehandle.wrap(4, THING, owned=False)
        self.assertEqual((released, warned), ([], []))

    def test_a_base_alone_owns_nothing(self):
        base = safehandle.Kind("base", None)
        with self.assertRaises(safehandle.Error):
            safehandle.wrap(1, base)

    def test_nonsense_is_refused(self):
        for arguments, keywords in ((("x", 5), {}), (("x", print), {"base": "nothing"}), ((5, print), {}),
                                    (("x", print), {"invalid": (1, 2)}), (("x", print), {"duplicate": 5}),
                                    (("x",), {})):
            with self.subTest(arguments), self.assertRaises((TypeError, ValueError)):
                safehandle.Kind(*arguments, **keywords)


class Failing(unittest.TestCase):
    def setUp(self):
        self.unraisable = []
        hook = sys.unraisablehook
        sys.unraisablehook = lambda why: self.unraisable.append(str(why.exc_value))
        self.addCleanup(setattr, sys, "unraisablehook", hook)

    def test_close_raises_what_the_release_raised_and_an_event_tells(self):
        with recorded() as warned:
            h = safehandle.wrap(1, STUBBORN)
            with self.assertRaisesRegex(PermissionError, "will not release 1"):
                h.close()
            h.close()
            self.assertTrue(safehandle.wait_for_events(60))
        self.assertIn("stubborn 1", str(warned[-1].message))
        self.assertIn("Permission denied", str(warned[-1].message))
        self.assertIs(warned[-1].category, RuntimeWarning)
        self.assertEqual(self.unraisable, [])

    def test_where_nobody_can_be_told_it_goes_to_the_unraisable_hook(self):
        with recorded() as warned:
            safehandle.wrap(2, STUBBORN)
            warned.clear()
            h = safehandle.wrap(3, STUBBORN)
            with h.lease():
                h.close()
            safehandle.wait_for_events(60)
        self.assertEqual(self.unraisable, ["[Errno 13] will not release 2", "[Errno 13] will not release 3"])

    def test_an_exception_on_its_way_survives_a_release(self):
        with quiet():
            with self.assertRaises(ZeroDivisionError):
                h = safehandle.wrap(4, STUBBORN)
                try:
                    raise ZeroDivisionError
                finally:
                    del h
            safehandle.wait_for_events(60)
        self.assertEqual(self.unraisable, ["[Errno 13] will not release 4"])

    def test_a_release_may_close_another(self):
        inner = []
        outer = safehandle.Kind("outer", lambda value: inner.pop().close())
        inner.append(safehandle.wrap(5, STUBBORN))
        with quiet():
            with self.assertRaisesRegex(PermissionError, "will not release 5"):
                safehandle.wrap(6, outer).close()
            safehandle.wait_for_events(60)
