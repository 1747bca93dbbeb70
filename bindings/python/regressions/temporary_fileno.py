# SPDX-License-Identifier: MIT
"""open(…).fileno() of a file that nobody keeps: the file dies at once, and its number goes to the next one opened.

What is written for one file then lands in the other. With handles the lease keeps the file open for as long as the
number is used."""
import os
import tempfile

import harness
import safehandle


def plain(first, second):
    fd = open(first, "ab").fileno()
    with open(second, "ab"):
        try:
            os.write(fd, b"meant for first")
        except OSError:
            pass


def with_handles(first, second):
    with safehandle.open(first, os.O_WRONLY | os.O_APPEND).lease() as fd:
        with safehandle.open(second, os.O_WRONLY | os.O_APPEND):
            os.write(fd, b"meant for first")


def try_once(use):
    with tempfile.TemporaryDirectory() as place:
        first, second = os.path.join(place, "first"), os.path.join(place, "second")
        for path in (first, second):
            open(path, "wb").close()
        use(first, second)
        return os.path.getsize(second) > 0


harness.main(__file__, try_once, plain, with_handles)
