#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the JSON document of gcstress: one HTML page that needs nothing else, or its pictures as SVG.

    report.py [--html FILE] [--svg DIRECTORY] < document.json

Both follow the reader's wish for light or dark. --check only sees whether it could draw, and reads nothing.
"""
import argparse
import json
import sys
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import curves
import drawing
import heat_map
import timeline
from drawing import count, duration, sentence_list

PICTURE_STYLE = drawing.STYLE + timeline.STYLE + heat_map.STYLE + curves.STYLE
PAGE_STYLE = f"""
{drawing.schemes(":root")}
:root {{ color-scheme: light dark }}
body {{ background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto;
  padding: 0 1.25rem }}
h1 {{ font-size: 1.7rem; margin: 0 }} h2 {{ font-size: 1.25rem; margin: 3rem 0 .5rem }} h3 {{ font-size: 1.05rem; margin: 2.2rem 0 .2rem }}
p {{ margin: .4rem 0 }} .quiet, caption, dt {{ color: var(--quiet) }} .bad {{ color: var(--bad); font-weight: 600 }}
.sum {{ font-size: 1.15rem; margin: .8rem 0 1.4rem; padding: .7rem 1rem; border-left: 4px solid var(--c2); background: var(--good-soft) }}
.sum.bad {{ border-color: var(--bad); background: var(--bad-soft); color: var(--text); font-weight: 400 }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0 }} dd {{ margin: 0; overflow-wrap: anywhere }}
table {{ border-collapse: separate; border-spacing: 3px; width: 100%; font-size: .9rem }}
caption {{ text-align: left; font-size: .85rem; padding: 0 0 .4rem }}
th {{ text-align: left; padding: .35rem .5rem; font-weight: 600 }} .heat {{ table-layout: fixed; min-width: 44rem }}
.heat th[scope=row] {{ overflow-wrap: anywhere }}
.heat td {{ border-radius: 5px; padding: .4rem .6rem; vertical-align: top }} .heat td span {{ display: block; font-size: .8rem }}
.heat a {{ color: inherit; text-decoration: none; display: block }} .heat a strong {{ text-decoration: underline }}
td.none {{ background: var(--soft); color: var(--quiet) }} .whole {{ background: var(--good-soft) }} .partly {{ background: var(--good-pale) }}
.found-1 {{ background: var(--found-1) }} .found-2 {{ background: var(--found-2) }} .found-3 {{ background: var(--found-3) }}
.found-4 {{ background: var(--found-4) }}
.legend {{ font-size: .85rem; color: var(--quiet) }} .legend span {{ margin-right: 1.1rem; display: inline-block }}
.legend i {{ display: inline-block; width: .9rem; height: .9rem; border-radius: 3px; vertical-align: -.12rem }}
.wide {{ overflow-x: auto }} svg {{ width: 100%; height: auto; display: block; margin: .6rem 0 }}
pre {{ background: var(--soft); border: 1px solid var(--line); border-radius: 5px; padding: .5rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .4rem 0 }}
.plain td, .plain th {{ border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top }}
.plain {{ border-collapse: collapse }} .plain .n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
details {{ font-size: .9rem }} summary {{ cursor: pointer; color: var(--quiet) }} li.bad {{ font-weight: 600 }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact }}
  h2, h3 {{ break-after: avoid }} svg, table, .sum, pre {{ break-inside: avoid }} details {{ display: none }} svg {{ min-width: 0 !important }} }}
"""
KEY = ("A column for each thread, from the top to the bottom, in the order in which they told of it; where its line is "
       "thick, a thread is the one that goes on. A bar on a thread’s line: it holds a number. It turns dashed and red where the number is no longer what the thread "
       "means. On the right, what each number stands for, and who opens, calls or closes it.")


def name_of(result):
    return f"{result['scenario']}, {result['approach']}" if result["approach"] else result["scenario"]


def address_of(result):
    return f"{result['scenario']}-{result['approach'] or 'alone'}".replace(" ", "-") if result["found"] else None


# ---- the head --------------------------------------------------------------------------------------------------------

def what_was_found(results):
    """In one sentence, or two."""
    if not results:
        return "Nothing was run."
    places = {}
    for result in results:
        if result["found"]:
            places.setdefault(result["scenario"], []).append(result["approach"])
    if not places:
        complete = all(result.get("complete") for result in results)
        return f"No violation was found in {count(len(results), 'search').replace('searchs', 'searches')}" + (
            ", each of them complete." if complete else ".")
    found = sum(map(len, places.values()))
    where = "; ".join(scenario + (f" with {sentence_list(ways)}" if all(ways) else "") for scenario, ways in places.items())
    ways = list(dict.fromkeys(filter(None, (result["approach"] for result in results))))
    clean = [way for way in ways if not any(result["found"] for result in results if result["approach"] == way)]
    return (f"A violation was found in {found} of {len(results)}: {where}."
            + (f" Nothing was found with {sentence_list(clean)}." if clean else ""))


def facts(document):
    results = document["results"]
    yield "program", f"{document['program']} {document['version']}"
    yield "command", document.get("arguments") or document["command"]
    yield "run", f"{count(len({result['scenario'] for result in results}), 'scenario')}, {len(results)} with their approaches"
    for member, noun in (("schedules", "schedule"), ("rounds", "round")):
        if total := sum(result.get(member) or 0 for result in results):
            yield "in all", f"{count(total, noun)} in {duration(sum(result['seconds'] for result in results))}"
    forced = sum(sum((result.get("collections") or {}).values()) for result in results)
    if forced:
        yield "forced", count(forced, "collection")
    yield "drawn", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


# ---- the page --------------------------------------------------------------------------------------------------------

def failure(result):
    tale = result["tale"]
    said = timeline.in_words(tale)
    words = "".join(f'<li class="{"bad" if ": violation: " in line else ""}">{escape(line)}</li>' for line in said)
    parts = [f'<h3 id="{escape(address_of(result))}">{escape(name_of(result))}</h3>']
    if result.get("retells"):
        parts.append(f'<p class="quiet">Retells {escape(result["retells"])}</p>')
    by = f", by {escape(result['found_by'])}" if result.get("found_by") else ""
    parts += [f'<p>Must never happen: {escape(result["never"])}.</p>',
              f'<p class="bad">Found after {heat_map.effort(result)}{by}: {escape(result["violation"])}.</p>',
              f'<div class="wide">{timeline.timeline(tale, "What happened in " + name_of(result))}</div>',
              f"<details><summary>The same in words</summary><ol>{words}</ol></details>"]
    if result.get("replay"):
        parts.append(f'<p class="quiet">Run it again:</p><pre><code>{escape(result["replay"])}</code></pre>')
    return "\n".join(parts)


def measure(result, member):
    value = result.get(member)
    if isinstance(value, dict):
        return f"{sum(value.values()):,}"
    return f"{value:,}" if isinstance(value, int) else duration(value) if isinstance(value, float) else "–"


def numbers_table(results):
    members = ["schedules", "states", "rounds", "collections", "dropped", "finalized", "seconds"]
    shown = [member for member in members if any(member in result for result in results)]
    head = "".join(f'<th scope="col" class="n">{member}</th>' for member in shown)
    rows = "\n".join(f'<tr><td>{escape(result["scenario"])}</td><td>{escape(heat_map.approach_of(result))}</td>'
                     + "".join(f'<td class="n">{measure(result, member)}</td>' for member in shown)
                     + f"<td>{escape(result.get('violation') or 'nothing')}</td></tr>" for result in results)
    return (f'<table class="plain"><thead><tr><th scope="col">scenario</th><th scope="col">approach</th>{head}'
            f'<th scope="col">found</th></tr></thead><tbody>\n{rows}\n</tbody></table>')


def page(document):
    results = document["results"]
    failures = [result for result in results if result["found"]]
    terms = "".join(f"<dt>{term}</dt><dd>{escape(words)}</dd>" for term, words in facts(document))
    body = ["<h1>gcstress report</h1>",
            f'<p class="sum{" bad" if failures else ""}">{escape(what_was_found(results))}</p>', f"<dl>{terms}</dl>",
            "<h2>Comparison</h2>", f'<div class="wide">{heat_map.table(results, address_of)}</div>', heat_map.legend(results)]
    if failures:
        body += ["<h2>Failures</h2>", f'<p class="quiet">{KEY}</p>', *map(failure, failures)]
    for scenario, drawn in curves.curves_of(results):
        body += [f"<h2>Over time: {escape(scenario)}</h2>", *(f'<div class="wide">{svg}</div>' for svg in drawn)]
    body += ["<h2>All numbers</h2>", f'<div class="wide">{numbers_table(results)}</div>']
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>gcstress report</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{PAGE_STYLE}{PICTURE_STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n")


def write_pictures(document, directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "gcstress-comparison.svg").write_text(heat_map.heat_map(document["results"], PICTURE_STYLE), encoding="utf-8")
    for result in document["results"]:
        if result["found"]:
            drawn = timeline.timeline(result["tale"], name_of(result), PICTURE_STYLE)
            (directory / f"gcstress-{address_of(result)}.svg").write_text(drawn, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", type=Path, metavar="FILE", help="the page")
    parser.add_argument("--svg", type=Path, metavar="DIRECTORY", help="the pictures")
    parser.add_argument("--check", action="store_true", help="see whether it could draw")
    asked = parser.parse_args()
    if asked.check:
        return
    document = json.load(sys.stdin)
    if asked.html:
        asked.html.write_text(page(document), encoding="utf-8")
    if asked.svg:
        write_pictures(document, asked.svg)


main()
