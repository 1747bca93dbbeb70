#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Explores the models of stress/model completely, then breaks each on purpose and expects a property to notice.

    prove.py [--only NAME] [--quick] [--json] [--write]

A model is a file stress/model/NAME.pml whose opening comment has lines `configuration: NAME CONSTANT=VALUE…`. In each
configuration its assertions (REQUIRE) hold, every thread comes to its end, every formula (ltl) holds under weak
fairness, and each WITNESS of the file is reached in some configuration: else the model would prove nothing of it.

A mutant is a file stress/model/mutants/NAME.mutant, in the form of stress/mutants. `killed by` names properties as
MODEL/CONFIGURATION/PROPERTY: in these configurations exactly these must fail. Formulas are tried where the assertions
hold: what is not safe need not be lively.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import marked
import mutants
import tree

FOLDER = "stress/model"
PAGE = "docs/proof.md"
SAFETY, ENDING = "safety", "comes_to_an_end"
DEEPEST, MEMORY_MB = 1_000_000, 1500
# What pan says when it has not seen everything.
TRUNCATED = ("max search depth too small", "reached -DMEMLIM bound", "out of memory", "VECTORSZ", "resource limit")


@dataclass
class Model:
    name: str
    configurations: dict  # name -> ["CONSTANT=VALUE"]
    formulas: list
    witnesses: set


@dataclass
class Run:
    model: str
    configuration: str
    property: str
    violated: set = field(default_factory=set)
    reached: set = field(default_factory=set)
    states: int = 0
    depth: int = 0
    seconds: float = 0
    trouble: str = ""  # why it says nothing

    @property
    def verdict(self):
        return self.trouble or ("violated: " + ", ".join(sorted(self.violated)) if self.violated else "holds")


def read_model(path):
    """None for a file that has no configuration, and is there to be included."""
    source = path.read_text(encoding="utf-8")
    configurations = {words[0]: words[1:] for words in
                      (line.split() for line in re.findall(r"^ \* configuration: (.+)$", source, re.MULTILINE))}
    if not configurations:
        return None
    code = tree.without_comments(source)
    return Model(path.stem, configurations, re.findall(r"^ltl (\w+)", code, re.MULTILINE),
                 set(re.findall(r"\bWITNESS\((\w+)\)", code)))


def read_models(root, only=None):
    models = [model for path in sorted((root / FOLDER).glob("*.pml")) if (model := read_model(path))]
    chosen = [model for model in models if not only or model.name in only]
    if not chosen:
        raise mutants.Problem(f"no model in {FOLDER}" + (f" is named {' or '.join(only)}" if only else ""))
    return chosen


# ---- spin and pan ----------------------------------------------------------------------------------------------------

class Verifier:
    """The programs that explore one configuration, made in a directory of their own."""

    def __init__(self, folder, place, model, configuration, timeout):
        self.model, self.configuration, self.timeout = model, configuration, timeout
        self.place = place / configuration
        self.place.mkdir(parents=True)
        for file in folder.glob("*.pml"):
            shutil.copy(file, self.place)
        constants = [f"-D{constant}" for constant in model.configurations[configuration]]
        self.must_do(["spin", *constants, "-a", f"{model.name}.pml"])

    def must_do(self, command):
        status, said = mutants.run(command, self.place)
        if status or "Error:" in said:
            raise mutants.Problem(f"{self.model.name}/{self.configuration}: {command[0]} failed:\n{said}")

    def compile(self, program, *options):
        """Only where it is wanted: a formula needs more room in every state. Optimizing takes longer than it gains."""
        if not (self.place / program).exists():
            self.must_do(["gcc", "-O0", "-w", f"-DMEMLIM={MEMORY_MB}", *options, "-o", program, "pan.c"])

    def explore(self, program, name, *options):
        run = Run(self.model.name, self.configuration, name)
        begun = time.monotonic()
        try:
            _, said = mutants.run([f"./{program}", f"-m{DEEPEST}", "-w20", *options], self.place, self.timeout)
        except subprocess.TimeoutExpired:
            said = "resource limit"
        run.seconds = time.monotonic() - begun
        read_report(said, run)
        return run, errors_in(said)

    def safety(self):
        """One search when all is well. Otherwise one that goes on after each violation, and one for the endings."""
        self.compile("safety", "-DSAFETY", "-DNOCLAIM")
        run, errors = self.explore("safety", SAFETY)
        if run.trouble or not errors:
            return run
        run, _ = self.explore("safety", SAFETY, "-c0", "-E")
        if not run.trouble and self.explore("safety", SAFETY, "-A")[1]:
            run.violated.add(ENDING)
        return run

    def formula(self, name):
        self.compile("liveness", "-DNFAIR=3")
        run, errors = self.explore("liveness", name, "-A", "-a", "-f", "-N", name)
        run.violated = {name} if errors else set()
        return run


def errors_in(said):
    found = re.search(r"errors: (\d+)", said)
    return int(found.group(1)) if found else 0


def read_report(said, run):
    """Fills in what pan, and the c_code of require.pml, have printed."""
    run.violated = set(re.findall(r"^violated: (\w+)$", said, re.MULTILINE))
    run.reached = set(re.findall(r"^witness: (\w+)$", said, re.MULTILINE))
    states = re.search(r"^\s*(\d+) states, stored", said, re.MULTILINE)
    depth = re.search(r"depth reached (\d+)", said)
    cut = [words for words in TRUNCATED if words in said]
    if cut or not states or not depth:
        run.trouble = f"not explored completely: {cut[0] if cut else said.strip()[-300:] or 'no report'}"
    else:
        run.states, run.depth = int(states.group(1)), int(depth.group(1))


# ---- the models ------------------------------------------------------------------------------------------------------

def prove_configuration(root, place, model, configuration, timeout):
    verifier = Verifier(root / FOLDER, place / model.name, model, configuration, timeout)
    return [verifier.safety(), *(verifier.formula(name) for name in model.formulas)]


def unreached(models, runs):
    """(model, witness) of what the model's file wants to see and no configuration has shown."""
    for model in models:
        reached = set().union(*(run.reached for run in runs if run.model == model.name))
        yield from ((model.name, witness) for witness in sorted(model.witnesses - reached))


def tell_run(run):
    where = f"{run.model}/{run.configuration}"
    print(f"{where:<34} {run.property:<20} {run.states:>9} {run.depth:>8} {run.seconds:7.1f} s  {run.verdict}", flush=True)


def prove_models(options, place, models):
    """The runs, told as they come."""
    pairs = [(model, configuration) for model in models for configuration in model.configurations]
    if not options.json:
        print(f"{'model':<34} {'property':<20} {'states':>9} {'depth':>8} {'time':>9}  verdict", flush=True)
    runs = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for found in pool.map(lambda pair: prove_configuration(options.tree, place, *pair, options.timeout), pairs):
            runs += found
            for run in found if not options.json else ():
                tell_run(run)
    return runs


# ---- the mutants -----------------------------------------------------------------------------------------------------

def read_mutants(root):
    return [mutants.parse(path) for path in sorted((root / FOLDER / "mutants").glob("*.mutant"))]


def expected(mutant, models):
    """{(model, configuration): {property}} of `killed by`."""
    by_name = {model.name: model for model in models}
    wanted = {}
    for named in mutant.tests:
        parts = named.split("/")
        if len(parts) != 3 or parts[0] not in by_name or parts[1] not in by_name[parts[0]].configurations:
            raise mutants.Problem(f"{mutant.name}: there is no property {named}: MODEL/CONFIGURATION/PROPERTY")
        wanted.setdefault((by_name[parts[0]].name, parts[1]), set()).add(parts[2])
    return wanted


def violations(verifier):
    """Which properties fail, and why nothing can be said, or an empty text."""
    runs = [verifier.safety()]
    if not runs[0].violated and not runs[0].trouble:
        runs += [verifier.formula(name) for name in verifier.model.formulas]
    return set().union(*(run.violated for run in runs)), next((run.trouble for run in runs if run.trouble), "")


def kill(root, place, models, mutant, timeout):
    begun = time.monotonic()
    folder = place / mutant.name / "broken"
    shutil.copytree(root / FOLDER, folder)
    wanted = expected(mutant, models)
    outcome = mutants.KILLED
    try:
        mutants.put_in(mutant, folder / Path(mutant.file).name)
        for (name, configuration), properties in wanted.items():
            model = next(model for model in models if model.name == name)
            verifier = Verifier(folder, folder.parent / name, model, configuration, timeout)
            violated, trouble = violations(verifier)
            if trouble:
                outcome = trouble
            elif violated != properties:
                outcome = f"in {name}/{configuration}: {', '.join(sorted(violated)) or 'no property'} noticed"
    except mutants.Problem as problem:
        outcome = str(problem)
    return mutants.Result(mutant, outcome, time.monotonic() - begun)


def kill_mutants(options, place, models):
    everything = read_models(options.tree)
    found = read_mutants(options.tree)
    names = {model.name for model in models}
    mine = [mutant for mutant in found if names & {named.split("/")[0] for named in mutant.tests}]
    if not options.json:
        print(f"\n{'mutant':<44} {'killed by':<36} {'time':>8}", flush=True)
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda mutant: kill(options.tree, place, everything, mutant, options.timeout), mine):
            results.append(result)
            if not options.json:
                mutants.tell(result)
    return results


# ---- the page --------------------------------------------------------------------------------------------------------

def run_table(runs):
    rows = [[f"{run.model}/{run.configuration}", run.property, f"{run.states:,}", f"{run.depth:,}"] for run in runs]
    return marked.table(["model/configuration", "property", "states", "depth"], rows)


def mutant_table(root):
    found = read_mutants(root)
    rows = [[f"`{mutant.name}`", mutant.what, ", ".join(mutant.tests)] for mutant in found]
    return marked.table(["mutant", "what is broken", "killed by"], rows)


def renew_page(options, runs):
    """What is wrong with the page, or an empty text."""
    try:
        marked.renew(options.tree, PAGE, "states explored", run_table(runs), options.write)
        marked.renew(options.tree, PAGE, "mutants of the models", mutant_table(options.tree), options.write)
    except marked.Problem as problem:
        return str(problem).replace("./dev docs", "./dev prove --write")
    return ""


# ---- all of it -------------------------------------------------------------------------------------------------------

def as_data(run):
    return {"model": run.model, "configuration": run.configuration, "property": run.property, "states": run.states,
            "depth": run.depth, "seconds": round(run.seconds, 1), "verdict": run.verdict}


def run_all(options):
    models = read_models(options.tree, options.only)
    with tempfile.TemporaryDirectory(prefix="safehandle-models-") as place:
        runs = prove_models(options, Path(place), models)
        results = [] if options.quick else kill_mutants(options, Path(place), models)
    missed = list(unreached(models, runs))
    stale = "" if options.only else renew_page(options, runs)
    bad = [run for run in runs if run.verdict != "holds"] + [r for r in results if r.outcome != mutants.KILLED]
    failed = len(bad) + len(missed) + (1 if stale else 0)
    passed = len(runs) + len(results) + sum(len(model.witnesses) for model in models) - len(bad) - len(missed)
    if options.json:
        print(json.dumps({"runs": [as_data(run) for run in runs], "unreached": missed,
                          "mutants": [mutants.as_data(result) for result in results]}, indent=1))
    else:
        print("".join(f"NOT REACHED by {model}: {witness}\n" for model, witness in missed), end="")
        print(f"{stale}\n" if stale else "", end="")
        print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    parser = argparse.ArgumentParser(prog="prove", description="Explores the models completely, and their mutants.")
    parser.add_argument("--only", action="append", metavar="NAME", help="this model; may be given again")
    parser.add_argument("--quick", action="store_true", help="the models without their mutants")
    parser.add_argument("--json", action="store_true", help="print an object instead of tables")
    parser.add_argument("--write", action="store_true", help=f"write the tables of {PAGE} from this run")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="how many at the same time")
    parser.add_argument("--timeout", type=float, default=300, help="seconds one search may take (%(default)s)")
    parser.add_argument("--tree", type=Path, default=tree.ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        return run_all(options)
    except mutants.Problem as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
