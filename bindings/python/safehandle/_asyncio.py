# SPDX-License-Identifier: MIT
"""Handles in an event loop.

While a handle is registered, its number is held by a counted reference: a close cannot give the number to another file
under the loop's selector. The close takes the handle out of the loop first, and then wakes who waits for it.
"""
import threading

# (id of the loop, handle) of a direction: the registration. A handle has at most one reader and one writer in a loop.
_readers = {}
_writers = {}


class _Registration:
    """One handle in one loop, in one direction. Invariant: lease is entered exactly while the loop knows the number."""

    def __init__(self, table, loop, handle, callback, arguments):
        self.table, self.loop, self.handle = table, loop, handle
        self.callback, self.arguments = callback, arguments
        self.thread = threading.get_ident()
        self.lease = handle.lease(anywhere=True)

    def key(self):
        return id(self.loop), self.handle

    def begin(self):
        fd = self.lease.__enter__()
        try:
            add = self.loop.add_reader if self.table is _readers else self.loop.add_writer
            add(fd, self.callback, *self.arguments)
            self.table[self.key()] = self
            self.handle._watch(self.closed)
        except BaseException:
            self.end()
            raise

    def end(self):
        """Takes it out of the loop; the second time there is nothing to do."""
        self.handle._unwatch(self.closed)
        if self.table.get(self.key()) is self:
            del self.table[self.key()]
        try:
            fd = self.lease.fileno()
        except ValueError:
            return
        if not self.loop.is_closed():
            remove = self.loop.remove_reader if self.table is _readers else self.loop.remove_writer
            remove(fd)
        self.lease.__exit__(None, None, None)

    def closed(self):
        """Called by whoever closes the handle, on any thread."""
        if self.loop.is_closed():
            self.end()
        elif self.thread == threading.get_ident():
            self.end()
            self.loop.call_soon(self.callback, *self.arguments)
        else:
            self.loop.call_soon_threadsafe(self.wake)

    def wake(self):
        if self.table.get(self.key()) is self:
            self.end()
            self.callback(*self.arguments)


def _add(table, loop, handle, callback, arguments):
    _remove(table, loop, handle)
    _Registration(table, loop, handle, callback, arguments).begin()


def _remove(table, loop, handle):
    registration = table.get((id(loop), handle))
    if registration is None:
        return False
    registration.end()
    return True


def add_reader(loop, handle, callback, *args):
    """As loop.add_reader: calls callback(*args) whenever the handle can be read; and once when it was closed, after
    which it is registered no more."""
    _add(_readers, loop, handle, callback, args)


def add_writer(loop, handle, callback, *args):
    """As loop.add_writer; otherwise as add_reader."""
    _add(_writers, loop, handle, callback, args)


def remove_reader(loop, handle):
    """True when it was registered."""
    return _remove(_readers, loop, handle)


def remove_writer(loop, handle):
    """True when it was registered."""
    return _remove(_writers, loop, handle)


async def _when_ready(table, handle, attempt):
    """attempt(), as soon as the handle is ready. Regular files always are, and no selector takes them."""
    import asyncio  # here, since programs without a loop need not wait for it
    loop = asyncio.get_running_loop()
    while True:
        ready = loop.create_future()
        try:
            _add(table, loop, handle, _set_ready, (ready,))
        except PermissionError:
            return attempt()
        try:
            await ready
        finally:
            _remove(table, loop, handle)
        try:
            return attempt()
        except BlockingIOError:
            continue


def _set_ready(ready):
    if not ready.done():
        ready.set_result(None)


async def read_async(handle, size):
    return await _when_ready(_readers, handle, lambda: handle.read(size))


async def write_async(handle, buffer):
    return await _when_ready(_writers, handle, lambda: handle.write(buffer))
