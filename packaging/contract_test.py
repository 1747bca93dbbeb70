# SPDX-License-Identifier: MIT
"""SH_RELIABILITY costs nothing: with it and without it, the same objects; and a misspelt word is no C."""
import os
import re
import shutil
import tempfile
from pathlib import Path

import tap

COMPILERS = [("gcc", "c11", "c"), ("clang", "c11", "c"), ("g++", "c++17", "c++"), ("clang++", "c++17", "c++")]
LEVELS = ["-O0", "-O2"]
WITHOUT = "#define SH_RELIABILITY(consistency, outcome)\n"

# Every place where one may stand.
PLACES = """#include <safehandle.h>
SH_RELIABILITY(will_not_corrupt_state, success) int thing_declared(sh_raw raw);
typedef struct thing {
    int (*act)(int) SH_RELIABILITY(may_corrupt_instance, may_fail);
} thing;
SH_RELIABILITY(will_not_corrupt_state, success)
static int helper(int number)
{
    return 3 * number;
}
SH_RELIABILITY(will_not_corrupt_state, success)
static int thing_release(sh_raw raw, void *context)
{
    (void)context;
    return helper((int)raw) == 6;
}
SH_RELIABILITY(may_corrupt_domain, may_fail)
int thing_acts(const thing *t, int (*more)(int) SH_RELIABILITY(may_corrupt_process, may_fail))
{
    return t->act(1) + more(2) + thing_declared(3);
}
SH_RELIABILITY(will_not_corrupt_state, success)
extern const sh_kind thing_kind;
SH_RELIABILITY(will_not_corrupt_state, success)
const sh_kind thing_kind = {"thing", 0, 0, 0, thing_release, 0, 0, 0, {0, 0, 0, 0}};
"""


def here():
    found = [compiler for compiler in COMPILERS if shutil.which(compiler[0])]
    if not found:
        raise tap.Skip("none of " + ", ".join(name for name, _, _ in COMPILERS))
    return found


def object_of(compiler, level, source, first_includes):
    name, standard, language = compiler
    with tempfile.TemporaryDirectory() as directory:
        made = Path(directory) / "made.o"
        tap.run(name, "-x", language, f"-std={standard}", "-D_GNU_SOURCE", level, "-c", source, "-o", made,
                *(f"-I{include}" for include in first_includes), f"-I{tap.SOURCE}/include", f"-I{tap.SOURCE}/runtime")
        return made.read_bytes()


def compare(compilers, source):
    with tempfile.TemporaryDirectory() as without:
        (Path(without) / "safehandle").mkdir()
        (Path(without) / "safehandle" / "contract.h").write_text(WITHOUT, encoding="utf-8")
        for compiler in compilers:
            for level in LEVELS:
                same = object_of(compiler, level, source, []) == object_of(compiler, level, source, [without])
                assert same, f"{compiler[0]} {level}: {source} is another object with its contracts"


def test_a_contract_leaves_no_trace():
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "places.c"
        source.write_text(PLACES, encoding="utf-8")
        compare(here(), source)


def test_nor_does_one_in_the_library():
    c = [compiler for compiler in here() if compiler[2] == "c"]
    for source in ("runtime/handle/release.c", "runtime/handle/kind.c", "runtime/thread/thread.c"):
        compare(c, tap.SOURCE / source)


def refused(compiler, word, misspelt):
    try:
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "misspelt.c"
            source.write_text(re.sub(rf"\b{word}\b", misspelt, PLACES, count=1), encoding="utf-8")
            object_of(compiler, "-O0", source, [])
    except AssertionError as said:
        return misspelt in str(said)
    return False


def test_a_misspelt_word_is_an_error():
    for compiler in here():
        for word, misspelt in (("will_not_corrupt_state", "will_not_corrupt"), ("success", "succes"),
                               ("may_corrupt_instance", "success"), ("may_fail", "may_corrupt_domain")):
            assert refused(compiler, word, misspelt), f"{compiler[0]} takes {misspelt} for {word}"


def test_a_normal_build_has_none_of_the_checks():
    for library in (os.environ["SHARED"], os.environ["STATIC"]):
        assert "contract_" not in tap.run(os.environ["NM"], library), f"{library} checks contracts at run time"


def stress_library():
    if not os.environ["CONTRACTS"]:
        raise tap.Skip("no glibc: contracts cannot be checked at run time")
    return os.environ["CONTRACTS"]


def test_the_stress_library_defines_what_it_stands_for():
    told = tap.run(os.environ["NM"], "--extern-only", "--defined-only", "--format=posix", stress_library())
    extra = {line.split()[0] for line in told.splitlines() if " " in line} - set(tap.exported())
    assert {"malloc", "calloc", "realloc"} <= extra, extra
    assert all(re.search("alloc|memalign|GC_strdup", name) for name in extra), extra


def test_a_stress_program_tells_of_a_broken_contract():
    libraries = tap.run(os.environ["PKG_CONFIG"], "--cflags", "--libs", *os.environ["STATIC_NEEDS"].split()).split()
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "broken_release"
        tap.run(*tap.CC, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_GNU_SOURCE",
                f"-I{tap.SOURCE}/include", tap.SOURCE / "packaging" / "consumer" / "broken_release.c", "-o", program,
                stress_library(), *libraries, "-pthread")
        said = tap.run(program)
    for part in ("the kind's release allocated memory", "\n    malloc+0x", "\n    remember+0x", "\n    thing_release+0x"):
        assert part in said, f"no {part!r} in {said}"


if __name__ == "__main__":
    tap.main(globals())
