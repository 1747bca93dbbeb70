# SPDX-License-Identifier: MIT
"""OS handles that cannot be closed under their users, nor recycled into somebody else's.

    with safehandle.open("/etc/hostname") as h:
        print(h.read(100))

A handle lends its number for a while and keeps it from being closed and given to another file meanwhile:

    with h.lease() as fd:
        os.fsync(fd)
"""
import atexit

from safehandle._asyncio import add_reader, add_writer, remove_reader, remove_writer
from safehandle._core import (
    EVENT,
    FD,
    FILE,
    PIPE,
    SOCKET,
    BusyError,
    ClosedError,
    CloseTimeoutError,
    Error,
    Function,
    Handle,
    InvalidError,
    Kind,
    KindError,
    Lease,
    OwnedError,
    ReleaseError,
    SignatureError,
    UnsupportedError,
    __version__,
    event,
    function,
    open,
    pipe,
    socket,
    trace,
    wait_for_events,
    wrap,
)

# What went wrong last is told, too.
atexit.register(wait_for_events, 1.0)

__all__ = [
    "EVENT", "FD", "FILE", "PIPE", "SOCKET",
    "BusyError", "CloseTimeoutError", "ClosedError", "Error", "InvalidError", "KindError", "OwnedError", "ReleaseError",
    "SignatureError", "UnsupportedError",
    "Function", "Handle", "Kind", "Lease",
    "add_reader", "add_writer", "event", "function", "open", "pipe", "remove_reader", "remove_writer", "socket", "trace",
    "wait_for_events", "wrap",
]
