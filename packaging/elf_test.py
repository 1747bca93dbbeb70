# SPDX-License-Identifier: MIT
"""The shared libraries' names, and the protections that compiler and linker were asked for."""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import tap


SHARED = os.environ["SHARED"]
LIBRARIES = [library for library in (SHARED, os.environ["GCSTRESS"]) if library]


def readelf(option, file=SHARED):
    return tap.run(os.environ["READELF"], "--wide", option, file)


def each(option):
    """What readelf says of each library, with its name."""
    return [(Path(library).name, readelf(option, library)) for library in LIBRARIES]


def compiler_can(flag, look_at):
    """What look_at says of an object of this compiler's that was made with the flag; false when it knows no such flag."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "nothing.c"), Path(folder, "nothing.o")
        source.write_text("int nothing(void);\nint nothing(void)\n{\n    return 0;\n}\n", encoding="utf-8")
        made = subprocess.run([*tap.CC, "-Werror", flag, "-c", source, "-o", result], capture_output=True, check=False)
        return made.returncode == 0 and look_at(result)


def test_soname():
    for name, told in each("--dynamic"):
        found = re.search(r"\(SONAME\).*\[(.*)\]", told)
        assert found and found.group(1) == name.partition(".so")[0] + ".so.0", found and found.group(1)


def test_full_relro():
    for name, told in each("--program-headers"):
        assert "GNU_RELRO" in told, name


def test_symbols_are_bound_at_the_start():
    for name, told in each("--dynamic"):
        assert re.search(r"\(FLAGS\).*BIND_NOW|\(BIND_NOW\)|\(FLAGS_1\).*\bNOW\b", told), f"{name}\n{told}"


def test_stack_is_not_executable():
    for name, told in each("--program-headers"):
        stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x", told)
        assert stack and "E" not in stack.group(1), f"{name}: {stack and stack.group(0)}"


def test_no_segment_is_writable_and_executable():
    for name, told in each("--program-headers"):
        assert not re.search(r"LOAD\s.*\bRWE\b", told), name


def test_stack_is_guarded():
    for library in LIBRARIES:
        assert "__stack_chk_fail" in tap.run(os.environ["NM"], "--dynamic", library), library


def says_where_jumps_may_land(file):
    """In the static library, since the shared one has the system's start files in it, which may not say so."""
    return re.search(r"x86 feature: .*\bIBT, SHSTK\b", readelf("--notes", file)) is not None


def test_jumps_and_returns_are_guarded():
    if not compiler_can("-fcf-protection", says_where_jumps_may_land):
        raise tap.Skip("this compiler does not guard them here")
    assert says_where_jumps_may_land(os.environ["STATIC"])


def test_stack_cannot_jump_over_its_guard_page():
    """No trace of it is left in the file, so this looks at how it was made."""
    flag = "-fstack-clash-protection"
    if not compiler_can(flag, Path.exists):
        raise tap.Skip("this compiler does not know the flag")
    for made in json.loads(Path(tap.BUILD, "compile_commands.json").read_text(encoding="utf-8")):
        assert flag in made["command"] or "/runtime/" not in made["file"], made["file"]


def test_code_is_not_written_to_by_the_loader():
    for name, told in each("--dynamic"):
        assert "TEXTREL" not in told, name


def test_thread_local_room_in_a_loaded_library_is_one_pointer():
    """Initial-exec TLS comes out of a small room shared by all libraries that are loaded at run time."""
    room = re.search(r"^\s*TLS\s+(?:0x\w+\s+){4}(0x\w+)", readelf("--program-headers"), re.MULTILINE)
    if room is None:
        raise tap.Skip("the library has no thread-local variables")
    assert int(room.group(1), 16) <= 64, f"{room.group(1)} bytes"


def test_one_thread_local_variable_is_exported():
    """Programs are compiled with its name, which is that of the layout; no other may become part of what they know."""
    for name, told in each("--dyn-syms"):
        symbols = re.findall(r"\bTLS\s+GLOBAL\s+DEFAULT\s+\d+\s+([\w@.]+)", told)
        assert [symbol.partition("@")[0] for symbol in symbols] == ["sh_lease_slots_1"], f"{name}: {symbols}"


UNLOADED = """
import _ctypes, ctypes, os, threading
library = ctypes.CDLL(os.environ["SHARED"])
attached, unloaded = threading.Event(), threading.Event()
def run():
    assert library.sh_thread_attach() == 0
    attached.set()
    unloaded.wait()
assert library.sh_init(None) == 0
thread = threading.Thread(target=run)
thread.start()
attached.wait()
assert library.sh_shutdown(ctypes.c_int64(5000)) == 0
_ctypes.dlclose(library._handle)
unloaded.set()
thread.join()
child = os.fork()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_threads_and_forks_outlive_dlclose():
    tap.run(sys.executable, "-c", UNLOADED)


def test_is_never_unmapped():
    for name, told in each("--dynamic"):
        assert re.search(r"\(FLAGS_1\).*\bNODELETE\b", told), name


tap.main(globals())
