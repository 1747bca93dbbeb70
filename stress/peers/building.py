# SPDX-License-Identifier: MIT
"""Makes the peers' programs, each with its own compiler. What is up to date is not made again."""
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
STRESS = HERE.parent

# The time of a short loop depends on where it lies, on some processors: so it lies well.
C_FLAGS = ["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-pthread"]
PLACING_FLAGS = ["-falign-functions=64", "-falign-loops=64",
                 "-Wa,-mbranches-within-32B-boundaries"]

# Newer programs than the JDK's first shared arena do not start on older ones; this one was a preview.
FIRST_JAVA, FIRST_JAVA_WITHOUT_PREVIEW = 21, 22

# Nothing is to be asked for, told to anybody, or fetched.
QUIET_DOTNET = {"DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
                "DOTNET_GENERATE_ASPNET_CERTIFICATE": "false"}
QUIET_GO = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GO111MODULE": "off"}


class Missing(Exception):
    """The peer, or what makes it, is not on this machine."""


class Failed(Exception):
    """It is there, and does not do what it should."""


class Program:
    """command: what runs it. version: where the program does not print it itself."""

    def __init__(self, command, version=None):
        self.command = [str(word) for word in command]
        self.version = version


def tool(*names):
    """The first of these programs that there is."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise Missing(f"no {' and no '.join(names)} on the PATH")
    return found


def output_of(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def first_line(command):
    return (output_of(command) or "unknown").splitlines()[0]


def make(output, sources, command, **environment):
    """Runs the command unless it has made the output from these sources before."""
    stamp = output.parent / f"{output.name}.made"
    made_from = json.dumps([[str(word) for word in command], [source.stat().st_mtime_ns for source in sources]])
    if output.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made_from:
        return output
    output.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=output.parent,
                          env=os.environ | environment)
    if done.returncode != 0 or not output.exists():
        said = (done.stdout + done.stderr).strip().splitlines() or ["without a word"]
        raise Failed(f"{Path(command[0]).name} failed: " + next((line for line in said if "error" in line), said[-1]))
    stamp.write_text(made_from, encoding="utf-8")
    return output


# ---- C and C++ -------------------------------------------------------------------------------------------------------

def c_compiler():
    return shlex.split(os.environ.get("CC", "")) or [tool("gcc", "cc", "clang")]


def cxx_compiler():
    return shlex.split(os.environ.get("CXX", "")) or [tool("g++", "c++", "clang++")]


@functools.cache
def supported(compiler, flags):
    def accepts(flag):
        done = subprocess.run([*compiler, "-Werror", flag, "-x", "c", "-c", "-o", os.devnull, "-"], input="int x;\n",
                              capture_output=True, text=True, check=False)
        return done.returncode == 0
    return [flag for flag in flags if accepts(flag)]


def compiled(place, compiler, source, flags=()):
    """The object file."""
    placing = supported(tuple(compiler), tuple(PLACING_FLAGS))
    return make(place / f"{source.name}.o", [source, HERE / "c/peer.h", STRESS / "die.h"],
                [*compiler, *C_FLAGS, *placing, *flags, "-c", source, "-o", place / f"{source.name}.o"])


def linked(place, compiler, source, flags=(), libraries=()):
    c = c_compiler()
    objects = [compiled(place, compiler, source, flags), compiled(place, c, HERE / "c/measure.c"),
               compiled(place, c, STRESS / "die.c")]
    program = place / source.stem
    return make(program, objects, [*compiler, "-pthread", *objects, *libraries, "-o", program])


def libc_version():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "unknown"
    except (OSError, ValueError):
        return "unknown"


def of_libc(source):
    return lambda place: Program([linked(place, c_compiler(), HERE / source)], libc_version())


def of_compiler(source):
    return lambda place: Program([linked(place, c_compiler(), HERE / source)],
                                 first_line([*c_compiler(), "--version"]))


def of_cxx(source):
    return lambda place: Program([linked(place, cxx_compiler(), HERE / source)],
                                 first_line([*cxx_compiler(), "--version"]))


def of_package(source, package):
    """A library that pkg-config knows."""
    def program(place):
        pkg_config = tool("pkg-config")
        version = output_of([pkg_config, "--modversion", package])
        if version is None:
            raise Missing(f"pkg-config does not know {package}")
        flags = shlex.split(output_of([pkg_config, "--cflags", package]))
        libraries = shlex.split(output_of([pkg_config, "--libs", package]))
        return Program([linked(place, c_compiler(), HERE / source, flags, libraries)], version)
    return program


# ---- other languages -------------------------------------------------------------------------------------------------

def rust(place):
    rustc, source, program = tool("rustc"), HERE / "rust/peer.rs", place / "rust_peer"
    make(program, [source], [rustc, "--edition=2021", "-Copt-level=3", "-o", program, source])
    return Program([program], first_line([rustc, "--version"]))


def go(place):
    compiler, source, program = tool("go"), HERE / "go/peer.go", place / "go_peer"
    make(program, [source], [compiler, "build", "-o", program, source], GOCACHE=str(place / "go_cache"), **QUIET_GO)
    return Program([program])


def java_version(home):
    """The feature number of the JDK there; None where there is no compiler."""
    said = output_of([home / "bin/javac", "-version"]) if (home / "bin/javac").exists() else None
    number = re.search(r"\b(\d+)", said or "")
    return int(number.group(1)) if number else None


def newest_java():
    """(feature number, home) of the newest JDK, on the PATH or beside it."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    homes += [Path(found).resolve().parent.parent for found in [shutil.which("javac")] if found]
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    versions = [(version, home) for home in homes if (version := java_version(home)) is not None]
    if not versions:
        raise Missing("no JDK")
    version, home = max(versions)
    if version < FIRST_JAVA:
        raise Missing(f"the newest JDK is {version}; shared arenas need {FIRST_JAVA}")
    return version, home


def java(place):
    version, home = newest_java()
    source, classes = HERE / "java/Peer.java", place / "java"
    preview = [] if version >= FIRST_JAVA_WITHOUT_PREVIEW else ["--enable-preview"]
    make(classes / "Peer.class", [source],
         [home / "bin/javac", *preview, "--release", str(version), "-d", classes, source])
    return Program([home / "bin/java", *preview, "-Xbatch", "--enable-native-access=ALL-UNNAMED", "-cp", classes, "Peer"])


def dotnet(place):
    """Made in a directory of its own, since it leaves things beside the project's file."""
    driver, directory = tool("dotnet"), place / "dotnet"
    sources = [HERE / "dotnet/Peer.cs", HERE / "dotnet/Peer.csproj"]
    if not output_of([driver, "--list-sdks"]):
        raise Missing("dotnet without an SDK")
    directory.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, directory)
    program = directory / "out" / "Peer.dll"
    make(program, sources,
         [driver, "build", directory / "Peer.csproj", "-c", "Release", "-o", program.parent, "--nologo", "-v", "quiet"],
         **QUIET_DOTNET)
    return Program([driver, program])


def mono(place):
    compiler, runner = tool("mcs"), tool("mono")
    source, program = HERE / "dotnet/Peer.cs", place / "mono_peer.exe"
    make(program, [source], [compiler, "-optimize+", f"-out:{program}", source])
    return Program([runner, program])
