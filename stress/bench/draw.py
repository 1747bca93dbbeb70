#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what safehandle-bench --json printed: charts as SVG, and one page that needs nothing else.

    draw.py [--html FILE] [--svg DIRECTORY] < bench.json

Both follow the reader's wish for light or dark.
"""
import argparse
import json
import math
import sys
from html import escape
from pathlib import Path

WIDTH, ROW, LABEL, MARGIN, VALUE = 800, 26, 252, 16, 52
TOP = 62  # of the first row: below title and explanation
CURVE_HEIGHT, CURVE_LEFT, CURVE_RIGHT, CURVE_BOTTOM = 360, 60, 130, 48

LIGHT = "--ground:#fff; --text:#1c2128; --quiet:#57606a; --line:#d0d7de; --ours:#0b62d6; --other:#8a6d00; --bad:#c4320a"
DARK = "--ground:#0d1117; --text:#e6edf3; --quiet:#9ea7b3; --line:#343b44; --ours:#58a6ff; --other:#d4a72c; --bad:#ff8a65"
CHART_STYLE = f"""
.chart {{ {LIGHT}; font: 13px system-ui, sans-serif; }}
@media (prefers-color-scheme: dark) {{ .chart {{ {DARK}; }} }}
.chart .ground {{ fill: var(--ground) }} .chart text {{ fill: var(--text) }} .chart .title {{ font-size: 16px; font-weight: 600 }}
.chart .quiet {{ fill: var(--quiet) }} .chart .grid {{ stroke: var(--line) }} .chart .axis {{ stroke: var(--quiet) }}
.chart .ours {{ fill: var(--ours) }} .chart .other {{ fill: var(--other) }} .chart .bad {{ fill: var(--bad) }}
.chart .path {{ fill: none; stroke-width: 2.5 }} .chart .path.ours {{ stroke: var(--ours); fill: none }}
.chart .path.other {{ stroke: var(--other); fill: none }} .chart .path.bare {{ stroke: var(--quiet); fill: none }}
.chart .bare {{ fill: var(--quiet) }}
"""
PAGE_STYLE = f"""
:root {{ {LIGHT}; color-scheme: light dark }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
body {{ background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; margin: 1rem 0 2rem }}
th, td {{ border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
.ours {{ color: var(--ours) }} .bad {{ color: var(--bad) }} .quiet {{ color: var(--quiet) }}
svg {{ width: 100%; height: auto; margin: 1rem 0 }}
"""


def short(value):
    """Three digits that count: 0.0712, 1.05, 26.6, 1040. What was not measured is a dash."""
    if value is None:
        return "–"
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---- charts ----------------------------------------------------------------------------------------------------------

def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind="grid"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def chart(title, explanation, height, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
            f'aria-label="{escape(title)}"><title>{escape(title)}</title><style>{CHART_STYLE}</style>')
    ground = f'<rect class="ground" width="{WIDTH}" height="{height:.0f}"/>'
    return "\n".join([head, ground, text(MARGIN, 24, title, "title"), text(MARGIN, 44, explanation, "quiet"), *parts,
                      "</svg>\n"])


def decades(values):
    """The powers of ten around the values and 1."""
    lowest, highest = min([*values, 1]), max([*values, 1])
    return range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest * 1.0001)) + 1)


def bars(title, explanation, rows):
    """rows: (label, value, kind). Each bar begins at 1; a step of ten is as long everywhere."""
    rows = [row for row in rows if row[1] is not None and row[1] > 0]
    powers = decades([value for _, value, _ in rows])
    left, right = LABEL + VALUE, WIDTH - MARGIN - VALUE

    def place(value):
        return left + (math.log10(value) - powers[0]) / (powers[-1] - powers[0] or 1) * (right - left)
    bottom = TOP + ROW * len(rows)
    parts = []
    for power in powers:
        x = place(10.0 ** power)
        parts += [line(x, TOP - 4, x, bottom, "axis" if power == 0 else "grid"),
                  text(x, bottom + 18, short(10.0 ** power), "quiet", "middle")]
    for number, (label, value, kind) in enumerate(rows):
        y = TOP + ROW * number
        start, end = sorted((place(value), place(1)))
        cheaper = value < 1
        parts += [text(LABEL - 8, y + 17, label, kind if kind == "ours" else "", "end"),
                  f'<rect class="{kind}" x="{start:.1f}" y="{y + 4}" width="{max(end - start, 1.5):.1f}" height="{ROW - 8}" rx="2"/>',
                  text(start - 6 if cheaper else end + 6, y + 17, short(value), "", "end" if cheaper else "start")]
    return chart(title, explanation, bottom + 32, parts)


def ticks(highest):
    """At most six round numbers from 0 to just above the highest."""
    step = 10.0 ** math.floor(math.log10(highest))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if highest / s <= 6)
    return [step * n for n in range(math.ceil(highest / step) + 1)]


def spread_labels(ends):
    """Moves labels apart that would lie upon each other: [(y, …)] from the top, each at least a line below the last."""
    placed = []
    for y, *rest in sorted(ends):
        placed.append((max(y, placed[-1][0] + 16 if placed else y), *rest))
    return placed


def curves(title, explanation, series):
    """series: [(name, kind, [(millions, value)])]; both axes begin at 0."""
    series = [one for one in series if one[2]]
    columns = sorted({x for _, _, points in series for x, _ in points})
    steps = ticks(max(y for _, _, points in series for _, y in points))
    right, bottom = WIDTH - CURVE_RIGHT, CURVE_HEIGHT - CURVE_BOTTOM

    def place(x, y):
        return CURVE_LEFT + x / columns[-1] * (right - CURVE_LEFT), bottom - y / steps[-1] * (bottom - TOP)
    parts, ends = [], []
    for step in steps:
        y = place(0, step)[1]
        parts += [line(CURVE_LEFT, y, right, y, "grid" if step else "axis"), text(CURVE_LEFT - 8, y + 4, short(step), "quiet", "end")]
    for column in columns:
        parts.append(text(place(column, 0)[0], bottom + 20, short(column), "quiet", "middle"))
    parts.append(text((CURVE_LEFT + right) / 2, bottom + 40, "million objects alive", "quiet", "middle"))
    for name, kind, points in series:
        places = [place(*point) for point in points]
        parts.append(f'<polyline class="path {kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places]
        ends.append((places[-1][1], places[-1][0], name, kind))
    parts += [text(x + 12, y + 4, name, kind if kind != "bare" else "quiet") for y, x, name, kind in spread_labels(ends)]
    return chart(title, explanation, CURVE_HEIGHT, parts)


# ---- what is shown ---------------------------------------------------------------------------------------------------

def of_peers(measured, member):
    return [(peer["peer"], peer.get(member), "other") for peer in measured["peers"]]


def cost_bars(measured, member, ours):
    figures = measured["ratios"] | measured["also"]
    rows = [(label, figures[name], "ours") for label, name in ours] + of_peers(measured, member)
    rows += [("two lock xadd", 1.0, "bare")]
    return sorted((row for row in rows if row[1] is not None), key=lambda row: row[1])


def target_bars(measured):
    figures = measured["ratios"] | measured["also"]
    for name, target in measured["targets"].items():
        value = figures[name]
        if value is None:
            continue
        of_target = target["at_least"] / value if "at_least" in target else value / target["at_most"]
        yield name, of_target, "ours" if target["met"] else "bad"


def growth_series(measured, member):
    kinds = {"safehandle": "ours", "no-order": "other", "unwatched": "bare"}
    for variant, kind in kinds.items():
        yield variant, kind, [(point["count"] / 1e6, point[member]["median"])
                              for point in measured["growth"] if point["variant"] == variant]


ALONE = [("lease", "lease"), ("lease inside another", "lease_nested"), ("lease, called", "lease_shared_library"),
         ("add_ref, release", "add_ref_release"), ("add_ref, release, called", "add_ref_release_shared_library")]
CONTENDED = [("lease", "lease_contended"), ("add_ref, release", "add_ref_release_contended")]


def charts(measured):
    """{file name: SVG}; a chart without anything to show is left out."""
    drawn = {
        "bench-alone.svg": bars("A pair of acquire and release on one thread", "Times the cost of two lock xadd. To the left is cheaper.",
                                cost_bars(measured, "alone", ALONE)),
        "bench-contended.svg": bars("The same pair, two threads on one handle", "Times the cost of two lock xadd on one word from two threads. To the left is cheaper.",
                                    cost_bars(measured, "contended", CONTENDED)),
        "bench-targets.svg": bars("Measured, as a part of what is promised", "To the left of 1 the promise is kept.", list(target_bars(measured))),
        "bench-pause.svg": curves("One collection while they all live", "Milliseconds. unwatched: the same objects and nothing else; no-order: with the collector’s finalizers.",
                                  list(growth_series(measured, "pause_ms"))),
        "bench-bytes.svg": curves("Memory of each at the highest", "Resident bytes, with all that belongs to it.", list(growth_series(measured, "bytes"))),
    }
    return drawn


def table(headings, rows):
    """headings: names; those that begin with # are of numbers."""
    kinds = [' class="n"' if heading.startswith("#") else "" for heading in headings]
    head = "".join(f"<th{kind}>{escape(heading.lstrip('#'))}</th>" for kind, heading in zip(kinds, headings))
    body = "\n".join("<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def promise(target):
    return f"≥ {short(target['at_least'])}" if "at_least" in target else f"≤ {short(target['at_most'])}"


def verdict(target):
    return {True: "kept", False: "missed", None: "not measured"}[target["met"]]


def figure_rows(measured):
    """(name, what, median, range, promise, verdict) of each figure."""
    figures = measured["ratios"] | measured["also"]
    for name, target in measured["targets"].items():
        around = measured["spread"][name]
        yield (name, target["what"], short(figures[name]), f"{short(around['low'])} to {short(around['high'])}",
               promise(target), verdict(target))


def peer_rows(measured):
    """(peer, version, alone, contended, note)"""
    for peer in sorted(measured["peers"], key=lambda peer: peer.get("alone") or math.inf):
        yield (peer["peer"], peer.get("version") or "", short(peer.get("alone")), short(peer.get("contended")),
               peer.get("note") or "")


def provenance(measured):
    machine, versions = measured["machine"], measured["versions"]
    return (f"{versions['date']}: {machine['processor']}, {machine['processors']} processors, {machine['system']}, kernel "
            f"{machine['kernel']}, libgc {versions['libgc']}, gcc {versions['compiler']}, libc {versions['libc']}, "
            f"safehandle {versions['safehandle']}. Medians of {measured['rounds']} rounds, and the lowest and highest.")


def page(measured):
    paint = {"kept": "ours", "missed": "bad", "not measured": "quiet"}
    figures = table(["figure", "what", "#median", "#rounds", "#promise", "is"],
                    [(*map(escape, row[:5]), f'<span class="{paint[row[5]]}">{row[5]}</span>') for row in figure_rows(measured)])
    peers = table(["peer", "version", "#alone", "#contended", "note"], [tuple(map(escape, row)) for row in peer_rows(measured)])
    on = escape(", ".join(measured["defaults_on"]))
    drawn = "\n".join(charts(measured).values())
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>libsafehandle: what it costs</title>
<meta name="viewport" content="width=device-width"><style>{PAGE_STYLE}</style></head><body>
<h1>libsafehandle: what it costs</h1>
<p class="quiet">{escape(provenance(measured))} On in every handle: {on}.</p>
{figures}
{"<h2>What other people use</h2>" + peers if measured["peers"] else ""}
{drawn}
</body></html>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="DIRECTORY")
    asked = parser.parse_args()
    measured = json.load(sys.stdin)
    try:
        if asked.html:
            asked.html.write_text(page(measured), encoding="utf-8")
        if asked.svg:
            asked.svg.mkdir(parents=True, exist_ok=True)
            for name, drawn in charts(measured).items():
                (asked.svg / name).write_text(drawn, encoding="utf-8")
    except OSError as error:
        sys.exit(f"draw.py: {error.filename}: {error.strerror}")


if __name__ == "__main__":
    main()
