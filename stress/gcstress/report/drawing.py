# SPDX-License-Identifier: MIT
"""The parts that every picture of the report is made of, and its colours: light, or dark where the reader wishes so."""
import math
import textwrap
from html import escape

LIGHT = ("--ground:#fff; --text:#1c2128; --quiet:#57606a; --line:#d0d7de; --soft:#f3f5f8; --bad:#b3261e; --bad-soft:#fdecea; "
         "--good-soft:#e3f3ef; --good-pale:#f2f6e0; --found-1:#fde7e2; --found-2:#fbd0c6; --found-3:#f8b6a7; --found-4:#f49c88; "
         "--c0:#1f6fd6; --c1:#8a3fc0; --c2:#0f7f78; --c3:#966200; --c4:#a02d6c")
DARK = ("--ground:#0d1117; --text:#e6edf3; --quiet:#9ea7b3; --line:#343b44; --soft:#161b22; --bad:#ff8a7a; --bad-soft:#3a1512; "
        "--good-soft:#10302b; --good-pale:#262b12; --found-1:#34170f; --found-2:#4a1d12; --found-3:#642415; --found-4:#7d2c18; "
        "--c0:#66aaff; --c1:#c792f5; --c2:#4cc5ba; --c3:#dba632; --c4:#f07fb8")
COLOURS = 5

STYLE = """
.picture { font: 12.5px system-ui, sans-serif }
.picture .ground { fill: var(--ground) } .picture text { fill: var(--text) } .picture .quiet { fill: var(--quiet) }
.picture .title { font-size: 16px; font-weight: 600 } .picture .name { font-weight: 600 } .picture .small { font-size: 11px }
.picture .bad { fill: var(--bad) } .picture text.bad { font-weight: 600 }
.picture .grid { stroke: var(--line) } .picture .axis { stroke: var(--quiet) }
""" + "".join(f".picture .f{n} {{ fill: var(--c{n}) }} .picture .s{n} {{ stroke: var(--c{n}); fill: none }} "
              for n in range(COLOURS))


def schemes(selector):
    """The colours as they are chosen by the reader's wish; on paper they are the light ones."""
    return (f"{selector} {{ {LIGHT} }}\n@media screen and (prefers-color-scheme: dark) {{ {selector} {{ {DARK} }} }}\n")


def count(number, noun):
    """3,204 schedules"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds):
    if seconds >= 90:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def sentence_list(words):
    """a, b and c"""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def wrapped(words, width, letter=6.9):
    """Lines that are no wider than so many pixels."""
    return textwrap.wrap(words, max(8, int(width / letter))) or [""]


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind="grid"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def rect(x, y, width, height, kind, round_by=0):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}" rx="{round_by}"/>'


def circle(x, y, radius, kind):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind}"/>'


def picture(title, description, width, height, parts, own_style=""):
    """own_style: for a file of its own; inside a page the page has it."""
    style = f"<style>{schemes('.picture')}{STYLE}{own_style}</style>" if own_style else ""
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'style="min-width: {width * 0.8:.0f}px; max-width: {width:.0f}px" role="img" aria-label="{escape(title)}">'
            f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{style}")
    return "\n".join([head, rect(0, 0, width, height, "ground"), *parts, "</svg>\n"])


def ticks(highest):
    """At most six round numbers from 0 to just above the highest."""
    if highest <= 0:
        return [0, 1]
    step = 10.0 ** math.floor(math.log10(highest))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if highest / s <= 6)
    return [step * n for n in range(math.ceil(highest / step) + 1)]
