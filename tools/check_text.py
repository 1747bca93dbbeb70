#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every source file names its licence, and no text names what must not be in the tree."""
import re
import sys

import tree

LICENCE = "SPDX-License-Identifier: MIT"
LICENSED = (".c", ".h", ".py", ".sh", ".pml", ".mutant", "meson.build", "dev", ".ci/run")

# The patterns are written so that none of them matches its own line.
FORBIDDEN = [
    (re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"), "unfinished work belongs in an issue"),
    (re.compile(r"(?<![\w./])/(?:wor[k]|roo[t])/"), "a path of one machine"),
    (re.compile(r"\b(?:deb|ftp|security|archive|mirrors?|registry|proxy|api|static)\.[a-z0-9-]+\.(?:org|com|io|net|dev)\b"),
     "the host of a package registry"),
    (re.compile(r"\b(?:pypi|crates|nuget|rubygems|npmjs|pythonhosted)\.(?:org|io|com)\b"),
     "the host of a package registry"),
]


def forbidden(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in FORBIDDEN:
            found = pattern.search(line)
            if found:
                yield f"{name}:{number}: \"{found.group()}\": {why}"


def unlicensed(name, text):
    head = "\n".join(text.splitlines()[:3])
    if name.endswith(LICENSED) and LICENCE not in head:
        yield f'{name}:1: the first lines do not say "{LICENCE}"'


def check(root):
    violations, checked = [], 0
    for file in tree.files(root):
        text = tree.text(file)
        if text is None:
            continue
        name = file.relative_to(root).as_posix()
        checked += 1
        violations += [*unlicensed(name, text), *forbidden(name, text)]
    return violations, checked


if __name__ == "__main__":
    sys.exit(tree.finish("check_text", *check(tree.root_argument())))
