# SPDX-License-Identifier: MIT
"""Runs safehandle-compare --quick --json, and checks shape and verdicts from what it printed."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, run_program  # noqa: E402

APPROACHES = ["intptr", "keepalive", "handleref", "handleprotector", "safehandle"]
ACCIDENTS = ["finalizer-race", "recycling", "double-close", "leak-on-abort", "lost-flush"]
WITHOUT_STREAM = ["intptr", "keepalive", "handleref"]


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool)


def does_apply(pair):
    return not (pair["accident"] == "lost-flush" and pair["approach"] in WITHOUT_STREAM)


def is_well_formed(pair):
    if does_apply(pair):
        counted = is_count(pair["trials"]) and is_count(pair["violations"])
        return set(pair) == {"approach", "accident", "trials", "violations"} and counted
    return set(pair) == {"approach", "accident", "trials", "violations", "why"} and isinstance(pair["why"], str)


def check_shape(checks, pairs):
    if not checks.check(isinstance(pairs, list) and len(pairs) == 25, "it is an array of 25"):
        return False
    names = {(pair.get("approach"), pair.get("accident")) for pair in pairs if isinstance(pair, dict)}
    wanted = {(approach, accident) for approach in APPROACHES for accident in ACCIDENTS}
    return checks.check(names == wanted, "each approach meets each accident once", wanted - names)


def check_pair(checks, pair):
    name = f"{pair['approach']} under {pair['accident']}"
    if not checks.check(is_well_formed(pair), f"{name}: has its four members, and why where violations is null", pair):
        return
    if does_apply(pair):
        checks.check(0 <= pair["violations"] <= pair["trials"] > 0, f"{name}: violations are among the trials", pair)
    else:
        checks.check(pair["violations"] is None and pair["why"] != "", f"{name}: does not apply", pair)


def check_verdicts(checks, violations):
    for accident in ACCIDENTS:
        checks.check(violations["safehandle", accident] == 0, f"safehandle does not suffer {accident}")
    for accident in ACCIDENTS[:4]:
        checks.check(violations["intptr", accident] > 0, f"intptr suffers {accident}")
    for accident in ACCIDENTS:
        suffered = any(violations[approach, accident] or 0 for approach in APPROACHES[:4])
        checks.check(suffered, f"{accident} happens to an approach before safehandle")
    for approach in ["keepalive", "handleref"]:
        checks.check(violations[approach, "finalizer-race"] == 0, f"{approach} stops the finalizer race")
        checks.check(violations[approach, "recycling"] > 0, f"{approach} does not stop recycling")
    checks.check(violations["handleprotector", "recycling"] == 0, "handleprotector stops recycling")
    checks.check(violations["handleprotector", "lost-flush"] > 0, "handleprotector loses the flush")


def main():
    checks = Checks()
    pairs = run_program(checks, sys.argv[1:] + ["--quick", "--json"])
    if check_shape(checks, pairs):
        for pair in pairs:
            check_pair(checks, pair)
        check_verdicts(checks, {(pair["approach"], pair["accident"]): pair["violations"] for pair in pairs})
    checks.finish()


main()
