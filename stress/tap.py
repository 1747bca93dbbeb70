# SPDX-License-Identifier: MIT
"""Runs a program that prints JSON, and tells of each check of it in the TAP format."""
import json
import os
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

    def skip(self, name, why):
        self._count += 1
        print(f"ok {self._count} - {name} # SKIP {why}")

    def finish(self):
        print(f"1..{self._count}")
        sys.exit(1 if self._failed else 0)


def on_terminal(command, **streams):
    """What a terminal shows of the command when stderr is on it; other streams as they are given, stdout also on it."""
    terminal, its_end = os.openpty()
    with subprocess.Popen(command, **({"stdout": its_end, "stderr": its_end} | streams)):
        os.close(its_end)
        shown = b""
        try:
            while some := os.read(terminal, 4096):
                shown += some
        except OSError:  # nobody else has it open any more
            pass
    os.close(terminal)
    return shown.decode()


def check_progress(checks, command):
    """A quick command tells how far it is, but only where a person reads the result, too."""
    checks.check("[ 1/" in on_terminal(command), "on a terminal, progress is shown")
    shown = on_terminal(command, stdout=subprocess.DEVNULL)
    checks.check("[ 1/" not in shown, "when stdout goes elsewhere, it is not", shown)


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
