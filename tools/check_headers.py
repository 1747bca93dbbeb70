#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every public header compiles by itself, as strict C11 and as C++17, with gcc and with clang."""
import subprocess
import sys

import tree

# The declaration is there because a C file with nothing in it is an error of its own.
PROGRAM = "#include <{}>\nextern int nothing;\n"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
COMPILERS = [
    ["gcc", "-x", "c", "-std=c11"],
    ["clang", "-x", "c", "-std=c11"],
    ["g++", "-x", "c++", "-std=c++17"],
    ["clang++", "-x", "c++", "-std=c++17"],
]


def refusal(root, header, compiler):
    """What the compiler says against a file that includes this header alone; None when nothing."""
    command = [*compiler, *STRICT, "-I", root / "include", "-"]
    try:
        done = subprocess.run(command, input=PROGRAM.format(header), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "this compiler is not installed"
    return done.stderr.strip() if done.returncode else None


def check(root):
    headers = sorted(h.relative_to(root / "include").as_posix() for h in (root / "include").rglob("*.h"))
    violations = []
    for header in headers:
        for compiler in COMPILERS:
            said = refusal(root, header, compiler)
            if said:
                violations.append(f"include/{header}:1: {compiler[0]} {compiler[-1]}:\n{said}")
    return violations, len(headers)


if __name__ == "__main__":
    sys.exit(tree.finish("check_headers", *check(tree.root_argument())))
