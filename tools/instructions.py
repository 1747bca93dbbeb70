#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of what programs do most, under callgrind, and holds them against the committed figures.

    instructions.py PROGRAM           exit 1 when an operation takes more than it did, or much less
    instructions.py PROGRAM --write   writes the figures anew

Other programs on the machine cannot change the counts. Another compiler, libc or collector can: then the figures say
nothing (exit status 2). PROGRAM is stress/bench/instructions.c, built for release.
"""
import json
import os
import re
import subprocess
import sys

import tree

FIGURES = tree.ROOT / "stress" / "bench" / "instructions.json"
SHORT, LONG = 2000, 6000  # what both have in common falls out of the difference
MOST_PART, MOST_INSTRUCTIONS = 0.03, 2.0  # as much more is the same
COULD_NOT_RUN = 2

HOW_TO_WRITE = "./dev bench --instructions --write"

# Its heap is large enough that no collection runs while it counts.
ENVIRONMENT = {"GC_INITIAL_HEAP_SIZE": "67108864", "GC_MARKERS": "1"}


def count(program, operation, times):
    """Instructions in run_counted, and all that it calls, on its own thread."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=run_counted",
         program, operation, str(times)],
        capture_output=True, text=True, check=False, env=os.environ | ENVIRONMENT)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found[1]) < times:
        print(f"instructions.py: {operation} could not be counted:\n{done.stderr}")
        sys.exit(COULD_NOT_RUN)
    return int(found[1])


def measure(program, operations):
    return {operation: round((count(program, operation, LONG) - count(program, operation, SHORT)) / (LONG - SHORT), 1)
            for operation in operations}


def compare(committed, measured):
    """Lines that say what is not as committed."""
    for operation in committed.keys() | measured.keys():
        if operation not in measured or operation not in committed:
            yield f"{operation} is " + ("no longer measured" if operation in committed else "not committed")
    for operation in sorted(committed.keys() & measured.keys()):
        was, now = committed[operation], measured[operation]
        if abs(now - was) > max(MOST_INSTRUCTIONS, MOST_PART * was):
            yield f"{operation} {'grew' if now > was else 'shrank'} from {was:g} to {now:g} instructions"


def write(made_with, measured):
    text = json.dumps({"made_with": made_with, "instructions": measured}, indent=2)
    FIGURES.write_text(text + "\n", encoding="utf-8")


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["--write"]):
        print(__doc__)
        return COULD_NOT_RUN
    program = arguments[0]
    told = json.loads(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    committed = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    if len(arguments) == 1 and committed.get("made_with") != told["made_with"]:
        print(f"The figures are for {committed.get('made_with')}, and this is {told['made_with']}: {HOW_TO_WRITE}")
        return COULD_NOT_RUN
    measured = measure(program, told["operations"])
    for operation, instructions in measured.items():
        print(f"{instructions:8g}  {operation}")
    if len(arguments) == 2:
        write(told["made_with"], measured)
        return 0
    problems = list(compare(committed["instructions"], measured))
    for problem in problems:
        print(problem)
    if problems:
        print(f"When that is meant: {HOW_TO_WRITE}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
