#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gcstress against the library, and against the ways that are known to fail; ends with `N passed, N failed`.

    stress.py [--quick] [--first] [--json] PROGRAM INTERPRETER

PROGRAM is gcstress, INTERPRETER the example of stress/examples. What is wanted stands in STEPS, once for the quick form
(three minutes at most) and once for the full one. A step that cannot run is a failed one. --first stops at the first
failure: for whoever has broken the code on purpose.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

RAW = "intptr"
SAFE = "safehandle"
ACCIDENTS = ["finalizer-race", "recycling"]
CROWD = "crowd"             # four threads: too many schedules to run all
MOST_SCHEDULES = 1000       # until a bare number is caught
MOST_SECONDS = 5            # until `run` catches it
LEAST_FINALIZED = 0.95
LEAST_SCHEDULES_A_MINUTE = 100_000
LEAST_COLLECTIONS = 1_000_000
PCT_DEPTH = 3


@dataclass
class Form:
    """How much is done; times are seconds."""
    preemptions: int
    accident_preemptions: int
    pct_runs: int
    run_seconds: int
    collecting_seconds: int     # of mere collections, at level 1 to 4
    fuzz_seconds: int
    least_collections: int


QUICK = Form(preemptions=2, accident_preemptions=2, pct_runs=5_000, run_seconds=1, collecting_seconds=0, fuzz_seconds=15,
             least_collections=1_000)
FULL = Form(preemptions=2, accident_preemptions=3, pct_runs=200_000, run_seconds=5, collecting_seconds=300,
            fuzz_seconds=120, least_collections=LEAST_COLLECTIONS)


class Failure(Exception):
    """What a step has found, for a person."""


@dataclass
class Stress:
    program: Path
    interpreter: Path
    form: Form
    directory: str
    begin_with: str             # a scenario
    figures: dict = field(default_factory=dict)

    def ask(self, *arguments, program=None):
        """The results of one command. It may find something; it may not fail to run."""
        done = subprocess.run([program or self.program, *map(str, arguments), "--json"], cwd=self.directory,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        if done.returncode not in (0, 1):
            raise Failure(f"exit status {done.returncode}: {done.stderr.strip()[-400:]}")
        return json.loads(done.stdout)["results"]

    def scenarios(self):
        """The names of all."""
        done = subprocess.run([self.program, "list", "--json"], stdout=subprocess.PIPE, text=True, check=True)
        return [scenario["name"] for scenario in json.loads(done.stdout)["scenarios"]]


def want_nothing(results):
    for result in results:
        if result["found"]:
            raise Failure(f"{result['scenario']}, {result['approach']}: {result['violation']}")
    if not results:
        raise Failure("nothing was run")


def count(results, name):
    return sum(result[name] for result in results)


def note_rate(stress, results):
    seconds = count(results, "seconds")
    stress.figures["schedules"] = stress.figures.get("schedules", 0) + count(results, "schedules")
    stress.figures["exploring_seconds"] = stress.figures.get("exploring_seconds", 0) + seconds


# ---- steps: each answers a sentence, or raises a Failure --------------------------------------------------------------

def every_interleaving(stress):
    """One after the other, so that whoever has broken the library need not wait for all."""
    results = []
    for name in sorted(stress.scenarios(), key=lambda name: name != stress.begin_with):
        if name == CROWD:
            continue
        found = stress.ask("explore", name, "--approach", SAFE, "--preemptions", stress.form.preemptions)
        if any(result["found"] for result in found):
            want_nothing(found)
        unfinished = [result["scenario"] for result in found if not result["complete"]]
        if unfinished:
            raise Failure(f"not complete: {', '.join(unfinished)}")
        results += found
    want_nothing(results)
    note_rate(stress, results)
    return f"{count(results, 'schedules'):,} schedules of {len(results)} scenarios, nothing found"


def accidents_completely(stress):
    results = stress.ask("explore", *ACCIDENTS, "--approach", SAFE, "--preemptions", stress.form.accident_preemptions)
    want_nothing(results)
    note_rate(stress, results)
    return f"{count(results, 'schedules'):,} schedules, complete to {stress.form.accident_preemptions} preemptions"


def accidents_are_found(stress):
    results = stress.ask("explore", *ACCIDENTS, "--approach", RAW)
    for result in results:
        if not result["found"] or result["schedules"] > MOST_SCHEDULES:
            raise Failure(f"{result['scenario']}: not found within {MOST_SCHEDULES} schedules")
    return ", ".join(f"{result['scenario']} after {result['schedules']}" for result in results)


def four_threads(stress):
    results = stress.ask("explore", CROWD, "--approach", SAFE, "--preemptions", 1, "--pct-depth", PCT_DEPTH, "--runs",
                         stress.form.pct_runs)
    want_nothing(results)
    note_rate(stress, results)
    return f"{count(results, 'schedules'):,} schedules of 4 threads, PCT of depth {PCT_DEPTH} and random, nothing found"


def rate(stress):
    a_minute = 60 * stress.figures["schedules"] / stress.figures["exploring_seconds"]
    if a_minute < LEAST_SCHEDULES_A_MINUTE:
        raise Failure(f"{a_minute:,.0f} schedules a minute, {LEAST_SCHEDULES_A_MINUTE:,} wanted")
    return f"{a_minute:,.0f} schedules a minute"


def note_collections(stress, results):
    stress.figures["collections"] = stress.figures.get("collections", 0) + sum(
        sum(result["collections"].values()) for result in results)


def accidents_are_met(stress):
    results = stress.ask("run", *ACCIDENTS, "--approach", RAW, "--level", 4, "--seconds", MOST_SECONDS)
    for result in results:
        if not result["found"]:
            raise Failure(f"{result['scenario']}: not found within {MOST_SECONDS} s")
    return ", ".join(f"{result['scenario']} after {result['seconds']:.2f} s" for result in results)


def want_finalized(results):
    dropped, finalized = count(results, "dropped"), count(results, "finalized")
    if not dropped or finalized < LEAST_FINALIZED * dropped:
        raise Failure(f"{finalized:,} of {dropped:,} dropped objects were finalized: this run shows nothing")
    return f"{finalized:,} of {dropped:,} dropped objects finalized"


def real_threads(stress):
    results = stress.ask("run", "--approach", SAFE, "--level", 7, "--seconds", stress.form.run_seconds)
    want_nothing(results)
    note_collections(stress, results)
    return f"{count(results, 'rounds'):,} rounds, nothing found; {want_finalized(results)}"


def mixed_collections(stress):
    results = stress.ask("run", *ACCIDENTS, "--approach", SAFE, "--level", 4, "--mix", "--seconds",
                         stress.form.run_seconds)
    want_nothing(results)
    note_collections(stress, results)
    return f"{count(results, 'rounds'):,} rounds, nothing found; {want_finalized(results)}"


def collections(stress):
    """As many as are wanted, in no more than the time that is given."""
    deadline = time.monotonic() + stress.form.collecting_seconds
    while stress.figures["collections"] < stress.form.least_collections and time.monotonic() < deadline:
        results = stress.ask("run", *ACCIDENTS, "--approach", SAFE, "--level", 7, "--seconds", 20)
        want_nothing(results)
        note_collections(stress, results)
    forced = stress.figures["collections"]
    if forced < stress.form.least_collections:
        raise Failure(f"{forced:,} forced collections, {stress.form.least_collections:,} wanted")
    return f"{forced:,} forced collections"


def fuzzed_calls(stress):
    results = stress.ask("fuzz", "--seconds", stress.form.fuzz_seconds)
    want_nothing(results)
    return f"{count(results, 'runs'):,} sequences of calls, as the model has them"


def somebody_elses_runtime(stress):
    results = stress.ask("explore", program=stress.interpreter)
    for result in results:
        if result["approach"] == RAW and not result["found"]:
            raise Failure(f"{result['scenario']}: the planted race was not found")
    want_nothing([result for result in results if result["approach"] == SAFE])
    return f"{count(results, 'schedules'):,} schedules; the planted race is found, safehandle has none"


STEPS = [
    ("safehandle, every interleaving", every_interleaving),
    ("the accidents, further", accidents_completely),
    ("four threads", four_threads),
    ("calls against a model", fuzzed_calls),
    ("safehandle, real threads and collector", real_threads),
    ("small, full and unmapping collections", mixed_collections),
    ("a bare number, explored", accidents_are_found),
    ("a bare number, met", accidents_are_met),
    ("an embedder's interpreter", somebody_elses_runtime),
    ("rate", rate),
    ("forced collections", collections),
]


def take(stress, name, step):
    """(passed, sentence, seconds)"""
    begun = time.monotonic()
    try:
        passed, sentence = True, step(stress)
    except (Failure, OSError, KeyError, ValueError, subprocess.SubprocessError) as problem:
        passed, sentence = False, f"{type(problem).__name__}: {problem}" if not isinstance(problem, Failure) else str(problem)
    seconds = time.monotonic() - begun
    print(f"{'ok     ' if passed else 'FAILED '} {name}: {sentence} ({seconds:.1f} s)", file=sys.stderr, flush=True)
    return {"step": name, "passed": passed, "said": sentence, "seconds": round(seconds, 1)}


def main(arguments):
    parser = argparse.ArgumentParser(prog="stress", description="gcstress against the library.")
    parser.add_argument("--quick", action="store_true", help="three minutes at most; the full form takes about fifteen")
    parser.add_argument("--first", action="store_true", help="stop at the first failure")
    parser.add_argument("--begin-with", metavar="SCENARIO", help="the first one to be explored")
    parser.add_argument("--json", action="store_true", help="print what each step said as JSON on stdout")
    parser.add_argument("program", type=Path)
    parser.add_argument("interpreter", type=Path)
    options = parser.parse_args(arguments)
    done = []
    with tempfile.TemporaryDirectory(prefix="safehandle-stress-") as directory:
        stress = Stress(options.program.resolve(), options.interpreter.resolve(), QUICK if options.quick else FULL, directory,
                        options.begin_with)
        for name, step in STEPS:
            done.append(take(stress, name, step))
            if options.first and not done[-1]["passed"]:
                break
    failed = sum(not each["passed"] for each in done)
    if options.json:
        print(json.dumps({"form": "quick" if options.quick else "full", "steps": done}, indent=2))
    print(f"{len(done) - failed} passed, {failed} failed", file=sys.stderr if options.json else sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
