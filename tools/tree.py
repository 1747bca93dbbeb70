#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the checkers share: the files of the tree, and one way to report what is wrong.

    tree.py SUFFIX…   lists the files with one of these suffixes, one a line
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def from_git(root):
    """What is committed or could be: no build directories. Raises when root is no checkout."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True)
    return sorted({root / name for name in listed.stdout.split("\0") if name})


def from_disk(root):
    for directory, below, names in os.walk(root):
        top = Path(directory) == root
        below[:] = [b for b in below if b not in (".git", "__pycache__") and not (top and b.startswith("build"))]
        yield from (Path(directory) / name for name in sorted(names))


def files(root, *suffixes):
    """Every file of the tree with one of these suffixes; all files without suffixes."""
    root = Path(root)
    try:
        found = from_git(root) if (root / ".git").exists() else from_disk(root)
    except (OSError, subprocess.CalledProcessError):
        found = from_disk(root)
    return [f for f in found if f.is_file() and (not suffixes or f.name.endswith(suffixes))]


def text(path):
    """The file's text; None when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def without_comments(source):
    """C source with its comments and string literals' contents blanked; every line stays where it was."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        found = match.group()
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)
    return token.sub(blank, source)


def finish(name, violations, checked):
    """Prints the violations; returns the exit status. Having checked nothing is a failure, too."""
    for violation in violations:
        print(violation)
    if not checked:
        print(f"{name}: found nothing to check")
    return 1 if violations or not checked else 0


def root_argument():
    """The tree to check: the first argument, or the one that this file is in."""
    return Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT


if __name__ == "__main__":
    for path in files(ROOT, *sys.argv[1:]):
        print(path.relative_to(ROOT))
