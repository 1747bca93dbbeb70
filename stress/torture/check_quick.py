# SPDX-License-Identifier: MIT
"""Runs safehandle-torture --quick --json with some classes: check_quick.py PROGRAM CLASS…; no try may fail."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, run_program  # noqa: E402


def main():
    checks = Checks()
    program, classes = sys.argv[1], sys.argv[2:]
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines()]
    checks.check(names == sorted(set(names)), "--list has every class once, in order", listed)
    outcomes = run_program(checks, [program, "--quick", "--json", *(f"--only={name}" for name in classes)])
    if outcomes is not None:
        checks.check([outcome["class"] for outcome in outcomes] == classes, "each of them ran", outcomes)
        for outcome in outcomes:
            checks.check(outcome["failures"] == 0 < outcome["tries"], f"{outcome['class']}: no try failed", outcome)
    checks.finish()


main()
