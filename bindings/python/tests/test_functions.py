# SPDX-License-Identifier: MIT
"""C functions that are declared by a line of text."""
import ctypes
import errno
import math
import os
import socket
import sys
import unittest

import safehandle
from support import DEADLINE, Worker, is_open, open_descriptors, quiet

released = []
NUMBER = safehandle.Kind("number", released.append)
COUNTED = safehandle.Kind("counted", released.append, invalid=0)
read = safehandle.function("isize read(fd in, bytes out[n, return], usize n) fails negative blocking errno")
fcntl = safehandle.function("int fcntl(fd in, int command, long argument) fails negative errno")


class Plain(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual(safehandle.function("int abs(int)")(-5), 5)
        self.assertEqual(safehandle.function("long labs(long)")(-(1 << 40)), 1 << 40)
        self.assertEqual(safehandle.function("f64 ldexp(f64 x, int e)", "m")(0.75, 4), 12.0)
        self.assertAlmostEqual(safehandle.function("f32 sqrtf(f32 x)", "m")(2), math.sqrt(2), places=6)
        self.assertEqual(safehandle.function("usize strlen(string)")("four"), 4)
        self.assertEqual(safehandle.function("int atoi(string)")(b"42"), 42)
        self.assertEqual(safehandle.function("u32 htonl(u32)")(1), 1 << 24 if sys.byteorder == "little" else 1)

    def test_numbers_that_do_not_fit_are_refused(self):
        for signature, wrong in (("int abs(int n)", 1 << 31), ("int abs(int n)", -(1 << 31) - 1),
                                 ("u32 htonl(u32 n)", -1), ("u32 htonl(u32 n)", 1 << 32),
                                 ("int abs(i64 n)", 1 << 63), ("int abs(u64 n)", 1 << 64), ("int abs(u8 n)", 256)):
            with self.subTest(signature), self.assertRaisesRegex(OverflowError, ": n: .* does not fit"):
                safehandle.function(signature)(wrong)
        with self.assertRaisesRegex(TypeError, "a number is needed"):
            safehandle.function("int abs(int n)")("5")
        with self.assertRaises(ValueError):
            safehandle.function("usize strlen(string)")("nul \0 inside")

    def test_pointers(self):
        memory = ctypes.create_string_buffer(b"text")
        self.assertEqual(safehandle.function("usize strlen(pointer)")(ctypes.addressof(memory)), 4)
        find = safehandle.function("pointer strchr(pointer, int)")
        self.assertEqual(find(ctypes.addressof(memory), ord("x")), ctypes.addressof(memory) + 2)
        self.assertIsNone(find(ctypes.addressof(memory), ord("q")))

    def test_results_that_come_out(self):
        self.assertEqual(safehandle.function("f64 frexp(f64 x, int out e)", "m")(12.0), (0.75, 4))
        self.assertEqual(safehandle.function("f64 modf(f64 x, f64 out whole)", "m")(2.5), (0.5, 2.0))

    def test_buffers(self):
        fill = safehandle.function("pointer memset(bytes inout[n], int c, usize n)")
        room = bytearray(4)
        fill(room, ord("x"))
        self.assertEqual(room, b"xxxx")
        with self.assertRaises(BufferError):
            fill(b"constant", 0)
        compare = safehandle.function("int memcmp(bytes a[n], bytes b[n], usize n)")
        self.assertEqual(compare(b"same", bytearray(b"same")), 0)
        with self.assertRaisesRegex(ValueError, "equally long"):
            compare(b"a", b"bc")
        name = safehandle.function("int gethostname(bytes out[n], usize n) fails negative errno")
        result, text = name(200)
        self.assertEqual((result, text.partition(b"\0")[0].decode()), (0, socket.gethostname()))
        with self.assertRaises((ValueError, OverflowError)):
            name(-1)

    def test_structs_by_value(self):
        to_text = safehandle.function("pointer inet_ntoa({u32 address})")
        self.assertEqual(ctypes.string_at(to_text((0x0100007F,))), b"127.0.0.1")
        with self.assertRaisesRegex(ValueError, "1 members, not 2"):
            to_text((1, 2))

    def test_failures(self):
        with self.assertRaises(FileNotFoundError) as caught:
            safehandle.function("int rmdir(string path) fails negative errno")("/no/such/directory")
        self.assertIn("rmdir", str(caught.exception))
        with self.assertRaisesRegex(safehandle.Error, "errno"):
            safehandle.function("int rmdir(string path) fails negative")("/no/such/directory")
        with self.assertRaises(OSError) as caught:
            safehandle.function("int posix_fallocate(fd, isize at, isize n) fails errno")(
                safehandle.wrap(0, owned=False), 0, -1)
        self.assertEqual(caught.exception.errno, errno.EINVAL)


class Declaring(unittest.TestCase):
    def test_mistakes_are_pointed_at(self):
        with self.assertRaisesRegex(safehandle.SignatureError, r"Did you mean file\?\n.*\n *\^"):
            safehandle.function("isize read(fiel in)")
        for wrong in ("", "int", "int f(", "int f(number in)", "int f(file[3])", "int f() fails sometimes",
                      "void f(file out x[3])", "int f({file h})"):
            with self.subTest(wrong), self.assertRaises(safehandle.SignatureError):
                safehandle.function(wrong)

    def test_a_base_alone_never_comes_out(self):
        base = safehandle.Kind("base", None)
        with self.assertRaisesRegex(safehandle.SignatureError, "abstract"):
            safehandle.function("base socket(int, int, int)", kinds=[base])

    def test_libraries(self):
        with self.assertRaisesRegex(OSError, "no function no_such_function in the process"):
            safehandle.function("int no_such_function()")
        with self.assertRaises(OSError):
            safehandle.function("int f()", "/no/such/library.so")
        with self.assertRaises(OSError):
            safehandle.function("int f()", "no-such-library")
        with self.assertRaisesRegex(OSError, "no function f in the library 'm'"):
            safehandle.function("int f()", "m")
        self.assertEqual(safehandle.function("f64 cos(f64)", "libm.so.6")(0), 1.0)

    def test_it_says_what_it_is(self):
        self.assertEqual(read.__name__, "read")
        self.assertTrue(read.signature.startswith("isize read("))
        self.assertEqual(repr(read), f"<safehandle.Function {read.signature}>")
        with self.assertRaisesRegex(TypeError, "takes 2 arguments, not 0"):
            read()
        with self.assertRaises(TypeError):
            read(h=1)
        with self.assertRaises(TypeError):
            safehandle.function("int f()", kinds=["fd"])


class Handles(unittest.TestCase):
    def setUp(self):
        released.clear()
        self.r, self.w = safehandle.pipe()
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)

    def test_they_go_in(self):
        self.w.write(b"through")
        self.assertEqual(read(self.r, 100), b"through")
        write = safehandle.function("isize write(pipe, bytes in[n], usize n) fails negative errno")
        self.assertEqual(write(self.w, b"back"), 4)
        self.assertEqual(self.r.read(9), b"back")

    def test_what_does_not_fit_is_refused_and_nothing_is_held(self):
        with safehandle.event() as event, self.assertRaisesRegex(safehandle.KindError, "event, and kind pipe is wanted"):
            safehandle.function("int dup(pipe)")(event)
        link = safehandle.function("isize splice(fd, pointer, fd, pointer, usize, uint) fails negative errno")
        with safehandle.wrap(5, NUMBER) as number, self.assertRaises(safehandle.KindError):
            link(self.r, None, number, None, 1, 0)
        with self.assertRaisesRegex(TypeError, "wrap the number"):
            read(0, 1)
        with self.assertRaises(TypeError):
            read(None, 1)
        self.r.close()
        with self.assertRaisesRegex(safehandle.ClosedError, "is closed"):
            read(self.r, 1)

    def test_a_blocking_call_lets_others_run_and_is_woken_by_a_close(self):
        reader = Worker(read, self.r, 10)
        reader.wait_blocked_in_read()
        self.r.close(timeout=DEADLINE)
        with self.assertRaises(safehandle.ClosedError):
            reader.result()

    def test_they_are_returned(self):
        make = safehandle.function("event eventfd(uint count, int flags) errno")
        with make(7, os.EFD_CLOEXEC) as h:
            self.assertIs(h.kind, safehandle.EVENT)
            self.assertEqual(int.from_bytes(h.read(8), "little"), 7)
        with self.assertRaises(OSError):
            make(0, 0x7777777)

    def test_two_come_out(self):
        before = open_descriptors()
        make = safehandle.function("int pipe2(bytes out[n], int flags, usize n)")
        self.assertEqual(make.__name__, "pipe2")
        spawn = safehandle.function("int openpty(fd out master, fd out slave, pointer, pointer, pointer) "
                                    "fails negative errno", "util")
        result, master, slave = spawn(None, None, None)
        self.assertEqual(result, 0)
        with master, slave:
            slave.write(b"line\n")
            self.assertEqual(master.read(9).rstrip(), b"line")
        self.assertEqual(open_descriptors(), before)

    def test_one_is_consumed(self):
        close = safehandle.function("int close(fd consume) fails negative errno")
        with self.r.lease() as fd:
            with self.assertRaisesRegex(safehandle.BusyError, "in use"):
                close(self.r)
        close(self.r)
        self.assertTrue(self.r.closed)
        self.assertFalse(is_open(fd))
        with self.assertRaises(safehandle.ClosedError):
            close(self.r)

    def test_one_that_the_callee_refuses_stays_the_scripts(self):
        pretend = safehandle.function("int fchdir(fd consume) fails negative errno")
        for _ in range(3):
            with self.assertRaises(NotADirectoryError):
                pretend(self.r)
            self.assertFalse(self.r.closed)
        self.w.write(b"open")
        self.assertEqual(self.r.read(9), b"open")


class UserKinds(unittest.TestCase):
    def setUp(self):
        released.clear()

    def test_they_come_out_and_are_released_once(self):
        make = safehandle.function("number:int abs(int)", kinds=[NUMBER])
        with make(-5) as h:
            self.assertIs(h.kind, NUMBER)
            self.assertEqual(safehandle.function("int abs(number:int)", kinds=[NUMBER])(h), 5)
        self.assertEqual(released, [5])
        with quiet():
            make(-6)
        self.assertEqual(released, [5, 6])

    def test_an_invalid_one_is_none(self):
        make = safehandle.function("counted:int abs(int)", kinds=[COUNTED])
        with self.assertRaises(safehandle.Error):
            make(0)
        self.assertEqual(released, [])

    def test_they_come_out_by_an_address_and_each_has_its_own_value(self):
        both = safehandle.function("pointer memcpy(number:i64 out, number:i64 inout, usize n)", kinds=[NUMBER])
        with safehandle.wrap(77, NUMBER) as source:
            pointer, copy, same = both(source, 8)
            self.assertIsInstance(pointer, int)
            self.assertIs(same, source)
            with copy.lease() as value:
                self.assertEqual(value, 77)
            copy.close()
        self.assertEqual(released, [77, 77])

    def test_an_inout_that_changes_is_a_new_handle(self):
        fill = safehandle.function("pointer memset(number:i64 inout, int byte, usize n)", kinds=[NUMBER])
        with safehandle.wrap(77, NUMBER) as before:
            after = fill(before, 0, 8)[1]
            self.assertIsNot(after, before)
            with after.lease() as value:
                self.assertEqual(value, 0)
            after.close()
            self.assertFalse(before.closed)
        self.assertEqual(released, [0, 77])

    def test_one_is_consumed_and_never_released_here(self):
        consume = safehandle.function("int abs(number:int consume)", kinds=[NUMBER])
        h = safehandle.wrap(5, NUMBER)
        self.assertEqual(consume(h), 5)
        self.assertTrue(h.closed)
        del h
        self.assertEqual(released, [])

    def test_one_that_the_callee_refuses_is_released_once(self):
        refuse = safehandle.function("int isatty(number:int consume) fails zero errno", kinds=[NUMBER])
        h = safehandle.wrap(987, NUMBER)
        with self.assertRaises(OSError):
            refuse(h)
        self.assertFalse(h.closed)
        h.close()
        del h
        self.assertEqual(released, [987])

    def test_one_that_is_closed_inside_the_call_is_released_after_it(self):
        sort = safehandle.function("void qsort(number base, usize count, usize size, pointer compare)", kinds=[NUMBER])
        numbers = (ctypes.c_int * 4)(3, 1, 4, 1)

        @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
        def compare(a, b):
            h.close()
            self.assertEqual(released, [])
            return a[0] - b[0]
        h = safehandle.wrap(ctypes.addressof(numbers), NUMBER)
        sort(h, 4, 4, ctypes.cast(compare, ctypes.c_void_p).value)
        self.assertEqual(list(numbers), [1, 1, 3, 4])
        self.assertEqual(released, [ctypes.addressof(numbers)])
