# SPDX-License-Identifier: MIT
"""Opening, reading, writing, closing, and what is refused with which words."""
import copy
import errno
import io
import os
import pathlib
import pickle
import socket
import tempfile
import unittest

import safehandle
from support import is_open, recorded


class Files(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.path = pathlib.Path(place.name) / "file"

    def test_what_is_written_is_read(self):
        with safehandle.open(self.path, os.O_RDWR | os.O_CREAT) as h:
            self.assertEqual(h.write(b"some bytes"), 10)
        with safehandle.open(str(self.path)) as h:
            self.assertEqual(h.read(4), b"some")
            self.assertEqual(h.read(100), b" bytes")
            self.assertEqual(h.read(100), b"")

    def test_paths_are_what_fspath_knows(self):
        self.path.write_bytes(b"x")
        for path in (self.path, str(self.path), os.fsencode(self.path)):
            with self.subTest(path=path), safehandle.open(path=path) as h:
                self.assertEqual(h.read(2), b"x")
        with self.assertRaises(TypeError):
            safehandle.open(7)
        with self.assertRaises(ValueError):
            safehandle.open("a\0b")

    def test_mode_counts_where_a_file_is_made(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        safehandle.open(self.path, os.O_WRONLY | os.O_CREAT, mode=0o640).close()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_descriptors_are_not_inherited(self):
        self.path.touch()
        with safehandle.open(self.path) as h, h.lease() as fd:
            self.assertFalse(os.get_inheritable(fd))

    def test_a_missing_file_is_the_error_that_open_raises(self):
        with self.assertRaises(FileNotFoundError) as caught:
            safehandle.open(self.path)
        self.assertEqual(caught.exception.filename, self.path)
        self.assertEqual(caught.exception.errno, errno.ENOENT)
        with self.assertRaises(IsADirectoryError):
            safehandle.open("/", os.O_WRONLY)

    def test_any_buffer_is_written_and_writable_ones_are_filled(self):
        with safehandle.open(self.path, os.O_RDWR | os.O_CREAT) as h:
            for data in (b"abc", bytearray(b"def"), memoryview(b"xghiy")[1:4]):
                self.assertEqual(h.write(data), 3)
            with h.lease() as fd:
                os.lseek(fd, 0, os.SEEK_SET)
            room = bytearray(9)
            self.assertEqual(h.readinto(room), 9)
            self.assertEqual(room, b"abcdefghi")
            self.assertEqual(h.readinto(bytearray()), 0)
            with self.assertRaises((TypeError, BufferError)):
                h.readinto(b"constant")
            with self.assertRaises(TypeError):
                h.write("text")

    def test_sizes_are_checked(self):
        self.path.touch()
        with safehandle.open(self.path) as h:
            with self.assertRaisesRegex(ValueError, "from 0 on"):
                h.read(-1)
            with self.assertRaises(TypeError):
                h.read("1")
            with self.assertRaises((OverflowError, MemoryError)):
                h.read(1 << 200)
            with self.assertRaises(OSError):
                h.write(b"not writable")


class Wrapping(unittest.TestCase):
    def test_a_number_gets_an_owner(self):
        r, w = os.pipe()
        a, b = safehandle.wrap(r), safehandle.wrap(w, kind="pipe")
        self.assertEqual((a.kind, b.kind), (safehandle.FD, safehandle.PIPE))
        b.write(b"x")
        self.assertEqual(a.read(1), b"x")
        a.close()
        b.close()
        self.assertFalse(is_open(r) or is_open(w))

    def test_a_kind_may_be_given_itself(self):
        r, w = os.pipe()
        os.close(w)
        with safehandle.wrap(r, safehandle.PIPE) as h:
            self.assertIs(h.kind, safehandle.PIPE)

    def test_two_owners_of_one_number_are_refused(self):
        r, w = os.pipe()
        os.close(w)
        with recorded(), safehandle.wrap(r) as h:
            with self.assertRaisesRegex(safehandle.OwnedError, "duplicate"):
                safehandle.wrap(r)
            safehandle.wait_for_events()
            with safehandle.wrap(r, owned=False) as looks:
                self.assertFalse(looks.owned)
            self.assertTrue(h.owned)
            self.assertTrue(is_open(r))

    def test_what_is_no_descriptor_is_refused_at_once(self):
        with self.assertRaises(safehandle.InvalidError):
            safehandle.wrap(-1)
        for number in (987, 1 << 40):
            with self.subTest(number=number), self.assertRaises(OSError) as caught:
                safehandle.wrap(number)
            self.assertEqual(caught.exception.errno, errno.EBADF)
        with self.assertRaises(TypeError):
            safehandle.wrap("0")
        with self.assertRaisesRegex(ValueError, "'fd', 'file'"):
            safehandle.wrap(0, "nonsense")
        with self.assertRaises(TypeError):
            safehandle.wrap(0, 5)

    def test_a_duplicate_is_closed_for_itself(self):
        r, w = safehandle.pipe()
        copy_of_w = w.duplicate()
        w.close()
        self.assertEqual(copy_of_w.write(b"still"), 5)
        self.assertIs(copy_of_w.kind, safehandle.PIPE)
        copy_of_w.close()
        self.assertEqual((r.read(9), r.read(9)), (b"still", b""))
        r.close()
        with self.assertRaises(safehandle.ClosedError):
            w.duplicate()


class Others(unittest.TestCase):
    def test_a_pipe_may_refuse_to_block(self):
        r, w = safehandle.pipe(os.O_NONBLOCK)
        with r, w, self.assertRaises(BlockingIOError):
            r.read(1)

    def test_a_socket(self):
        with safehandle.socket(socket.AF_INET, socket.SOCK_STREAM) as h:
            self.assertIs(h.kind, safehandle.SOCKET)
            with h.lease() as fd:
                s = socket.socket(fileno=os.dup(fd))
            with s:
                self.assertEqual(s.type, socket.SOCK_STREAM)
        with self.assertRaises(OSError):
            safehandle.socket(12345, 1)

    def test_an_event_counts(self):
        for count in (2**32 + 1, -1, 2**64):
            with self.assertRaises(OverflowError):
                safehandle.event(count)
        with safehandle.event(3) as h:
            self.assertEqual(int.from_bytes(h.read(8), "little"), 3)
            self.assertIs(h.kind, safehandle.EVENT)


class Closing(unittest.TestCase):
    def setUp(self):
        self.r, self.w = safehandle.pipe()
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)

    def test_a_closed_handle_refuses_everything_by_one_error(self):
        self.assertFalse(self.r.closed)
        self.assertIsNone(self.r.close())
        self.assertIsNone(self.r.close())
        self.assertTrue(self.r.closed)
        for use in (lambda: self.r.read(1), lambda: self.r.readinto(bytearray(1)), lambda: self.r.write(b""),
                    lambda: self.r.duplicate(), lambda: self.r.lease().__enter__(), lambda: self.r.__enter__()):
            with self.assertRaisesRegex(safehandle.ClosedError, "is closed: open a new one"):
                use()

    def test_errors_are_also_what_python_calls_them(self):
        for ours, also in ((safehandle.ClosedError, ValueError), (safehandle.KindError, TypeError),
                           (safehandle.InvalidError, ValueError), (safehandle.OwnedError, ValueError),
                           (safehandle.CloseTimeoutError, TimeoutError), (safehandle.ReleaseError, OSError),
                           (safehandle.UnsupportedError, io.UnsupportedOperation),
                           (safehandle.SignatureError, ValueError)):
            self.assertTrue(issubclass(ours, also) and issubclass(ours, safehandle.Error), ours)
            self.assertEqual(ours.__module__, "safehandle")

    def test_with_closes_also_when_an_error_leaves_it(self):
        with self.assertRaises(ZeroDivisionError), self.r:
            raise ZeroDivisionError
        self.assertTrue(self.r.closed)

    def test_a_second_close_does_not_touch_a_stranger(self):
        with self.r.lease() as fd:
            pass
        self.r.close()
        stranger = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, stranger)
        self.assertEqual(stranger, fd)
        self.r.close()
        self.r.close(timeout=1)
        self.assertTrue(is_open(stranger))

    def test_a_release_that_fails_is_told(self):
        r, w = os.pipe()
        os.close(w)
        with recorded() as warned:
            h = safehandle.wrap(r)
            os.close(r)
            with self.assertRaisesRegex(safehandle.ReleaseError, "refused to release"):
                h.close()
            self.assertTrue(safehandle.wait_for_events(60))
        self.assertIn("Bad file descriptor", "".join(str(w.message) for w in warned))

    def test_timeouts_are_checked(self):
        for wrong in (-1, float("nan"), -0.001):
            with self.assertRaises(ValueError):
                self.r.close(timeout=wrong)
        with self.assertRaises(TypeError):
            self.r.close(timeout="1")
        self.assertFalse(self.r.closed)
        self.r.close(timeout=None)
        self.w.close(timeout=0.5)

    def test_a_number_is_not_given_away(self):
        with self.assertRaisesRegex(safehandle.UnsupportedError, "with handle.lease"):
            self.r.fileno()

    def test_a_handle_cannot_be_copied_pickled_or_made(self):
        with self.assertRaises(TypeError):
            copy.copy(self.r)
        with self.assertRaises(TypeError):
            pickle.dumps(self.r)
        with self.assertRaises(TypeError):
            safehandle.Handle()
        with self.assertRaises(TypeError):
            safehandle.Lease()
        with self.assertRaises(TypeError):
            type("Derived", (safehandle.Handle,), {})

    def test_it_says_what_it_is(self):
        with self.r.lease() as fd:
            self.assertEqual(repr(self.r), f"<safehandle.Handle pipe {fd}>")
        self.r.close()
        self.assertEqual(repr(self.r), f"<safehandle.Handle pipe {fd}, closed>")
        self.assertEqual(repr(safehandle.PIPE), "<safehandle.Kind pipe>")
