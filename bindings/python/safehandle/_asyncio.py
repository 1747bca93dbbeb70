# SPDX-License-Identifier: MIT
"""Handles in an event loop.

While a handle is registered, its number is held by a counted reference: a close cannot give the number to another file
under the loop's selector. The close takes the handle out of the loop first, and then wakes who waits for it.
"""
import contextvars
import functools
import operator
import os
import select
import threading
import weakref

from safehandle._core import Handle

_EVENTS = {"reader": select.POLLIN, "writer": select.POLLOUT}
_first_use = threading.Lock()


def _registrations(direction, handle):
    """Those of a handle: one for each loop. The handle keeps them, so that a loop that was closed keeps nothing."""
    if not isinstance(handle, Handle):
        raise TypeError(f"a safehandle.Handle is needed here, not {handle!r}: wrap the number first")
    with _first_use:
        if not hasattr(handle, "_registrations"):
            handle._registrations = {each: weakref.WeakKeyDictionary() for each in _EVENTS}
    return handle._registrations[direction]


class _Registration:
    """One handle in one loop, in one direction, for one callback and any number of waiters.

    Invariant: lease is entered exactly while the loop knows the number. The loop is not kept: it keeps this.
    """

    def __init__(self, direction, loop, handle):
        self.direction, self.loop, self.handle = direction, weakref.ref(loop), handle
        self.callback = None
        self.waiters = []
        self.thread = threading.get_ident()
        self.lease = handle.lease(anywhere=True)

    def begin(self, loop):
        fd = self.lease.__enter__()
        try:
            getattr(loop, "add_" + self.direction)(fd, self.ready)
            _registrations(self.direction, self.handle)[loop] = self
            self.handle._watch(self.closed)
        except BaseException:
            self.end()
            raise

    def end(self):
        """Takes it out of the loop; the second time there is nothing to do."""
        self.handle._unwatch(self.closed)
        loop = self.loop()
        registrations = _registrations(self.direction, self.handle)
        if loop is not None and registrations.get(loop) is self:
            del registrations[loop]
        try:
            fd = self.lease.fileno()
        except ValueError:
            return
        if loop is not None and not loop.is_closed():
            getattr(loop, "remove_" + self.direction)(fd)
        self.lease.__exit__(None, None, None)

    def end_unused(self):
        if self.callback is None and not self.waiters:
            self.end()

    def ready(self):
        self.wake_waiters()
        if self.callback is not None:
            self.callback()

    def wake_waiters(self):
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, loop):
        waiter = loop.create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        finally:
            self.waiters.remove(waiter)
            self.end_unused()

    def closed(self):
        """Called by whoever closes the handle, on any thread."""
        loop = self.loop()
        if loop is None or loop.is_closed():
            self.end()
        elif self.thread == threading.get_ident():
            self.end()
            self.wake_waiters()
            if self.callback is not None:
                loop.call_soon(self.callback)
        else:
            loop.call_soon_threadsafe(self.closed_elsewhere, loop)

    def closed_elsewhere(self, loop):
        if _registrations(self.direction, self.handle).get(loop) is self:
            self.end()
            self.ready()


def _registered(direction, loop, handle):
    """The registration that there is, or a new one. A handle or a loop that is closed refuses a new one."""
    registration = _registrations(direction, handle).get(loop)
    if registration is not None and loop.is_closed():
        registration.end()
    if registration is None or loop.is_closed() or handle.closed:
        registration = _Registration(direction, loop, handle)
        registration.begin(loop)
    return registration


def _add(direction, loop, handle, callback, arguments):
    registration = _registered(direction, loop, handle)
    registration.callback = functools.partial(contextvars.copy_context().run, callback, *arguments)


def _remove(direction, loop, handle):
    registration = _registrations(direction, handle).get(loop)
    if registration is None or registration.callback is None:
        return False
    registration.callback = None
    registration.end_unused()
    return True


def add_reader(loop, handle, callback, *args):
    """As loop.add_reader: calls callback(*args) whenever the handle can be read; and once when it was closed, after
    which it is registered no more."""
    _add("reader", loop, handle, callback, args)


def add_writer(loop, handle, callback, *args):
    """As loop.add_writer; otherwise as add_reader."""
    _add("writer", loop, handle, callback, args)


def remove_reader(loop, handle):
    """True when it was registered."""
    return _remove("reader", loop, handle)


def remove_writer(loop, handle):
    """True when it was registered."""
    return _remove("writer", loop, handle)


def _is_ready(direction, fd):
    """Asked again, since another waiter may have been faster."""
    poll = select.poll()
    poll.register(fd, _EVENTS[direction])
    return bool(poll.poll(0))


async def _when_ready(direction, handle, attempt):
    """attempt(is_blocking), as soon as the handle is ready. Regular files always are, and no selector takes them."""
    import asyncio  # here, since programs without a loop need not wait for it
    loop = asyncio.get_running_loop()
    while True:
        try:
            registration = _registered(direction, loop, handle)
        except PermissionError:
            return attempt(False)
        await registration.wait(loop)
        with handle.lease(anywhere=True) as fd:
            is_blocking = os.get_blocking(fd)
            if is_blocking and not _is_ready(direction, fd):
                continue
            try:
                return attempt(is_blocking)
            except BlockingIOError:
                continue


async def read_async(handle, size):
    size = operator.index(size)
    if size < 0:
        raise ValueError(f"read: the size is a number from 0 on, not {size}")
    return await _when_ready("reader", handle, lambda is_blocking: handle.read(size))


def _write(handle, buffer, is_blocking):
    """As much as surely fits where a write would wait for the rest."""
    if not is_blocking:
        return handle.write(buffer)
    with memoryview(buffer) as view, view.cast("B") as octets, octets[:select.PIPE_BUF] as part:
        return handle.write(part)


async def write_async(handle, buffer):
    memoryview(buffer).release()  # raises what a write would
    return await _when_ready("writer", handle, functools.partial(_write, handle, buffer))
