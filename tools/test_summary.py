#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the test cases of one or several build directories after `meson test`, and ends with `N passed, N failed`.

    test_summary.py BUILD-DIRECTORY…

A case is one line of a TAP program, or a whole program that tells only by its exit status. Meson writes the cases into
testlog.junit.xml, but not that a program died between or after its cases: testlog.json knows that. `./dev` leaves in
dev-status the exit status of `meson test` itself, or that the tests could not be built. What is in none of them has not
run, and not having run is a failure.
"""
import itertools
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
MOST_OUTPUT_LINES = 120


@dataclass
class Case:
    test: str
    name: str  # "" for the program as a whole
    outcome: str
    detail: str = ""


def plain(test):
    """The test's own name: Meson puts its suites before it where there are several."""
    return test.split(" / ")[-1]


def outcome(testcase):
    if testcase.find("failure") is not None or testcase.find("error") is not None:
        return FAILED
    return SKIPPED if testcase.find("skipped") is not None else PASSED


def junit_cases(directory):
    """Cases of the TAP programs (their suites are named project.test) and of the others (suite: project)."""
    log = directory / "meson-logs" / "testlog.junit.xml"
    if not log.is_file():
        return
    # Meson writes what programs print as it is, and XML forbids most control characters.
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", log.read_text(encoding="utf-8", errors="replace"))
    for suite in ElementTree.fromstring(text.partition("?>")[2]):
        _, of_one_program, test = suite.attrib["name"].partition(".")
        for testcase in suite.findall("testcase"):
            detail = testcase.findtext("system-out") or ""
            if of_one_program:
                name = re.sub(r"^\d+\s+(- )?", "", testcase.attrib["name"])
                yield Case(plain(test), re.sub(r"\s*\([\d.]+s\)$", "", name), outcome(testcase), detail)
            else:
                yield Case(plain(testcase.attrib["name"]), "", outcome(testcase), detail)


def programs(directory):
    """What Meson says of each program: its result, exit status and output."""
    log = directory / "meson-logs" / "testlog.json"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    for line in lines:
        told = json.loads(line)
        told["test"] = plain(told["name"])
        yield told


def tap_tests(directory):
    described = json.loads((directory / "meson-info" / "intro-tests.json").read_text(encoding="utf-8"))
    return {test["name"] for test in described if test["protocol"] == "tap"}


def output(told):
    """What the program printed, short enough to read: the same line many times is one, and the middle is left out."""
    text = (told.get("stdout") or "") + (told.get("stderr") or "")
    lines = []
    for line, same in itertools.groupby(text.strip().splitlines()):
        times = len(list(same))
        lines.append(line if times == 1 else f"{line}   [{times} times]")
    left_out = len(lines) - MOST_OUTPUT_LINES
    if left_out > 0:
        middle = MOST_OUTPUT_LINES // 2
        lines[middle:middle + left_out] = [f"… {left_out} lines, in meson-logs/testlog.txt …"]
    return "\n".join(lines)


def skip_reason(told):
    """The reason in `1..0 # SKIP reason`, or the last thing that a program said before exit status 77."""
    in_plan = re.search(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", told.get("stdout") or "", re.IGNORECASE | re.MULTILINE)
    if in_plan:
        return in_plan.group(1)
    return output(told).splitlines()[-1] if output(told) else "no reason given"


def verdict(told):
    return f"{told['result'].lower()}, exit status {told['returncode']}"


def whole_program(told, its_cases, is_tap):
    """Sets right what the cases alone would get wrong; returns a case to add, or None."""
    bad = told["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")
    if bad and all(case.outcome != FAILED for case in its_cases):
        its_cases[:] = [case for case in its_cases if case.name]  # a timeout is written as a case that passed
        return Case(told["test"], "", FAILED, verdict(told))
    if told["result"] == "SKIP" and is_tap and told["returncode"] == 0 and all(c.name == "" for c in its_cases) \
            and not re.search(r"^1\.\.0\b", told.get("stdout") or "", re.MULTILINE):
        its_cases.clear()
        return Case(told["test"], "", FAILED, "a TAP program that told of no case")
    return None


def cases_of(directory, told_of, found):
    """The cases of each program in turn, with the output to show for those that failed."""
    taps = tap_tests(directory)
    for told in told_of:
        mine = [case for case in found if case.test == told["test"]]
        extra = whole_program(told, mine, told["test"] in taps)
        for case in mine:
            if case.outcome == SKIPPED and (not case.name or not case.detail):
                case.detail = skip_reason(told)
            if case.outcome == FAILED and not case.name:
                case.detail = verdict(told)
        yield from mine
        if extra:
            yield extra


def status_of(directory):
    """What `meson test` ended with; None where it could not be run, since the build failed."""
    status = directory / "dev-status"
    told = status.read_text().strip() if status.is_file() else "0"
    return None if told == "not built" else int(told)


def read(directory):
    """(cases, programs) of one build directory; nothing having been built or run is a failed case."""
    if status_of(directory) is None:
        return [Case(directory.name, "", FAILED, "could not be built")], []
    told_of = list(programs(directory))
    cases = list(cases_of(directory, told_of, list(junit_cases(directory))))
    if not cases:
        cases.append(Case(directory.name, "", FAILED, "no test has run"))
    elif status_of(directory) != 0 and all(case.outcome != FAILED for case in cases):
        cases.append(Case(directory.name, "", FAILED, f"`meson test` ended with status {status_of(directory)}"))
    return cases, told_of


def show(directory, cases, told_of):
    outputs = {told["test"]: output(told) for told in told_of}
    shown = set()
    for case in (c for c in cases if c.outcome == FAILED):
        print(f"FAILED {directory.name}: {case.test}" + (f": {case.name}" if case.name else ""))
        if case.detail:
            print(f"    {case.detail.splitlines()[0]}")
        if case.test not in shown:
            shown.add(case.test)
            print("".join(f"    {line}\n" for line in outputs.get(case.test, "").splitlines()), end="")
    for case in (c for c in cases if c.outcome == SKIPPED):
        print(f"skipped: {case.test}" + (f": {case.name}" if case.name else "") + f": {case.detail.splitlines()[0]}")


def main(arguments):
    passed = failed = 0
    for directory in map(Path, arguments):
        cases, told_of = read(directory)
        show(directory, cases, told_of)
        passed += sum(case.outcome == PASSED for case in cases)
        failed += sum(case.outcome == FAILED for case in cases)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
