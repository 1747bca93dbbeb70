# SPDX-License-Identifier: MIT
"""Every built-in scenario, explored: who suffers is found to, nobody else is, and the page about gcstress has them all."""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

PROGRAM, PAGE = sys.argv[1], pathlib.Path(sys.argv[2])

MOST_SCHEDULES = 1000
CROWD = "crowd"  # has four threads: too many to be explored in seconds

# Document 002: only GC.KeepAlive and HandleRef end the race, and only a count ends recycling.
RAW = {"intptr"}
UNCOUNTED = RAW | {"keepalive", "handleref"}
NOBODY_ELSE = UNCOUNTED | {"handleprotector"}  # what safehandle alone can do
SUFFER = {
    "finalizer-race": RAW,
    "foo-problem": RAW,
    "recycling": UNCOUNTED,
    "double-close": UNCOUNTED,
    "close-and-collect": UNCOUNTED,
    "restart-after-collection": UNCOUNTED,
    "database-on-stderr": UNCOUNTED,
    "closing-neighbour": UNCOUNTED,
    "resurrection": UNCOUNTED,
    "lost-flush": NOBODY_ELSE,
    "leak-on-abort": NOBODY_ELSE,
    "chain-of-owners": NOBODY_ELSE,
    "cycle-of-owners": NOBODY_ELSE,
    "child-and-parent": NOBODY_ELSE,
    "eventfd-twice": NOBODY_ELSE,
    "behind-its-back": NOBODY_ELSE,
    "cfred": {"as-printed"},
    "number-zero": {"zero-is-none"},
    "finalizer-waits": {"waits-for-users"},
}


def listed_scenarios():
    done = subprocess.run([PROGRAM, "list", "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["scenarios"]


def check_list(checks, scenarios):
    names = [scenario["name"] for scenario in scenarios]
    checks.check(len(set(names)) == len(names), "no two scenarios have the same name", names)
    unknown = set(SUFFER) - set(names)
    checks.check(not unknown, "every scenario of the table is listed", unknown)
    page = PAGE.read_text(encoding="utf-8")
    for scenario in scenarios:
        told = scenario["retells"] and scenario["violation"]
        checks.check(told, f"{scenario['name']}: says what it retells, and what must not happen", scenario)
        checks.check(f"| `{scenario['name']}` |" in page, f"{scenario['name']}: has its row in {PAGE.name}")


def explore(names):
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([PROGRAM, "explore", "--json", "--preemptions=1", f"--save={directory}", *names],
                              capture_output=True, text=True)
    return done, json.loads(done.stdout)["results"] if done.stdout else []


def check_result(checks, result):
    name = f"{result['scenario']}, {result['approach']}"
    if result["approach"] in SUFFER.get(result["scenario"], set()):
        checks.check(result["found"] and result["schedules"] <= MOST_SCHEDULES,
                     f"{name}: is found within {MOST_SCHEDULES} schedules", result)
    else:
        checks.check(not result["found"] and result["complete"], f"{name}: nothing is found", result.get("violation"))


def main():
    checks = Checks()
    scenarios = listed_scenarios()
    check_list(checks, scenarios)
    done, results = explore([scenario["name"] for scenario in scenarios if scenario["name"] != CROWD])
    checks.check(done.returncode == 1, "what is found is exit status 1", f"{done.returncode}\n{done.stderr}")
    for result in results:
        check_result(checks, result)
    expected = sum(len(scenario["approaches"]) for scenario in scenarios if scenario["name"] != CROWD)
    checks.check(len(results) == expected, "every approach of every scenario was explored", (len(results), expected))
    checks.finish()


main()
