# SPDX-License-Identifier: MIT
"""Runs a program that prints JSON, and tells of each check of it in the TAP format."""
import json
import subprocess
import sys


class Checks:
    def __init__(self):
        self._count = 0
        self._failed = 0

    def check(self, holds, name, detail=""):
        self._count += 1
        self._failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self._count} - {name}")
        if not holds and detail != "":
            for line in str(detail).splitlines():
                print(f"# {line}")
        return holds

    def finish(self):
        print(f"1..{self._count}")
        sys.exit(1 if self._failed else 0)


def run_program(checks, command):
    """Answers what the program printed, read as JSON; None when it could not be."""
    done = subprocess.run(command, capture_output=True, text=True)
    checks.check(done.returncode == 0, "exit status is 0", f"it is {done.returncode}\n{done.stderr}")
    checks.check(done.stderr == "", "nothing is on stderr", done.stderr)
    try:
        printed = json.loads(done.stdout)
    except ValueError as error:
        checks.check(False, "stdout is JSON and nothing else", error)
        return None
    checks.check(True, "stdout is JSON and nothing else")
    return printed
