# SPDX-License-Identifier: MIT
"""Handles in asyncio's loops, and closes that come meanwhile."""
import asyncio
import functools
import gc
import os
import select
import tempfile
import unittest

import safehandle
from support import DEADLINE, Worker, is_open, recorded


class Loops(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.r, self.w = safehandle.pipe(os.O_NONBLOCK)
        self.addCleanup(self.w.close)
        self.addCleanup(self.r.close)

    async def test_an_awaited_read_comes_when_there_is_data(self):
        asyncio.get_running_loop().call_later(0.01, self.w.write, b"later")
        self.assertEqual(await asyncio.wait_for(self.r.read_async(100), DEADLINE), b"later")
        self.w.write(b"now")
        self.assertEqual(await asyncio.wait_for(self.r.read_async(100), DEADLINE), b"now")

    async def test_an_awaited_write_waits_for_room(self):
        data = bytes(1 << 20)
        sent = await self.w.write_async(data)
        self.assertLess(sent, len(data))
        task = asyncio.create_task(self.w.write_async(data))
        await asyncio.sleep(0)
        self.assertFalse(task.done())
        while not task.done():
            await self.r.read_async(1 << 16)
            await asyncio.sleep(0)
        self.assertGreater(task.result(), 0)

    async def waiting(self):
        task = asyncio.create_task(self.r.read_async(1))
        await asyncio.sleep(0)
        with self.r.lease() as fd:
            return task, fd

    async def test_a_close_in_the_loop_wakes_it(self):
        task, fd = await self.waiting()
        self.r.close(timeout=DEADLINE)
        self.assertFalse(is_open(fd), "the loop has given its reference back")
        with self.assertRaises(safehandle.ClosedError):
            await asyncio.wait_for(task, DEADLINE)

    async def test_a_close_on_another_thread_wakes_it(self):
        task, fd = await self.waiting()
        closer = Worker(lambda: self.r.close(timeout=DEADLINE))
        with self.assertRaises(safehandle.ClosedError):
            await asyncio.wait_for(task, DEADLINE)
        await asyncio.to_thread(closer.result)
        self.assertFalse(is_open(fd))

    async def test_the_number_is_kept_for_the_selector(self):
        """A close on another thread may not give the number away before the loop has forgotten it."""
        task, fd = await self.waiting()
        Worker(self.r.close).result()  # joins here: the loop cannot have run
        self.assertTrue(is_open(fd))
        others = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
        self.assertNotIn(fd, others)
        with self.assertRaises(safehandle.ClosedError):
            await asyncio.wait_for(task, DEADLINE)
        self.assertFalse(is_open(fd))
        for other in others:
            os.close(other)

    async def test_a_cancelled_read_gives_its_reference_back(self):
        task, fd = await self.waiting()
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.r.close()
        self.assertFalse(is_open(fd))

    async def test_a_reader_is_called_until_it_is_removed(self):
        loop = asyncio.get_running_loop()
        came = asyncio.Queue()
        safehandle.add_reader(loop, self.r, lambda tag: came.put_nowait((tag, self.r.read(1))), "tag")
        self.w.write(b"ab")
        self.assertEqual([await came.get(), await came.get()], [("tag", b"a"), ("tag", b"b")])
        self.assertTrue(safehandle.remove_reader(loop, self.r))
        self.assertFalse(safehandle.remove_reader(loop, self.r))
        with self.r.lease() as fd:
            pass
        self.r.close()
        self.assertFalse(is_open(fd))

    async def test_a_reader_is_called_once_when_it_was_closed(self):
        loop = asyncio.get_running_loop()
        closed = loop.create_future()

        def ready():
            try:
                self.r.read(1)
            except safehandle.ClosedError as error:
                closed.set_result(error)
        safehandle.add_reader(loop, self.r, ready)
        self.r.close()
        self.assertIsInstance(await asyncio.wait_for(closed, DEADLINE), safehandle.ClosedError)
        self.assertFalse(safehandle.remove_reader(loop, self.r))

    async def test_a_closed_handle_is_refused(self):
        self.r.close()
        with self.assertRaises(safehandle.ClosedError):
            await self.r.read_async(1)
        with self.assertRaises(safehandle.ClosedError):
            safehandle.add_writer(asyncio.get_running_loop(), self.r, print)

    async def test_several_tasks_read_one_handle(self):
        for flags in (os.O_NONBLOCK, 0):
            r, w = safehandle.pipe(flags)
            with r, w:
                tasks = [asyncio.create_task(r.read_async(2)) for _ in range(3)]
                await asyncio.sleep(0)
                w.write(b"1234")
                await asyncio.sleep(0.01)
                w.write(b"56")
                self.assertEqual(await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE), [b"12", b"34", b"56"])

    async def test_several_tasks_write_one_handle(self):
        data = bytes(1 << 20)
        await self.w.write_async(data)
        tasks = [asyncio.create_task(self.w.write_async(data)) for _ in range(2)]
        while not all(task.done() for task in tasks):
            await self.r.read_async(1 << 16)
            await asyncio.sleep(0)

    async def all_are_woken(self, wait, add, close):
        """Three tasks and a callback."""
        called = asyncio.get_running_loop().create_future()
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0)
        add(called.set_result, None)
        close()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), DEADLINE)
        self.assertEqual([type(outcome) for outcome in outcomes], [safehandle.ClosedError] * 3)
        await asyncio.wait_for(called, DEADLINE)

    async def test_a_close_wakes_all(self):
        loop = asyncio.get_running_loop()
        self.w.write(bytes(1 << 20))
        await self.all_are_woken(lambda: self.w.write_async(b"x"),
                                 functools.partial(safehandle.add_writer, loop, self.w),
                                 lambda: Worker(self.w.close).result())
        while self.r.read(1 << 16):
            pass
        r, w = safehandle.pipe(os.O_NONBLOCK)
        with w:
            await self.all_are_woken(lambda: r.read_async(1), functools.partial(safehandle.add_reader, loop, r), r.close)

    async def test_a_reader_stays_beside_tasks_that_read(self):
        loop = asyncio.get_running_loop()
        calls = []
        safehandle.add_reader(loop, self.r, calls.append, 1)
        loop.call_later(0.01, self.w.write, b"12")
        self.assertEqual(await asyncio.wait_for(self.r.read_async(2), DEADLINE), b"12")
        self.assertGreater(len(calls), 0)
        task = asyncio.create_task(self.r.read_async(1))
        await asyncio.sleep(0)
        self.assertTrue(safehandle.remove_reader(loop, self.r))
        self.assertFalse(safehandle.remove_reader(loop, self.r))
        self.w.write(b"3")
        self.assertEqual(await asyncio.wait_for(task, DEADLINE), b"3")

    async def test_a_write_to_a_blocking_pipe_does_not_stop_the_loop(self):
        r, w = safehandle.pipe()
        with r, w:
            data = bytes(1 << 20)
            tasks = [asyncio.create_task(w.write_async(data)) for _ in range(40)]
            await asyncio.sleep(0.01)
            self.assertTrue(any(task.done() for task in tasks))
            while not all(task.done() for task in tasks):
                await r.read_async(1 << 16)
                await asyncio.sleep(0)
            self.assertEqual({task.result() for task in tasks}, {select.PIPE_BUF})

    async def test_wrong_arguments_are_told_before_waiting(self):
        for error, wait in ((ValueError, self.r.read_async(-1)), (TypeError, self.r.read_async("x")),
                            (TypeError, self.w.write_async("text"))):
            with self.assertRaises(error):
                await asyncio.wait_for(wait, DEADLINE)
        for function in (safehandle.add_reader, safehandle.add_writer):
            with self.assertRaisesRegex(TypeError, "a safehandle.Handle is needed here, not 3"):
                function(asyncio.get_running_loop(), 3, print)

    async def test_files_are_always_ready(self):
        with tempfile.NamedTemporaryFile() as file, safehandle.open(file.name, os.O_RDWR) as h:
            self.assertEqual(await h.write_async(b"text"), 4)
            self.assertEqual(await h.read_async(1), b"")


class Stopped(unittest.TestCase):
    def test_a_loop_that_was_closed_keeps_nothing(self):
        loop = asyncio.new_event_loop()
        r, w = safehandle.pipe()
        safehandle.add_reader(loop, r, print)
        with r.lease() as fd:
            pass
        loop.close()
        r.close()
        self.assertFalse(is_open(fd))
        w.close()

    def test_a_handle_in_a_loop_that_was_closed_can_be_forgotten(self):
        loop = asyncio.new_event_loop()
        r, w = safehandle.pipe()
        safehandle.add_reader(loop, r, print)
        with r.lease() as fd:
            pass
        loop.close()
        with recorded() as warned:
            del r
            gc.collect()
        self.assertEqual([one.category for one in warned], [ResourceWarning])
        warned.clear()
        gc.collect()
        self.assertFalse(is_open(fd))
        w.close()
