# SPDX-License-Identifier: MIT
"""A loop of reads on one thread, and a close on another while it is blocked: the loop's next read is of whatever file
has got the number since."""
import os

import harness
import safehandle

MINE, STRANGERS = b"m", b"s"


def plain_loop(fd):
    seen = b""
    while len(seen) < 3:
        try:
            data = os.read(fd, 1)
        except OSError:
            break
        if not data:
            break
        seen += data
    return seen


def plain(r, w, stranger):
    reader = harness.Reader(plain_loop, r)
    harness.wait_until_reading(reader)
    os.close(r)
    os.dup2(stranger, r)  # what the next open would do, made certain
    os.write(w, MINE)
    reader.join()
    os.close(r)
    return reader.value


def handle_loop(h):
    seen = b""
    while len(seen) < 3:
        try:
            data = h.read(1)
        except safehandle.ClosedError:
            break
        if not data:
            break
        seen += data
    return seen


def with_handles(r, w, stranger):
    h = safehandle.wrap(r, "pipe")
    reader = harness.Reader(handle_loop, h)
    harness.wait_until_reading(reader)
    h.close()
    # The number is still taken: the next files cannot get it.
    others = [os.dup(stranger) for _ in range(3)]
    os.write(w, MINE)
    reader.join()
    for other in others:
        os.close(other)
    return reader.value


def try_once(use):
    r, w = os.pipe()
    stranger_r, stranger_w = os.pipe()
    os.write(stranger_w, STRANGERS * 10)
    seen = use(r, w, stranger_r)
    for fd in (w, stranger_r, stranger_w):
        os.close(fd)
    return STRANGERS in seen


harness.main(__file__, try_once, plain, with_handles)
