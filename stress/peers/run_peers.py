#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what people use today to keep a handle open while they use it, each through its own interface.

A pair of acquire and release is timed in turns with a pair of `lock xadd` in the same process: by one thread, and by two
on the same handle. Each figure is the median of many turns; each program is launched several times, and the launches of
all peers alternate, since some of them run in one of several speeds from their start to their end.

    run_peers.py [--quick] [--json] [--only NAME]… [--build DIRECTORY]

Exit status 0: all that are installed were measured. 77: none of them is installed. 1: one is there and failed; it is
listed as missing, with a reason that begins with "failed".
"""
import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import catalogue
import samples
from building import Failed, Missing

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_INSTALLED = 77
TIMEOUT_SECONDS = 180


@dataclass(frozen=True)
class Size:
    launches: int
    turns: int
    objects: int
    most_seconds: int  # no further round of launches begins after that: two threads seldom meet on a busy machine


QUICK = Size(launches=2, turns=51, objects=100_000, most_seconds=12)
FULL = Size(launches=7, turns=301, objects=1_000_000, most_seconds=150)


def read_siblings(processor):
    """The processors of the same core, this one included."""
    path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    try:
        words = path.read_text(encoding="ascii").strip().split(",")
        ranges = [[int(end) for end in word.split("-")] for word in words]
    except (OSError, ValueError):
        return {processor}
    return {number for ends in ranges for number in range(ends[0], ends[-1] + 1)}


def choose_processors():
    """Two, of different cores if that can be had; the same one twice where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    others = [one for one in allowed if one not in read_siblings(allowed[0])] or allowed[1:] or allowed
    return allowed[0], others[0]


def launch(program, size, processors):
    """What one run of the program printed, as samples.read has it."""
    contended_turns = size.turns if processors[0] != processors[1] else 0
    arguments = [size.turns, contended_turns, *processors, size.objects]
    try:
        done = subprocess.run([*program.command, *map(str, arguments)], capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_SECONDS)
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        if done.returncode == NOT_INSTALLED:
            raise Missing(last)
        if done.returncode != 0:
            raise Failed(f"exit status {done.returncode}: {last}")
        return samples.read(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error


class Run:
    """Invariant: a peer is in programs or in missing, and found has the samples of those in programs."""

    def __init__(self, peers, size):
        self.peers = peers
        self.size = size
        self.programs = {}
        self.found = {}
        self.missing = {}

    def attempt(self, peer, act):
        """Does something with the peer; one that cannot is missing from then on."""
        try:
            return act()
        except Missing as why:
            self.missing[peer.name] = str(why)
        except Failed as why:
            self.missing[peer.name] = f"failed: {why}"
        self.programs.pop(peer.name, None)
        return None

    def make(self, place):
        for peer in self.peers:
            program = self.attempt(peer, lambda make=peer.make: make(place))
            if program is not None:
                self.programs[peer.name] = program
                self.found[peer.name] = {}

    def measure(self, tell):
        processors = choose_processors()
        start = time.monotonic()
        for number in range(self.size.launches):
            if number > 0 and time.monotonic() - start > self.size.most_seconds:
                break
            for peer in self.peers:
                program = self.programs.get(peer.name)
                if program is None:
                    continue
                tell(f"{peer.name}, launch {number + 1} of {self.size.launches}")
                found = self.attempt(peer, lambda program=program: launch(program, self.size, processors))
                for word, values in (found or {}).items():
                    self.found[peer.name].setdefault(word, []).extend(values)

    def result(self):
        def one(peer):
            found = self.found[peer.name]
            version = self.programs[peer.name].version or found["version"][0][0]
            return {"peer": peer.name, "version": version, **samples.summary(found), "note": peer.note}
        return {
            "peers": [one(peer) for peer in self.peers if peer.name in self.programs],
            "missing": [{"peer": name, "why": why} for name, why in self.missing.items()],
        }


# ---- output ----------------------------------------------------------------------------------------------------------

def table(result):
    def figure(value, form):
        return "–" if value is None else format(value, form)

    def span(ends):
        return "" if ends is None else f"({ends[0]:.2f}–{ends[1]:.2f})"

    yield f"{'peer':18} {'alone / xadd':>24} {'contended / xadd':>24} {'open+close ns':>14} {'finalize ns':>12}  version"
    for row in result["peers"]:
        yield (f"{row['peer']:18} {figure(row['alone'], '.2f'):>8} {span(row['alone_spread']):>15} "
               f"{figure(row['contended'], '.2f'):>8} {span(row['contended_spread']):>15} "
               f"{figure(row.get('open_close_added_ns'), '.0f'):>14} {figure(row.get('finalize_ns'), '.0f'):>12}  "
               f"{row['version']}")
    for row in result["missing"]:
        yield f"{row['peer']:18} {row['why']}"


def tell_on_terminal(text):
    """One line, written over again and again."""
    if sys.stderr.isatty() and sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description="Measures what people use today to keep a handle open.")
    parser.add_argument("--quick", action="store_true", help="fewer turns: about twenty seconds for all")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--only", action="append", metavar="NAME", choices=[peer.name for peer in catalogue.PEERS],
                        help="this peer; may be repeated: " + ", ".join(peer.name for peer in catalogue.PEERS))
    parser.add_argument("--build", type=Path, default=ROOT / "build-peers", metavar="DIRECTORY",
                        help="where the programs are made (build-peers)")
    return parser.parse_args()


def main():
    asked = arguments()
    run = Run([peer for peer in catalogue.PEERS if not asked.only or peer.name in asked.only],
              QUICK if asked.quick else FULL)
    tell_on_terminal("making the peers' programs")
    run.make(asked.build.resolve())
    run.measure(tell_on_terminal)
    tell_on_terminal("")
    result = run.result()
    print(json.dumps(result) if asked.json else "\n".join(table(result)))
    if any(why.startswith("failed") for why in run.missing.values()):
        return 1
    if not result["peers"]:
        print("none is installed: " + "; ".join(f"{name}: {why}" for name, why in run.missing.items()), file=sys.stderr)
        return NOT_INSTALLED
    return 0


if __name__ == "__main__":
    sys.exit(main())
