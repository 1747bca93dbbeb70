#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code on purpose, one place at a time, and expects the tests to notice.

    mutants.py [--only NAME] [--part K/N] [--jobs N] [--json] [--timeout SECONDS]

A mutant is a file stress/mutants/NAME.mutant:

    # SPDX-License-Identifier: MIT
    what: one sentence that says what is broken
    killed by: core/state_word, handle/close
    file: runtime/core/state_word.c
    ---
    the exact old text, found once in the file
    ---
    the new text
    ---

Every test named must fail with the mutant in (or hang, or crash) and pass without it. The work is done in copies of the
tree. Exit status 1: a mutant survived, does not fit the code any more, or does not build; or there are none.
"""
import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tree

FOLDER = "stress/mutants"
HEADER_NAMES = ("what", "killed by", "file")
SETUP = ["--buildtype=debug", "-Dtests=enabled", "-Dstress=disabled", "-Dexamples=false", "-Dmanpages=disabled",
         "-Dforeign_hosts=disabled", "-Dlua=disabled", "-Dguile=disabled", "-Dpython=disabled"]
KILLED = "killed"


class Problem(Exception):
    """Said to a person, as it is."""


@dataclass
class Mutant:
    name: str
    what: str
    tests: list
    file: str
    old: str
    new: str


@dataclass
class Result:
    mutant: Mutant
    outcome: str  # KILLED, or what is wrong in a few words
    seconds: float = 0
    detail: str = ""


def parse(path):
    parts = re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if len(parts) != 4 or parts[3].strip():
        raise Problem(f"{path.name}: must be header, ---, old text, ---, new text, ---")
    lines = [line for line in parts[0].splitlines() if line.strip() and not line.startswith("#")]
    header = dict((part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    if sorted(header) != sorted(HEADER_NAMES) or not all(header.values()):
        raise Problem(f"{path.name}: the header must have exactly: {', '.join(HEADER_NAMES)}")
    tests = [test.strip() for test in header["killed by"].split(",")]
    return Mutant(path.stem, header["what"], tests, header["file"], parts[1], parts[2])


def run(command, directory, timeout=None):
    """(exit status, everything it printed)"""
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, check=False)
    return done.returncode, done.stdout


class Copy:
    """A copy of the tree with a build directory of its own."""

    def __init__(self, root, place, ninja_jobs, setup=None):
        self.root = place / "tree"
        self.build = self.root / "build"
        self.ninja_jobs = ninja_jobs
        self.setup = setup or SETUP
        for file in tree.files(root):
            target = self.root / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)

    def set_up(self):
        status, said = run(["meson", "setup", self.build, *self.setup], self.root)
        if status:
            raise Problem(f"the copy cannot be set up:\n{said}")
        info = self.build / "meson-info"
        self.tests = {test["name"]: test for test in json.loads((info / "intro-tests.json").read_text())}
        targets = json.loads((info / "intro-targets.json").read_text())
        self.outputs = {target["id"]: [os.path.relpath(f, self.build) for f in target["filename"]] for target in targets}

    def compile(self, names):
        """Builds what these tests need and nothing else. (exit status, what was said)"""
        wanted = {output for name in names for depends in self.tests[name]["depends"] for output in self.outputs[depends]}
        return run(["ninja", "-C", self.build, "-j", str(self.ninja_jobs), *sorted(wanted)], self.root)

    def result(self, name, timeout):
        """What Meson says of one test: OK, FAIL, ERROR, TIMEOUT, SKIP …; and its output."""
        multiplier = timeout / (self.tests[name]["timeout"] or timeout)
        log = self.build / "meson-logs" / "testlog.json"
        log.unlink(missing_ok=True)
        run(["meson", "test", "--no-rebuild", "-t", str(multiplier), name], self.build)
        if not log.is_file():
            raise Problem(f"{name}: Meson did not run it")
        told = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        return told["result"], (told["stdout"] or "") + (told.get("stderr") or "")


def check_green(copy, names, timeout):
    """Before anything is broken, every test named must exist, build and pass."""
    unknown = [name for name in names if name not in copy.tests]
    if unknown:
        raise Problem(f"no test is named {', '.join(unknown)}; there are: {', '.join(sorted(copy.tests))}")
    status, said = copy.compile(names)
    if status:
        raise Problem(f"the tree does not build without a mutant:\n{said}")
    for name in names:
        result, said = copy.result(name, timeout)
        if result != "OK":
            raise Problem(f"{name} does not pass without a mutant ({result}):\n{said}")


def try_broken(copy, mutant, timeout):
    """With the mutant in: (outcome, detail)."""
    status, said = copy.compile(mutant.tests)
    if status:
        return "does not build", said
    for name in mutant.tests:
        result, said = copy.result(name, timeout)
        if result not in ("FAIL", "ERROR", "TIMEOUT"):
            return f"survived {name} ({result})", said
    return KILLED, ""


def put_in(mutant, file):
    """Breaks the file, and returns its text as it was. Raises Problem when the mutant does not fit it."""
    original = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = original.count(mutant.old)
    if found != 1:
        raise Problem(f"its old text is found {found} times in {mutant.file}")
    file.write_text(original.replace(mutant.old, mutant.new), encoding="utf-8")
    return original


def kill(copy, mutant, timeout):
    file = copy.root / mutant.file
    try:
        original = put_in(mutant, file)
    except Problem as problem:
        return Result(mutant, str(problem))
    begun = time.monotonic()
    try:
        outcome, detail = try_broken(copy, mutant, timeout)
    finally:
        file.write_text(original, encoding="utf-8")
    return Result(mutant, outcome, time.monotonic() - begun, detail)


def hunt(copies, mutants, timeout):
    """The results, in the order of the mutants; each is tried in whichever copy is free."""
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(mutant):
        copy = free.get()
        try:
            return kill(copy, mutant, timeout)
        finally:
            free.put(copy)
    with ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(one, mutants)


def tell(result):
    how = ", ".join(result.mutant.tests) if result.outcome == KILLED else f"NOT KILLED: {result.outcome}"
    print(f"{result.mutant.name:<44} {how:<36} {result.seconds:6.1f} s", flush=True)
    if result.outcome != KILLED:
        print(f"    {result.mutant.what} ({result.mutant.file})")
        print("".join(f"    | {line}\n" for line in result.detail.splitlines()[-30:]), end="", flush=True)


def as_data(result):
    mutant = result.mutant
    return {"mutant": mutant.name, "what": mutant.what, "file": mutant.file, "killed by": mutant.tests,
            "outcome": result.outcome, "seconds": round(result.seconds, 1)}


def part_of_all(text):
    """(K, N) of "K/N": every N-th mutant from the K-th on."""
    try:
        number, count = (int(word) for word in text.split("/"))
    except ValueError:
        number, count = 0, 0
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"{text}: write 1/2 or 2/2 for one half or the other")
    return number, count


def chosen(root, only, part=(1, 1)):
    mutants = [parse(path) for path in sorted((root / FOLDER).glob("*.mutant"))]
    if only:
        mutants = [mutant for mutant in mutants if mutant.name in only]
    number, count = part
    mutants = mutants[number - 1::count]
    if not mutants:
        raise Problem(f"no mutant in {FOLDER}" + (f" is named {' or '.join(only)}" if only else ""))
    return mutants


def run_all(options):
    """Prints what became of each mutant; returns the exit status."""
    mutants = chosen(options.tree, options.only, options.part)
    names = sorted({test for mutant in mutants for test in mutant.tests})
    jobs = min(options.jobs, len(mutants))
    with tempfile.TemporaryDirectory(prefix="safehandle-mutants-") as place:
        copies = [Copy(options.tree, Path(place) / str(n), max(1, options.jobs // jobs)) for n in range(jobs)]
        for copy in copies:
            copy.set_up()
        check_green(copies[0], names, options.timeout)
        if not options.json:
            print(f"{'mutant':<44} {'killed by':<36} {'time':>8}", flush=True)
        results = []
        for result in hunt(copies, mutants, options.timeout):
            results.append(result)
            if not options.json:
                tell(result)
    survivors = [result for result in results if result.outcome != KILLED]
    if options.json:
        print(json.dumps([as_data(result) for result in results], indent=1))
    else:
        print(f"{len(results) - len(survivors)} of {len(results)} mutants killed")
    return 1 if survivors else 0


def main(arguments):
    parser = argparse.ArgumentParser(prog="mutants", description="Breaks the code and expects the tests to notice.")
    parser.add_argument("--only", action="append", metavar="NAME", help="this mutant; may be given again")
    parser.add_argument("--part", type=part_of_all, default=(1, 1), metavar="K/N",
                        help="every N-th mutant, from the K-th on (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at the same time")
    parser.add_argument("--timeout", type=float, default=30, help="seconds a test may take: more is a hang (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print an array instead of a table")
    parser.add_argument("--tree", type=Path, default=tree.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        return run_all(options)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
