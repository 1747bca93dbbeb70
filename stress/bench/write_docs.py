#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what safehandle-bench --json printed into a page, between two marker comments.

    write_docs.py PAGE < bench.json
"""
import json
import sys
from pathlib import Path

import draw

BEGIN, END = "<!-- `./dev bench --write-docs` writes from here -->", "<!-- until here -->"


def table(columns, rows):
    """Columns that begin with # are of numbers."""
    head = [column.lstrip("#") for column in columns]
    rule = ["---:" if column.startswith("#") else "---" for column in columns]
    cells = [[cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *cells])


def figures(measured):
    rows = [(f"`{name}`", what, f"**{value}**" if verdict == "missed" else value, around, promise, verdict)
            for name, what, value, around, promise, verdict in draw.figure_rows(measured)]
    return table(["figure", "what is divided", "#median", "#rounds", "#promise", ""], rows)


def growth(measured):
    points = {(point["count"], point["variant"]): point for point in measured["growth"]}
    variants = ["unwatched", "no-order", "safehandle"]

    def cell(count, variant, member):
        point = points.get((count, variant))
        return draw.short(point and point[member]["median"])
    rows = [[f"{count:,}", *(cell(count, variant, member) for member in ("pause_ms", "bytes") for variant in variants)]
            for count in sorted({count for count, _ in points})]
    columns = ["#alive", *(f"#{variant}, {unit}" for unit in ("ms", "bytes each") for variant in variants)]
    return table(columns, rows)


def absolute(measured):
    rows = [(f"`{name}`", draw.short(spread["median"]), f"{draw.short(spread['low'])} to {draw.short(spread['high'])}")
            for name, spread in measured["measured"].items()]
    return table(["measure", "#median", "#rounds"], rows)


def break_even(measured):
    """From how many uses for each close a lease costs less than a counted reference, alone and contended."""
    def median(name):
        return measured["measured"][name]["median"]
    barrier = median("close_leased_elsewhere_added_ns")
    for counted, lease in (("add_ref_release_ns", "lease_ns"), ("add_ref_release_contended_ns", "lease_contended_ns")):
        known = None not in (barrier, median(counted), median(lease))
        gained = median(counted) - median(lease) if known else 0
        yield f"{max(barrier, 0) / gained:.0f}" if gained > 0 else "–"


def peers(measured):
    rows = list(draw.peer_rows(measured))
    missing = "".join(f"\nNot measured: {row['peer']}: {row['why']}.\n" for row in measured["peers_missing"])
    return table(["peer", "version", "#alone", "#contended", "note"], rows) + "\n" + missing if rows else "None was measured."


def content(measured):
    alone, contended = break_even(measured)
    return f"""{draw.provenance(measured)} On in every handle: {", ".join(measured["defaults_on"])}.

{figures(measured)}

A lease costs less than a counted reference from **{alone}** uses for each close on, when the users are one thread and the
closer another that is running; from **{contended}** when two threads use it at the same time.

### Growth

{growth(measured)}

![A collection by the number of live handles](images/bench-pause.svg)
![Memory of each by the number of live handles](images/bench-bytes.svg)

### What other people use

One pair of acquire and release, times two `lock xadd` in the same process, alone and with two threads on one handle.

{peers(measured)}

![A pair on one thread, ours and others](images/bench-alone.svg)
![The same from two threads](images/bench-contended.svg)

### What was divided

Nanoseconds of each, unless the name says otherwise.

{absolute(measured)}"""


def main():
    page = Path(sys.argv[1])
    old = page.read_text(encoding="utf-8")
    start, end = old.find(BEGIN), old.rfind(END)
    if not 0 <= start < end:
        sys.exit(f"write_docs.py: {page} has no lines\n    {BEGIN}\n    {END}")
    page.write_text(f"{old[:start]}{BEGIN}\n\n{content(json.load(sys.stdin))}\n\n{old[end:]}", encoding="utf-8")


if __name__ == "__main__":
    main()
