#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the bindings cure and what they cost, in each language; ends with `N passed, N failed`.

    bindings.py [--tries=N] [--only=LANGUAGE] [--json] [--write] BUILD

Each program of bindings/LANGUAGE/regressions is run twice: by the language's ordinary means, where calls are to go to
the wrong object, and through the binding, where none may. Then bindings/LANGUAGE/cost.* measures a call beside the
language's usual FFI. --write puts both into docs/bindings.md.
"""
import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import marked
import tree

PAGE = "docs/bindings.md"
LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Language:
    folder: str
    name: str
    interpreter: tuple
    suffix: str


LANGUAGES = [
    Language("lua", "Lua 5.4", ("lua5.4",), ".lua"),
    Language("guile", "Guile 3.0", ("guile", "--no-auto-compile", "-s"), ".scm"),
    Language("python", "CPython", ("python3",), ".py"),
]


class Failure(Exception):
    """What is wrong, for a person."""


def lines_of(build, language, program, *arguments):
    """The JSON lines that a program prints, run as the build's environment has it."""
    command = ["meson", "devenv", "-C", str(build), *language.interpreter, str(program), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program.name}: not over after {LONGEST_SECONDS} s") from None
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise Failure(f"{program.name}: exit status {done.returncode}: {done.stderr.strip()[-400:]}")
    return lines


# ---- what is cured ---------------------------------------------------------------------------------------------------

def cure(build, language, program, tries):
    """One program, both ways. Raises Failure when the plain way shows no bug, or the binding does."""
    plain, safe = (lines_of(build, language, program, f"--tries={tries}", f"--with={way}")[-1]
                   for way in ("plain", "safehandle"))
    row = {"language": language.name, "program": plain["program"], "tries": plain["tries"],
           "plain": plain["misdirected"], "safehandle": safe["misdirected"]}
    if plain["misdirected"] == 0:
        raise Failure(f"{program.name}: misdirects nothing by ordinary means, so it shows nothing")
    if safe["misdirected"] != 0 or safe["tries"] != plain["tries"]:
        raise Failure(f"{program.name}: {safe['misdirected']} of {safe['tries']} misdirected through the binding")
    return row


def regressions(language):
    return sorted((tree.ROOT / "bindings" / language.folder / "regressions").glob(f"*{language.suffix}"))


# ---- pages and text --------------------------------------------------------------------------------------------------

def cure_table(cured):
    return marked.table(["language", "program", "tries", "misdirected", "through the binding"],
                        [[row["language"], f"`{row['program']}`", f"{row['tries']:,}", f"{row['plain']:,}",
                          f"{row['safehandle']:,}"] for row in cured])


def cost_table(costs):
    def cell(row, member):
        return f"{row[member]:.0f}"
    return marked.table(["language", "one call", "ns", "rounds"],
                        [[row["language"], row["what"], cell(row, "nanoseconds"),
                          f"{cell(row, 'low')} to {cell(row, 'high')}"] for row in costs])


def write(cured, costs):
    marked.renew(tree.ROOT, PAGE, "cured", cure_table(cured), True)
    marked.renew(tree.ROOT, PAGE, "costs", cost_table(costs), True)


# ---- all -------------------------------------------------------------------------------------------------------------

class Run:
    """Counts what was asked for, and says how it came out."""

    def __init__(self, quiet):
        self.quiet = quiet
        self.failures = []
        self.passed = 0

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def step(self, what, work):
        """What work answers; None when it failed."""
        try:
            found = work()
        except Failure as failure:
            self.failures.append(str(failure))
            self.say(f"FAILED  {what}: {failure}")
            return None
        self.passed += 1
        return found


def cure_all(run, build, languages, tries):
    for language in languages:
        for program in regressions(language):
            row = run.step(f"{language.name}, {program.stem}",
                           lambda p=program, chosen=language: cure(build, chosen, p, tries))
            if row:
                run.say(f"ok      {row['language']}, {row['program']}: {row['plain']:,} of {row['tries']:,} misdirected, "
                        f"through the binding {row['safehandle']:,}")
                yield row


def measure_all(run, build, languages):
    for language in languages:
        program = tree.ROOT / "bindings" / language.folder / f"cost{language.suffix}"
        rows = run.step(f"{language.name}, cost", lambda p=program, chosen=language: lines_of(build, chosen, p)) or []
        for row in rows:
            row["language"] = language.name
            run.say(f"ok      {language.name}, {row['what']}: {row['nanoseconds']:.0f} ns "
                    f"({row['low']:.0f} to {row['high']:.0f})")
        yield from rows


def parse(arguments):
    parser = argparse.ArgumentParser(description="What the bindings cure and what they cost.",
                                     epilog="example: ./dev bindings --only=lua --tries=100")
    parser.add_argument("build", type=Path, metavar="BUILD", help="the build directory that has the bindings")
    parser.add_argument("--tries", type=int, default=1000, help="of each regression, each way (default 1000)")
    parser.add_argument("--only", choices=[language.folder for language in LANGUAGES], help="one language")
    parser.add_argument("--json", action="store_true", help="one document instead of lines")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE}")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    languages = [language for language in LANGUAGES if options.only in (None, language.folder)]
    run = Run(options.json)
    build = options.build.resolve()
    cured = list(cure_all(run, build, languages, options.tries))
    costs = list(measure_all(run, build, languages))
    if options.json:
        print(json.dumps({"program": "bindings", "cured": cured, "costs": costs, "failures": run.failures}, indent=2))
    else:
        print(f"{run.passed} passed, {len(run.failures)} failed")
    if options.write and not run.failures:
        write(cured, costs)
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
