# SPDX-License-Identifier: MIT
"""Runs safehandle-million --quick --json, and checks that the objects ended and every figure is one. No thresholds."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks, check_progress, run_program  # noqa: E402

VARIANTS = ["plain-24", "plain-32", "no-order-24", "no-order-32", "safehandle"]
FIGURES = ["allocate_ns", "pause_ms", "release_ms", "release_cpu_ns", "heap_bytes", "resident_bytes", "peak_bytes"]


def is_positive_spread(figure):
    return 0 < figure["lowest"] <= figure["median"] <= figure["highest"]


def check_variant(checks, measured, count):
    name = measured["variant"]
    ends = not name.startswith("plain")
    if ends:
        checks.check(0.999 * count <= measured["ended"] <= count, f"{name}: the objects came to their end", measured)
    else:
        checks.check(measured["ended"] is None, f"{name}: there is no end to come to", measured)
    for figure in FIGURES:
        if measured[figure] is None:
            checks.check(not ends and figure.startswith("release"), f"{name}: {figure} does not apply")
        else:
            checks.check(is_positive_spread(measured[figure]), f"{name}: {figure} is positive", measured[figure])


def main():
    checks = Checks()
    printed = run_program(checks, sys.argv[1:] + ["--quick", "--json"])
    if printed is not None:
        names = [measured["variant"] for measured in printed["variants"]]
        checks.check(names == VARIANTS, "each variant was measured", names)
        for measured in printed["variants"]:
            check_variant(checks, measured, printed["count"])
    check_progress(checks, sys.argv[1:] + ["--count=1000", "--rounds=1"])
    checks.finish()


main()
