# SPDX-License-Identifier: MIT
"""A number that is closed twice: the second close hits whoever has got it in between."""
import os

import harness
import safehandle


def plain():
    fd = os.open("/dev/null", os.O_RDONLY)
    os.close(fd)
    stranger = os.open("/dev/null", os.O_RDONLY)
    try:
        os.close(fd)
    except OSError:
        pass
    return stranger


def with_handles():
    h = safehandle.open("/dev/null")
    h.close()
    stranger = os.open("/dev/null", os.O_RDONLY)
    h.close()
    return stranger


def try_once(use):
    stranger = use()
    try:
        os.close(stranger)
    except OSError:
        return True
    return False


harness.main(__file__, try_once, plain, with_handles)
