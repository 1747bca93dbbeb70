# SPDX-License-Identifier: MIT
"""Runs safehandle-bench on few objects: every figure is there and is what it says; no times are judged.

    check_bench.py PROGRAM DRAW
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, check_progress  # noqa: E402

RATIOS = {  # figure: the two measures, or the one
    "add_ref_release": ("add_ref_release_ns", "xadd_pair_ns"),
    "add_ref_release_contended": ("add_ref_release_contended_ns", "xadd_contended_ns"),
    "lease": ("lease_ns", "xadd_pair_ns"),
    "lease_nested": ("lease_nested_ns", "xadd_pair_ns"),
    "lease_shared_library": ("lease_shared_library_ns", "xadd_pair_ns"),
    "lease_contended": ("lease_contended_ns", "xadd_contended_ns"),
    "close_leased_elsewhere_ns": ("close_leased_elsewhere_added_ns", "membarrier_ns"),
    "open_close_added": ("open_close_added_ns", "malloc_free_ns"),
    "read_added": ("read_added_ns", "read_ns"),
    "finalize_1m": ("handle_finalize_ns", "no_order_finalize_ns"),
    "pause_1m": ("handle_pause_ms", "unwatched_pause_ms"),
    "bytes_per_handle": ("handle_bytes", None),
    "pause_growth": ("handle_pause_4m_ms", "handle_pause_ms"),
    "threads_scaling": ("leases_per_us_two_threads", "leases_per_us_one_thread"),
    "ffi_call_added": ("ffi_call_added_ns", "ffi_call_ns"),
    "ffi_call_added_contended": ("ffi_call_contended_added_ns", "ffi_call_contended_ns"),
}
TWO_THREADS = ["add_ref_release_contended", "lease_contended", "close_leased_elsewhere_ns", "threads_scaling",
               "ffi_call_added_contended"]
DIFFERENCES = ["close_leased_elsewhere_ns", "open_close_added", "read_added",  # of noisy times: below zero once in a while
               "ffi_call_added", "ffi_call_added_contended"]  # and these by rights
COUNT = 20000
FEW = [f"--count={COUNT}", "--rounds=1", "--quick"]
PEER = {"peer": "one", "version": "1", "alone": 2.5, "contended": 3.5, "note": "none"}


def check_ratio(checks, printed, name):
    value, (of, per) = printed["ratios"][name], RATIOS[name]
    if value is None:
        return checks.check(name in TWO_THREADS and len(os.sched_getaffinity(0)) < 2 or name.startswith("close"),
                            f"{name}: needs what this machine does not have")
    measured = printed["measured"]
    quotient = measured[of]["median"] / (measured[per]["median"] if per else 1)
    checks.check(abs(value - quotient) <= 1e-4 * abs(quotient), f"{name}: is {of} / {per or 1}", (value, quotient))
    checks.check(value > 0 or name in DIFFERENCES, f"{name}: is positive", value)
    spread = printed["spread"][name]
    checks.check(spread["low"] <= value <= spread["high"], f"{name}: lies in its spread", spread)
    target = printed["targets"][name]
    met = value >= target["at_least"] if "at_least" in target else value <= target["at_most"]
    return checks.check(target["met"] == met, f"{name}: meets its target or not", target)


def check_growth(checks, growth):
    points = {(point["variant"], point["count"]): point for point in growth}
    counts = [COUNT // 4, COUNT // 2, COUNT, COUNT * 2, COUNT * 4]
    wanted = {(variant, count) for variant in ("unwatched", "safehandle") for count in counts}
    wanted |= {("no-order", count) for count in counts[:3]}
    checks.check(set(points) == wanted, "growth: each variant at each size that a quick run has", wanted ^ set(points))
    for (variant, count), point in points.items():
        checks.check(0.999 * count <= point["ended"] <= count, f"growth: {count} {variant}: they came to their end", point)
        checks.check(point["pause_ms"]["median"] > 0 < point["bytes"]["median"], f"growth: {count} {variant}: costs something")


def run(program, arguments, **places):
    return subprocess.run([program, *FEW, *arguments], capture_output=True, text=True, check=False, env=os.environ | places)


def check_figures(checks, program, place):
    peers = place / "peers.py"
    peers.write_text(f"print({json.dumps({'peers': [PEER]})!r})\n", encoding="utf-8")
    done = run(program, ["--json", "--check"], SAFEHANDLE_PEERS=str(peers))
    printed = json.loads(done.stdout)
    checks.check(list(printed["ratios"]) == list(RATIOS), "ratios has each figure, and no other", list(printed["ratios"]))
    for name in RATIOS:
        check_ratio(checks, printed, name)
    checks.check(list(printed["also"]) == ["add_ref_release_shared_library"], "what is told beside them", printed["also"])
    checks.check(printed["peers"] == [PEER], "peers are handed on", printed["peers"])
    for member, names in {"machine": ["processor", "kernel", "system"], "versions": ["safehandle", "libgc", "date"]}.items():
        checks.check(all(printed[member][name] for name in names), f"{member} is told", printed[member])
    check_growth(checks, printed["growth"])
    missed = [name for name, target in printed["targets"].items() if target["met"] is False]
    checks.check(done.returncode == (1 if missed else 0), "--check: exit status 1 when a target is missed, else 0",
                 (done.returncode, missed))
    told = [name for name in missed if f": {name} is " in done.stderr]
    checks.check(told == missed and len(done.stderr.splitlines()) == len(missed), "and it says which", done.stderr)


def check_helpers(checks, program, draw, place):
    drawn = run(program, ["--no-peers", f"--html={place / 'page.html'}", f"--svg={place / 'charts'}"], SAFEHANDLE_DRAW=draw)
    checks.check(drawn.returncode == 0 and drawn.stderr == "", "drawing: exit status 0, nothing on stderr", drawn.stderr)
    checks.check("lease_nested" in drawn.stdout and "\033" not in drawn.stdout, "a table, without colours where it is no terminal")
    checks.check("<svg" in (place / "page.html").read_text(encoding="utf-8"), "the page has charts")
    checks.check(len(list((place / "charts").glob("*.svg"))) == 5, "each chart is a file")
    alone = run(program, ["--json", f"--html={place / 'page.html'}"], SAFEHANDLE_PEERS="/nowhere/peers.py",
                SAFEHANDLE_DRAW="/nowhere/draw.py")
    checks.check(json.loads(alone.stdout)["peers"] == [], "without peers: all else is measured")
    checks.check("/nowhere/peers.py" in alone.stderr, "and it says where it looked", alone.stderr)
    checks.check(alone.returncode == 2, "what cannot be drawn: exit status 2", alone.returncode)


def main():
    checks = Checks()
    program, draw = sys.argv[1:]
    with tempfile.TemporaryDirectory() as place:
        check_figures(checks, program, pathlib.Path(place))
        check_helpers(checks, program, draw, pathlib.Path(place))
    check_progress(checks, [program, *FEW, "--no-peers", "--count=1000"])
    checks.finish()


main()
