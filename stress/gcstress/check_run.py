#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`gcstress run`: finds what is there, finds nothing where nothing is, collects where its level says, ends when asked."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, on_terminal  # noqa: E402

PROGRAM = [*sys.argv[1:], "run"]
MEASURES = {"level", "mix", "threads", "seed", "rounds", "collections", "dropped", "finalized", "curve", "scenario",
            "approach", "retells", "never", "seconds", "found"}


def run(*arguments):
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True)


def result_of(done):
    return json.loads(done.stdout)["results"][0]


def run_one(scenario, approach, *arguments):
    return result_of(run(scenario, f"--approach={approach}", "--json", *arguments))


def total(result):
    return sum(result["collections"].values())


def check_finds(checks):
    for scenario in "finalizer-race", "recycling":
        done = run(scenario, "--approach=intptr", "--level=4", "--seconds=5", "--json")
        result = result_of(done)
        if checks.check(done.returncode == 1 and result["found"], f"{scenario}: found with a raw number", result):
            told = [line["text"] for line in result["tale"]["lines"] if line["told"]]
            checks.check("opens file 1, and gets number 3" in told, f"{scenario}: its tale is told", told)
            checks.check(result["seconds"] <= 5, f"{scenario}: within its time", result["seconds"])


def check_finds_nothing(checks):
    done = run("finalizer-race", "recycling", "--approach=safehandle", "--level=4", "--seconds=2", "--json")
    document = json.loads(done.stdout)
    checks.check(done.returncode == 0, "with a safe handle nothing is found", done.stdout)
    checks.check([document[key] for key in ("program", "command")] == ["gcstress", "run"], "the document says whose it is")
    race = document["results"][0]
    checks.check(MEASURES <= set(race), "a result has all members", sorted(race))
    checks.check(race["dropped"] > 0 and race["finalized"] >= 0.95 * race["dropped"], "what was dropped was finalized",
                 race)
    curve = race["curve"]
    checks.check(1 < len(curve) <= 100 and curve[-1]["collections"] > 0, "the curve has points", curve)
    checks.check(all(a["seconds"] <= b["seconds"] and a["collections"] <= b["collections"]
                     for a, b in zip(curve, curve[1:])), "and goes on", curve)
    shown = run("finalizer-race", "--approach=safehandle", "--seconds=1").stdout
    checks.check("%" in shown, "the table has the share", shown)


def check_levels(checks):
    of_level = {}
    for level in 1, 2, 4, 8, 16:
        of_level[level] = result = run_one("finalizer-race", "safehandle", f"--level={level}", "--seconds=1")
        checks.check(total(result) > 0, f"level {level} collects", result)
        kind = "small" if level == 8 else "full"
        checks.check(result["collections"][kind] == total(result), f"level {level}: {kind} ones", result["collections"])
    checks.check(total(of_level[16]) < total(of_level[4]), "fewer where only new call sites count", of_level)
    each_round = {level: total(result) / result["rounds"] for level, result in of_level.items()}
    checks.check(each_round[1] < each_round[4] and each_round[2] < each_round[4], "more at every checkpoint", each_round)


def check_help(checks):
    shown = subprocess.run([PROGRAM[0], "list", "--json"], capture_output=True, text=True, check=True).stdout
    levels, said = json.loads(shown)["levels"], run("--help").stdout
    checks.check(len(levels) == 5 and all(f"  {one['level']}: {one['where']}\n" in said for one in levels),
                 "--help has each level that `list` has", said)


def check_mix(checks):
    result = run_one("recycling", "safehandle", "--mix", "--seconds=2", "--seed=7")
    small, full, unmap = (result["collections"][kind] for kind in ("small", "full", "unmap"))
    checks.check(small > full > unmap and small > 0.8 * total(result), "most of a mix are small", result["collections"])


def check_threads(checks):
    result = run_one("recycling", "safehandle", "--threads=6", "--seconds=1")
    checks.check(result["threads"] == 6 and result["rounds"] > 0, "two groups of three", result)
    result = run_one("recycling", "safehandle", "--threads=1", "--seconds=1")
    checks.check(result["threads"] == 3, "one group at least", result)


def wait_until_it_listens(pid):
    """It has a handler for SIGINT."""
    status = pathlib.Path(f"/proc/{pid}/status")
    while True:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) & 1 << (signal.SIGINT - 1):
            return
        time.sleep(0.01)


def check_interrupt(checks):
    command = [*PROGRAM, "finalizer-race", "recycling", "--approach=safehandle", "--seconds=600", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_until_it_listens(process.pid)
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        printed = process.communicate()[0]
    results = json.loads(printed)["results"]
    checks.check(process.returncode == 0, "^C: the exit status says that nothing was found", process.returncode)
    checks.check(len(results) == 1 and results[0]["interrupted"], "^C: the report has what ran until then", printed)


def check_refusals(checks):
    for arguments, sentence in [
        (["--level=0"], "level 0 collects nowhere"),
        (["--level=32"], "'32' is no level"),
        (["--level=many"], "'many' is no level"),
        (["--seconds=0"], "'0' is no number of seconds"),
        (["--approach=none"], "has the approach none; they have: intptr, "),
        (["cfred", "--approach=intptr"], "has the approach intptr; they have: as-printed, as-corrected, safehandle"),
        (["over-release", "--approach=safehandle"], "can only be explored"),
        (["no-such"], "there is no scenario no-such"),
    ]:
        done = run(*arguments)
        checks.check(done.returncode == 2 and sentence in done.stderr, f"{' '.join(arguments)} is refused",
                     f"{done.returncode}: {done.stderr}")


def check_progress(checks):
    command = [*PROGRAM, "recycling", "--approach=safehandle", "--seconds=1"]
    checks.check("collections/s" in on_terminal(command), "on a terminal, progress is shown")
    checks.check("collections/s" not in on_terminal(command, stdout=subprocess.DEVNULL), "when stdout is none, it is not")


def main():
    checks = Checks()
    for check in (check_finds, check_finds_nothing, check_levels, check_help, check_mix, check_threads, check_interrupt,
                  check_refusals, check_progress):
        check(checks)
    checks.finish()


main()
