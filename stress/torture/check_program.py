# SPDX-License-Identifier: MIT
"""The frame of safehandle-torture, around classes that fail on purpose: options, JSON, table, exit statuses."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, check_progress, on_terminal  # noqa: E402

PROGRAM = sys.argv[1:]
CLASSES = ["good", "bad", "crashing", "hanging", "leaving"]
SENTENCES = {
    "bad": "seed 7 broke a promise",
    "crashing": "its process was ended by signal 11 (Segmentation fault)",
    "hanging": "it was not over after 1 seconds",
    "leaving": "it was not over after 1 seconds",
}


def run(*arguments):
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True)


def check_json(checks):
    done = run("--json", "--limit=1", "--seed=7")
    checks.check(done.returncode == 1, "a failure is exit status 1", done.returncode)
    outcomes = json.loads(done.stdout)
    checks.check([outcome["class"] for outcome in outcomes] == CLASSES, "every class is told of, in order", outcomes)
    for outcome in outcomes:
        name = outcome["class"]
        keys = ["class", "tries", "failures", "seconds"] + (["first_failure"] if name in SENTENCES else [])
        checks.check(list(outcome) == keys, f"{name}: has its members", outcome)
        checks.check(outcome.get("first_failure") == SENTENCES.get(name), f"{name}: the first failure is told", outcome)
        checks.check(0 <= outcome["failures"] <= outcome["tries"] > 0, f"{name}: failures are among the tries", outcome)
    checks.check(outcomes[1]["failures"] == 2, "every failure counts", outcomes[1])
    checks.check("what a class prints" in done.stderr, "what a class prints is on stderr", done.stderr)


def check_only(checks):
    done = run("--json", "--only=good")
    checks.check(done.returncode == 0, "no failure is exit status 0", done)
    outcome, = json.loads(done.stdout)
    checks.check((outcome["class"], outcome["tries"], outcome["failures"]) == ("good", 5, 0), "the one asked for runs",
                 outcome)
    done = run("--json", "--quick", "--only=good", "--only=bad", "--only=good")
    names = [outcome["class"] for outcome in json.loads(done.stdout)]
    checks.check(names == ["good", "bad"], "--only adds up, and nothing runs twice", names)


def check_table(checks):
    done = run("--only=good", "--only=bad")
    rows = [line.split() for line in done.stdout.splitlines()]
    checks.check(rows[0] == ["class", "tries", "failures", "seconds"], "the table has a heading", done.stdout)
    checks.check([row[:3] for row in rows[1:3]] == [["good", "5", "0"], ["bad", "2", "2"]], "and a row for each class",
                 done.stdout)
    checks.check(rows[-1][:2] == ["bad:", "seed"], "and the first failure below", done.stdout)
    coloured = on_terminal(["env", "-u", "NO_COLOR", "TERM=xterm", *PROGRAM, "--only=bad"])
    checks.check("\033[31m" in coloured, "on a terminal, a failure is red", coloured)
    plain = on_terminal(["env", "NO_COLOR=1", "TERM=xterm", *PROGRAM, "--only=bad"])
    checks.check("\033[31m" not in plain, "NO_COLOR takes the colours away", plain)


def check_usage(checks):
    for arguments in (["--only=nothing"], ["--limit=0"], ["--seed=x"], ["--unknown"]):
        done = run(*arguments)
        checks.check(done.returncode == 2 and done.stdout == "", f"{arguments[0]} is exit status 2", done)
    done = run("--list")
    checks.check([line.split()[0] for line in done.stdout.splitlines()] == CLASSES, "--list prints the classes",
                 done.stdout)
    done = run("--help")
    checks.check(done.returncode == 0 and "Examples:" in done.stdout, "--help has examples", done.stdout)


def main():
    checks = Checks()
    check_json(checks)
    check_only(checks)
    check_table(checks)
    check_usage(checks)
    check_progress(checks, [*PROGRAM, "--only=good"])
    checks.finish()


main()
