# SPDX-License-Identifier: MIT
"""Runs the peers that need only a C or C++ compiler, quickly, and checks what is said of them.

    check_peers.py BUILD-DIRECTORY
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import catalogue  # noqa: E402
import run_peers  # noqa: E402
import samples  # noqa: E402
from tap import Checks  # noqa: E402

ALWAYS = ["compare-and-swap", "mutex", "rwlock", "dup"]
WITH_LIBRARY = ["shared_ptr", "glib", "liburcu", "concurrency-kit"]
FIGURES = ["alone", "alone_ns", "xadd_ns"]
CONTENDED_FIGURES = ["contended", "contended_ns", "xadd_contended_ns"]

# Far from what they are on any machine: (peer, figure, from, to).
SANE = [
    ("compare-and-swap", "alone", 1, 20),
    ("dup", "alone", 5, 10000),
    ("dup", "contended", 2, 10000),
    ("shared_ptr", "alone", 0.5, 20),
    ("glib", "alone", 0.5, 50),
    ("liburcu", "alone", 0, 1),
    ("liburcu", "contended", 0, 1),
]


def run(build, *arguments, **environment):
    return subprocess.run([sys.executable, HERE / "run_peers.py", "--build", build, *arguments], capture_output=True,
                          text=True, check=False, env=os.environ | environment)


def only(names):
    return [f"--only={name}" for name in names]


# ---- without a measurement -------------------------------------------------------------------------------------------

def check_summary(checks):
    """Ratios are of turns that were beside each other, and one disturbed turn moves no figure."""
    printed = "version 7.1 a\nalone 10 20\nalone 1000 2000\nalone 12 12\nopen_close 50 90\nfinalize 700\nfinalize 500\n"
    figures = samples.summary(samples.read(printed))
    expected = {"alone": 2.0, "alone_ns": 20.0, "xadd_ns": 12.0, "alone_spread": [1.0, 2.0], "contended": None,
                "contended_ns": None, "xadd_contended_ns": None, "contended_spread": None,
                "open_close_added_ns": 40.0, "finalize_ns": 600.0}
    checks.check(figures == expected, "samples become medians of ratios", figures)
    for line in ["alone 10", "alone 10 twenty", "nonsense 10 20"]:
        try:
            samples.read(line)
            checks.check(False, f"{line!r} is refused")
        except ValueError:
            checks.check(True, f"{line!r} is refused")


def check_packages(checks):
    names = {peer.name for peer in catalogue.PEERS}
    for line in (HERE / "packages.txt").read_text(encoding="utf-8").splitlines():
        package, _, peer = line.partition(" | ")
        checks.check(package != "" and peer in names, f"packages.txt: {package} is for a peer", line)


def check_not_installed(checks):
    with tempfile.TemporaryDirectory() as empty:
        done = run(empty, "--json", *only(["go-os-file", "glib"]), PATH=empty, CC="")
        checks.check(done.returncode == run_peers.NOT_INSTALLED, "what is not installed is no failure", done)
        checks.check(len(done.stderr.splitlines()) == 1, "and one line says so", done.stderr)
        missing = json.loads(done.stdout)["missing"]
        checks.check([row["peer"] for row in missing] == ["glib", "go-os-file"], "each is listed", missing)


def check_broken(checks):
    with tempfile.TemporaryDirectory() as place:
        done = run(place, "--json", *only(["mutex"]), CC="false")
        missing = json.loads(done.stdout)["missing"]
        checks.check(done.returncode == 1 and missing[0]["why"].startswith("failed"),
                     "what is there and cannot be made is a failure", done)


# ---- with one --------------------------------------------------------------------------------------------------------

def check_figures(checks, row, names, spread):
    positive = all(isinstance(row[name], (int, float)) and row[name] > 0 for name in names)
    checks.check(positive, f"{row['peer']}: {names[0]} is measured", row)
    low, high = row[spread]
    checks.check(low <= row[names[0]] <= high, f"{row['peer']}: it lies within its spread", row)


def check_row(checks, row):
    checks.check(row["version"] and row["note"], f"{row['peer']}: says what it is", row)
    check_figures(checks, row, FIGURES, "alone_spread")
    if len(os.sched_getaffinity(0)) > 1:
        check_figures(checks, row, CONTENDED_FIGURES, "contended_spread")


def check_sane(checks, rows):
    for peer, figure, least, most in SANE:
        value = rows[peer][figure] if peer in rows else None
        if value is None:
            print(f"# {peer}: {figure} is not measured on this machine")
        else:
            checks.check(least < value < most, f"{peer}: {figure} is between {least} and {most} xadd pairs", value)


def main():
    checks = Checks()
    check_summary(checks)
    check_packages(checks)
    check_not_installed(checks)
    check_broken(checks)
    done = run(sys.argv[1], "--quick", "--json", *only(ALWAYS + WITH_LIBRARY))
    if checks.check(done.returncode == 0, "all that are installed were measured", done):
        printed = json.loads(done.stdout)
        rows = {row["peer"]: row for row in printed["peers"]}
        checks.check(set(ALWAYS) <= set(rows), "those that need no library are measured", list(rows))
        for row in printed["missing"]:
            print(f"# {row['peer']}: {row['why']}")
        for row in rows.values():
            check_row(checks, row)
        check_sane(checks, rows)
    checks.finish()


main()
