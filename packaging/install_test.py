# SPDX-License-Identifier: MIT
"""Installs into a directory of its own, and builds and runs a stranger's program against that copy."""
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import tap

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
CONSUMERS = tap.SOURCE / "packaging" / "consumer"
CONSUMER = CONSUMERS / "consumer.c"
PLACE = tempfile.TemporaryDirectory()
COPY = Path(PLACE.name).resolve() / "copy"


def meson_install():
    """Builds first what is not built yet, as it does for a user."""
    tap.run(os.environ["MESON"], "install", "-C", tap.BUILD, "--quiet", "--destdir", COPY)


def installed(pattern):
    found = sorted(COPY.rglob(pattern))
    assert found, f"no {pattern} was installed below {COPY}"
    return found[0]


def pkg_config(*arguments, package="safehandle"):
    """As a cross builder would: the copy's own directory of .pc files first, and its root before every path."""
    environment = os.environ | {"PKG_CONFIG_PATH": str(installed("safehandle.pc").parent),
                                "PKG_CONFIG_SYSROOT_DIR": str(COPY)}
    return shlex.split(tap.run(os.environ["PKG_CONFIG"], *arguments, package, env=environment))


def with_libraries():
    return os.environ | {"LD_LIBRARY_PATH": str(installed("libsafehandle.so").parent)}


def build_and_run(compiler, *flags):
    """The consumer in a directory of its own, so that nothing of the tree is found by chance."""
    with tempfile.TemporaryDirectory() as elsewhere:
        tap.run(*compiler, CONSUMER, "-o", "consumer", *flags, cwd=elsewhere)
        tap.run("./consumer", cwd=elsewhere, env=with_libraries())


def shared_flags():
    return pkg_config("--cflags", "--libs")


def static_flags():
    """The archive by its path: -lsafehandle would take the shared library, which lies beside it."""
    archive = str(installed("libsafehandle.a"))
    return [archive if flag == "-lsafehandle" else flag for flag in pkg_config("--static", "--cflags", "--libs")]


def test_install():
    meson_install()
    for name in ("libsafehandle.so", "libsafehandle.so.0", "libsafehandle.a", "safehandle.pc", "safehandle.h"):
        installed(name)


def test_every_public_header_is_installed():
    there = {h.relative_to(installed("safehandle.h").parent) for h in installed("safehandle.h").parent.rglob("*.h")}
    ours = {h.relative_to(tap.SOURCE / "include") for h in (tap.SOURCE / "include").rglob("*.h")}
    assert there == ours, there ^ ours


def test_version_is_told():
    meson_version = tap.run(os.environ["PKG_CONFIG"], "--modversion", installed("safehandle.pc")).strip()
    assert f"libsafehandle.so.{meson_version}" == installed("libsafehandle.so.*.*").name


def test_users_of_the_shared_library_link_nothing_else():
    libraries = [flag for flag in pkg_config("--libs") if flag.startswith("-l")]
    assert libraries == ["-lsafehandle"], libraries


def test_pkg_config_names_neither_tree_nor_build():
    text = installed("safehandle.pc").read_text(encoding="utf-8")
    assert str(tap.SOURCE) not in text and str(tap.BUILD) not in text, text


def test_shared_as_c11():
    build_and_run([*tap.CC, "-std=c11", *STRICT], *shared_flags())


def test_shared_as_c99():
    build_and_run([*tap.CC, "-std=c99", *STRICT], *shared_flags())


def test_shared_as_gnu17():
    build_and_run([*tap.CC, "-std=gnu17", "-O2", *STRICT], *shared_flags())


def test_shared_as_cxx17():
    if not shutil.which("g++"):
        raise tap.Skip("g++ is not installed")
    build_and_run(["g++", "-x", "c++", "-std=c++17", *STRICT], "-x", "none", *shared_flags())


def test_shared_without_inlined_functions():
    build_and_run([*tap.CC, "-std=c11", "-DSH_NO_INLINE", *STRICT], *shared_flags())


def test_parts_of_all_sorts_meet_in_one_process():
    if not shutil.which("g++"):
        raise tap.Skip("g++ is not installed")
    c, cxx = [*tap.CC, "-std=c11"], ["g++", "-x", "c++", "-std=c++17"]
    sorts = {"c_inlined": c, "c_called": [*c, "-DSH_NO_INLINE"],
             "cxx_inlined": cxx, "cxx_called": [*cxx, "-DSH_NO_INLINE"]}
    with tempfile.TemporaryDirectory() as elsewhere:
        for name, compiler in sorts.items():
            tap.run(*compiler, "-O2", *STRICT, f"-DPART={name}", *pkg_config("--cflags"), "-c", CONSUMERS / "part.c",
                    "-o", f"{name}.o", cwd=elsewhere)
        tap.run(*c, "-O2", *STRICT, "-fPIC", "-shared", "-Wl,-z,nodelete", "-DPART=loaded", CONSUMERS / "part.c",
                "-o", "loaded.so", *shared_flags(), cwd=elsewhere)
        tap.run(*tap.CC, "-std=gnu11", *pkg_config("--cflags"), "-c", CONSUMERS / "mixed.c", "-o", "mixed.o",
                cwd=elsewhere)
        tap.run("g++", "mixed.o", *(f"{name}.o" for name in sorts), "-o", "mixed", *shared_flags(), "-ldl",
                cwd=elsewhere)
        tap.run("./mixed", "./loaded.so", cwd=elsewhere, env=with_libraries())


def test_static():
    build_and_run([*tap.CC, "-std=c11", *STRICT], *static_flags())


def test_gcstress_lists_its_scenarios():
    tap.gcstress()
    assert "recycling" in tap.run(installed("bin/gcstress"), "list", env=with_libraries())


def test_completion_lies_where_the_shells_look():
    tap.gcstress()
    for place in ("bash-completion/completions/gcstress", "zsh/site-functions/_gcstress",
                  "fish/vendor_completions.d/gcstress.fish"):
        installed(f"share/{place}")


def test_users_of_libgcstress_link_nothing_else():
    tap.gcstress()
    libraries = [flag for flag in pkg_config("--libs", package="gcstress") if flag.startswith("-l")]
    assert libraries == ["-lgcstress"], libraries


def test_a_scenario_of_a_strangers_is_explored():
    tap.gcstress()
    with tempfile.TemporaryDirectory() as elsewhere:
        tap.run(*tap.CC, "-std=c11", *STRICT, CONSUMERS / "stressed.c", "-o", "stressed",
                *pkg_config("--cflags", "--libs", package="gcstress"), cwd=elsewhere)
        found = subprocess.run(["./stressed", "explore"], cwd=elsewhere, env=with_libraries(), capture_output=True,
                               text=True, check=False)
        assert found.returncode == 1 and "door 7 is closed under its user" in found.stdout, found
        again = subprocess.run(["./stressed", "replay", "closed-under-its-user.schedule"], cwd=elsewhere,
                               env=with_libraries(), capture_output=True, text=True, check=False)
        assert again.returncode == 1 and "door 7 is closed under its user" in again.stdout, again


tap.main(globals())
