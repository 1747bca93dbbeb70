# SPDX-License-Identifier: MIT
"""The installed module: where Lua looks, with nothing of the build in it, and working."""
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["SOURCE"]) / "packaging"))
import tap  # noqa: E402: found by the line above

PLACE = tempfile.TemporaryDirectory()
COPY = Path(PLACE.name).resolve()
LIBRARY = Path(os.environ["LIBRARY"])
MODULE = Path(os.environ["MODULE"])


def installed():
    return COPY / MODULE.relative_to("/")


def test_the_module_is_installed():
    tap.run(os.environ["MESON"], "install", "-C", tap.BUILD, "--quiet", "--no-rebuild", "--tags", "lua", "--destdir", COPY)
    assert installed().is_file(), f"there is no {installed()}"


def test_it_lies_where_lua_looks():
    lua_path = tap.run(os.environ["LUA"], "-e", "print(package.cpath)", env={}).strip().split(";")
    prefix = str(MODULE.parents[3])
    if prefix not in ("/usr", "/usr/local"):
        raise tap.Skip(f"Lua does not look below {prefix}")
    assert f"{MODULE.parent}/?.so" in lua_path, lua_path


def test_it_finds_the_library_as_installed():
    dynamic = tap.run(os.environ["READELF"], "--dynamic", installed())
    paths = [line for line in dynamic.splitlines() if "RUNPATH" in line or "RPATH" in line]
    assert len(paths) == 1 and f"[{os.environ['LIBDIR']}]" in paths[0], paths
    assert "liblua" not in dynamic, "Lua's symbols are those of the program that loads the module"


def test_it_works():
    environment = {"LUA_CPATH": str(installed().parent / "?.so"), "LD_LIBRARY_PATH": str(LIBRARY.parent)}
    printed = tap.run(os.environ["LUA"], "-e", "print(require 'safehandle'.open '/dev/zero':read(2) == '\\0\\0')", env=environment)
    assert printed == "true\n", printed


if __name__ == "__main__":
    tap.main(globals())
