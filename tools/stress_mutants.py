#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the library on purpose, one place at a time, and expects gcstress to notice.

    stress_mutants.py [--only NAME] [--full] [--write]

The mutants are those of stress/mutants that stress/gcstress/mutants.txt names, one a line. Each is built into gcstress, and
`./dev stress --quick` has to fail, whatever scenario it begins with; with --full, the full form where the quick one does not. --write puts the table with what
noticed each into docs/gcstress.md. Exit status 1: fewer than 95 of 100 were noticed, or a mutant does not fit or build.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import marked
import mutants
import tree

LIST = "stress/gcstress/mutants.txt"
PAGE, MARK = "docs/gcstress.md", "mutants"
LEAST_SHARE = 0.95
SETUP = ["--buildtype=release", "-Dtests=disabled", "-Dstress=enabled", "-Dexamples=false", "-Dmanpages=disabled",
         "-Dforeign_hosts=disabled", "-Dlua=disabled", "-Dguile=disabled", "-Dpython=disabled"]
PROGRAMS = ["stress/gcstress/gcstress", "stress/examples/gcstress-interpreter"]
ALIVE = "nothing"


def listed(root, only):
    """(mutant, the scenario to begin with) for each line."""
    lines = (root / LIST).read_text(encoding="utf-8").splitlines()
    begin_with = dict(line.split() for line in lines if line and not line.startswith("#"))
    unknown = sorted(set(only or []) - set(begin_with))
    if unknown:
        raise mutants.Problem(f"{LIST} has no {', '.join(unknown)}")
    return [(mutants.parse(root / mutants.FOLDER / f"{name}.mutant"), scenario)
            for name, scenario in begin_with.items() if not only or name in only]


def build(copy):
    status, said = mutants.run(["ninja", "-C", copy.build, *PROGRAMS], copy.root)
    if status:
        raise mutants.Problem(f"it does not build:\n{said[-2000:]}")


def noticed_by(copy, form):
    """The step that failed, and what it said; ALIVE when none did."""
    programs = [copy.build / program for program in PROGRAMS]
    done = subprocess.run([sys.executable, copy.root / "tools/stress.py", *form, "--first", "--json", *programs],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    last = json.loads(done.stdout)["steps"][-1]
    return (ALIVE, "") if last["passed"] else (last["step"], last["said"])


def try_one(copy, mutant, scenario, full):
    file = copy.root / mutant.file
    original = mutants.put_in(mutant, file)
    try:
        build(copy)
        step, said = noticed_by(copy, ["--quick", "--begin-with", scenario])
        form = "quick"
        if step == ALIVE and full:
            step, said = noticed_by(copy, [])
            form = "full"
    finally:
        file.write_text(original, encoding="utf-8")
    print(f"{mutant.name:<44} {step}: {said[:160]}", flush=True)
    return mutant, step, said, form


def table(results):
    rows = [[f"`{mutant.name}`", mutant.what, ALIVE if step == ALIVE else f"{step} ({form})", said.replace("|", "/")]
            for mutant, step, said, form in results]
    return marked.table(["mutant", "what is broken", "noticed by", "what was said"], rows)


def hunt(options):
    chosen = listed(tree.ROOT, options.only)
    with tempfile.TemporaryDirectory(prefix="safehandle-stress-mutants-") as place:
        copy = mutants.Copy(tree.ROOT, Path(place), os.cpu_count() or 1, SETUP)
        copy.set_up()
        build(copy)
        step, said = noticed_by(copy, ["--quick"])
        if step != ALIVE:
            raise mutants.Problem(f"without a mutant, {step} fails: {said}")
        results = [try_one(copy, mutant, scenario, options.full) for mutant, scenario in chosen]
    killed = sum(step != ALIVE and form == "quick" for _, step, _, form in results)
    if options.write:
        marked.renew(tree.ROOT, PAGE, MARK, table(results), True)
    print(f"{killed} of {len(results)} mutants noticed by the quick form")
    return 0 if killed >= LEAST_SHARE * len(results) else 1


def main(arguments):
    parser = argparse.ArgumentParser(prog="stress_mutants", description="Breaks the library; gcstress has to notice.")
    parser.add_argument("--only", action="append", metavar="NAME", help="this mutant; may be given again")
    parser.add_argument("--full", action="store_true", help="the full form, where the quick one notices nothing")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE}")
    try:
        return hunt(parser.parse_args(arguments))
    except (mutants.Problem, marked.Problem) as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
