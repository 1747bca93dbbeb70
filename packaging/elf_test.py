# SPDX-License-Identifier: MIT
"""The shared library's name, and the protections that the linker was asked for."""
import os
import re

import tap


def readelf(option):
    return tap.run(os.environ["READELF"], "--wide", option, os.environ["SHARED"])


def test_soname():
    found = re.search(r"\(SONAME\).*\[(.*)\]", readelf("--dynamic"))
    assert found and found.group(1) == "libsafehandle.so.0", found and found.group(1)


def test_full_relro():
    assert "GNU_RELRO" in readelf("--program-headers")


def test_symbols_are_bound_at_the_start():
    dynamic = readelf("--dynamic")
    assert re.search(r"\(FLAGS\).*BIND_NOW|\(BIND_NOW\)|\(FLAGS_1\).*\bNOW\b", dynamic), dynamic


def test_stack_is_not_executable():
    stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x", readelf("--program-headers"))
    assert stack and "E" not in stack.group(1), stack and stack.group(0)


def test_no_segment_is_writable_and_executable():
    assert not re.search(r"LOAD\s.*\bRWE\b", readelf("--program-headers"))


def test_code_is_not_written_to_by_the_loader():
    assert "TEXTREL" not in readelf("--dynamic")


def test_thread_local_room_in_a_loaded_library_is_one_pointer():
    """Initial-exec TLS comes out of a small room shared by all libraries that are loaded at run time."""
    room = re.search(r"^\s*TLS\s+(?:0x\w+\s+){4}(0x\w+)", readelf("--program-headers"), re.MULTILINE)
    if room is None:
        raise tap.Skip("the library has no thread-local variables")
    assert int(room.group(1), 16) <= 64, f"{room.group(1)} bytes"


tap.main(globals())
