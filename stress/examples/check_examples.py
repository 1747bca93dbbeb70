# SPDX-License-Identifier: MIT
"""The interpreter under `explore` and `run`: what is found with each of the five approaches, and that it comes again."""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

PROGRAM = sys.argv[1]
MOST_SCHEDULES = 1000
PREEMPTIONS = 1

# Document 002's verdicts: which approach suffers what.
SUFFERS = {
    "bytecode-race": {"intptr": True, "keepalive": False, "handleref": False, "handleprotector": False,
                      "safehandle": False},
    "bytecode-recycling": {"intptr": True, "keepalive": True, "handleref": True, "handleprotector": False,
                           "safehandle": False},
}


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)


def check_found(checks, name, result):
    schedules = result["schedules"]
    if not checks.check(result["found"] and schedules < MOST_SCHEDULES,
                        f"{name}: found within {MOST_SCHEDULES} schedules", result):
        return
    checks.check(result["violation"].startswith("a read of file 1 "), f"{name}: under the call", result["violation"])
    done = run("replay", "--times=3", result["file"])
    checks.check(done.returncode == 1 and result["violation"] in done.stdout, f"{name}: and again when replayed",
                 done.stdout + done.stderr)


def check_nothing(checks, name, result):
    checks.check(not result["found"] and result["complete"] and result["complete_to"] == PREEMPTIONS,
                 f"{name}: nothing in every schedule with up to {PREEMPTIONS} preemptions", result)


def check_safehandle_alone(checks):
    """`./dev stress` goes further."""
    done = run("explore", "--approach=safehandle", f"--preemptions={PREEMPTIONS}", "--json")
    checks.check(done.returncode == 0, "exit status says that nothing was found with safehandle", done.stderr)
    for result in json.loads(done.stdout)["results"]:
        check_nothing(checks, f"safehandle under {result['scenario']}", result)


def check_real_threads(checks):
    """Collections at each checkpoint of the interpreter's own, by its own collector."""
    for level in ("1", "2", "4"):
        done = run("run", f"--level={level}", "--seconds=1", "--approach=intptr", "--json")
        for result in json.loads(done.stdout)["results"]:
            checks.check(result["found"], f"run --level={level}: intptr under {result['scenario']} is found", result)
    done = run("run", "--level=7", "--seconds=2", "--approach=safehandle", "--json")
    checks.check(done.returncode == 0, "run: exit status says that nothing was found with safehandle", done.stderr)
    for result in json.loads(done.stdout)["results"]:
        checks.check(not result["found"] and result["collections"]["full"] > 0,
                     f"run: nothing with safehandle under {result['scenario']}", result)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as place:
        done = run("explore", f"--preemptions={PREEMPTIONS}", "--json", f"--save={place}")
        checks.check(done.returncode == 1, "exit status says that something was found", done.stderr)
        results = json.loads(done.stdout)["results"]
        pairs = [(result["scenario"], result["approach"]) for result in results]
        wanted = [(scenario, approach) for scenario, approaches in SUFFERS.items() for approach in approaches]
        checks.check(pairs == wanted, "each scenario runs with each approach", pairs)
        for result in results:
            check = check_found if SUFFERS[result["scenario"]][result["approach"]] else check_nothing
            check(checks, f"{result['approach']} under {result['scenario']}", result)
    check_safehandle_alone(checks)
    check_real_threads(checks)
    checks.finish()


main()
