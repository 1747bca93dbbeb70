# SPDX-License-Identifier: MIT
"""One list of symbols: what the headers declare, what the map exports, what both library files define."""
import os
import re
import tempfile
from pathlib import Path

import tap


def symbols(library, *options):
    """The names that a library defines for others; not the version's own name, which the dynamic list has too."""
    told = tap.run(os.environ["NM"], *options, "--defined-only", "--format=posix", library)
    rows = [line.split() for line in told.splitlines() if len(line.split()) >= 2]
    return [row[0].partition("@")[0] for row in rows if row[1] != "A"]


def headers():
    """Those of libsafehandle, and those that libgcstress has besides."""
    found = set((tap.SOURCE / "include").rglob("*.h"))
    stress = {tap.SOURCE / "include" / "safehandle" / "stress.h"}
    assert stress < found
    return found - stress, stress


def declared(in_headers):
    """Every name behind SH_API in these: a function, or objects in one declaration."""
    for header in in_headers:
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)+", " ", text)
        for statement in re.findall(r"\bSH_API\b([^;]*);", text):
            function = re.search(r"\b(\w+)\s*\(", statement)
            if function:
                yield function.group(1)
            else:
                yield from (re.findall(r"\w+", part)[-1] for part in statement.split(","))


def program_of_addresses(directory):
    """A program that needs every exported symbol, and succeeds when each has an address."""
    uses = "".join(f"    if ((uintptr_t)&{name} == nowhere)\n        return 1;\n" for name in tap.exported())
    source = Path(directory) / "addresses.c"
    source.write_text("#include <safehandle.h>\n#include <stdint.h>\n\nint main(int argc, char **argv)\n{\n"
                      "    (void)argv;\n    uintptr_t nowhere = (uintptr_t)argc - 1;\n"
                      f"{uses}    return 0;\n}}\n", encoding="utf-8")
    return source


def link_all(*libraries, **options):
    """Links the program against these, and runs it."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "addresses"
        tap.run(*tap.CC, "-std=c11", "-Wall", "-Werror", "-Wno-address", "-I", tap.SOURCE / "include",
                program_of_addresses(directory), "-o", program, *libraries)
        tap.run(program, **options)


def test_headers_declare_what_the_map_exports():
    ours, _ = headers()
    tap.same(list(declared(ours)), tap.exported(), "the headers", "safehandle.map")


def test_shared_library_exports_the_map_exactly():
    tap.same(symbols(os.environ["SHARED"], "--dynamic"), tap.exported(), "the shared library", "safehandle.map")


def test_static_library_defines_the_map_exactly():
    tap.same(symbols(os.environ["STATIC"], "--extern-only"), tap.exported(), "the static library", "safehandle.map")


def test_libgcstress_exports_the_map_and_its_own_header_exactly():
    _, stress = headers()
    tap.same(symbols(tap.gcstress(), "--dynamic"), [*tap.exported(), *declared(stress)], "libgcstress",
             "safehandle.map and stress.h")


def test_every_name_begins_with_sh():
    assert all(name.startswith("sh_") for name in tap.exported()), tap.exported()


def test_a_program_links_every_symbol_of_the_shared_library():
    shared = Path(os.environ["SHARED"])
    link_all(shared, env=os.environ | {"LD_LIBRARY_PATH": str(shared.parent)})


def test_a_program_links_every_symbol_of_libgcstress():
    library = Path(tap.gcstress())
    link_all(library, env=os.environ | {"LD_LIBRARY_PATH": str(library.parent)})


def test_a_program_links_every_symbol_of_the_static_library():
    needs = tap.run(os.environ["PKG_CONFIG"], "--libs", *os.environ["STATIC_NEEDS"].split()).split()
    link_all(os.environ["STATIC"], *needs, "-pthread")


tap.main(globals())
