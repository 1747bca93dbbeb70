#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Branch coverage of the rooms that decide when a handle is released: every branch that can be reached is taken.

    coverage.py BUILD-DIRECTORY

Reads what the tests left in the objects of BUILD-DIRECTORY/runtime/testing, prints a table and each branch that was
not taken, and exits 1 when there is one. A line is left out only by a marker with its reason:

    … /* GCOVR_EXCL_BR_LINE: why this branch cannot be taken */
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import tree

ROOMS = ("runtime/core", "runtime/handle")
MARKER = re.compile(r"\b(?:GCOVR?|LCOV)_EXCL_\w*")
GOOD_MARKER = re.compile(r"/\* GCOVR_EXCL_BR_LINE: \S.{9,}\*/")


def bad_markers(root):
    """Markers without a reason, and those that leave out more than one line's branches."""
    for file in (f for room in ROOMS for f in tree.files(root, ".c", ".h") if f.is_relative_to(root / room)):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if MARKER.search(line) and not GOOD_MARKER.search(line):
                yield f"{file.relative_to(root)}:{number}: write it as /* GCOVR_EXCL_BR_LINE: the reason */"


def gcovr(root, build):
    """gcovr's own account, as data. Only the objects of the tests: they have the checkpoints in."""
    filters = [part for room in ROOMS for part in ("--filter", f"{re.escape(str(root / room))}/")]
    done = subprocess.run(
        ["gcovr", "--root", root, *filters, "--exclude", r".*_test\.[ch]$", "--json", "-", build / "runtime" / "testing"],
        capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"gcovr failed:\n{done.stderr}")
    return json.loads(done.stdout)["files"]


def branches(told):
    """(line, branches, branches taken) for each line that has any."""
    for line in told["lines"]:
        of_line = line["branches"]
        if of_line and not line.get("gcovr/noncode"):
            yield line["line_number"], len(of_line), sum(branch["count"] > 0 for branch in of_line)


def report(told_of):
    """Prints the table; returns (branches, the lines with untaken ones)."""
    total, total_taken, missed = 0, 0, []
    print(f"{'file':<40}{'branches':>10}{'taken':>8}")
    for told in sorted(told_of, key=lambda told: told["file"]):
        of_file = list(branches(told))
        count, taken = sum(b for _, b, _ in of_file), sum(t for _, _, t in of_file)
        print(f"{told['file']:<40}{count:>10}{taken:>8}")
        total, total_taken = total + count, total_taken + taken
        missed += [f"{told['file']}:{line}: {of_line - t} of {of_line} branches never taken"
                   for line, of_line, t in of_file if t < of_line]
    print(f"{'all':<40}{total:>10}{total_taken:>8}  {100 * total_taken / total if total else 0:.1f} %")
    return total, missed


def check(root, build):
    """Prints the table and what is wrong; returns the exit status."""
    problems = list(bad_markers(root))
    total, missed = report(gcovr(root, build))
    for problem in problems + missed:
        print(problem)
    if total == 0:
        print("no branch was measured: did the tests run?")
    return 1 if problems or missed or total == 0 else 0


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    return check(tree.ROOT, Path(arguments[0]).resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
