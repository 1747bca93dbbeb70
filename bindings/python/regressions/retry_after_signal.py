# SPDX-License-Identifier: MIT
"""PEP 475: a read that a signal interrupts is tried again with the same number. When the signal's handler has closed
the file and opened another, that is the other's number."""
import os
import signal
import threading

import harness
import safehandle

STRANGERS = b"s"


def interrupt_main():
    """On another thread: a signal to the main thread once it reads."""
    def run():
        harness.wait_until_reading(threading.main_thread())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def plain(r, w, stranger):
    def reopen(number, frame):
        os.close(r)
        os.dup2(stranger, r)  # what the next open would do, made certain
    signal.signal(signal.SIGUSR1, reopen)
    sender = interrupt_main()
    seen = os.read(r, 1)
    sender.join()
    os.close(r)
    return seen


def with_handles(r, w, stranger):
    h = safehandle.wrap(r, "pipe")
    others = []

    def reopen(number, frame):
        h.close()
        others.extend(os.dup(stranger) for _ in range(3))
    signal.signal(signal.SIGUSR1, reopen)
    sender = interrupt_main()
    try:
        seen = h.read(1)
    except safehandle.ClosedError:
        seen = b""
    sender.join()
    for other in others:
        os.close(other)
    return seen


def try_once(use):
    r, w = os.pipe()
    stranger_r, stranger_w = os.pipe()
    os.write(stranger_w, STRANGERS * 10)
    seen = use(r, w, stranger_r)
    for fd in (w, stranger_r, stranger_w):
        os.close(fd)
    return STRANGERS in seen


harness.main(__file__, try_once, plain, with_handles)
