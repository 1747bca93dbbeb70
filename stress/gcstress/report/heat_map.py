# SPDX-License-Identifier: MIT
"""The comparison: scenarios down, approaches across; what was found, and after how much searching."""
from html import escape

from drawing import count, duration, picture, rect, text

ALONE = "–"  # the approach of a scenario that has but one way
LEAST_LABEL, LETTER, CELL, CELL_GAP, ROW, TOP, MARGIN = 168, 8, 168, 4, 60, 70, 12
HEATS = (10, 100, 1000)  # schedules, or hundredths of a second

STYLE = """
.picture .found-1 { fill: var(--found-1) } .picture .found-2 { fill: var(--found-2) } .picture .found-3 { fill: var(--found-3) }
.picture .found-4 { fill: var(--found-4) } .picture .whole { fill: var(--good-soft) } .picture .partly { fill: var(--good-pale) }
.picture .none { fill: var(--soft) }
"""


def approach_of(result):
    return result["approach"] or ALONE


def rows_and_columns(results):
    """In the order in which they came."""
    return list(dict.fromkeys(result["scenario"] for result in results)), list(dict.fromkeys(map(approach_of, results)))


def effort(result):
    """What was spent, in the command's own measure."""
    for member, noun in (("schedules", "schedule"), ("rounds", "round"), ("runs", "run")):
        if isinstance(result.get(member), int):
            return count(result[member], noun)
    return duration(result["seconds"])


def heat(result):
    """The sooner it was found, the hotter."""
    spent = result.get("schedules", result["seconds"] * 100)
    return 4 - sum(spent > bound for bound in HEATS)


def said(result):
    """(kind, in a word, [in more words]) of one result; None: there is none."""
    if result is None:
        return "none", "", ["not run"]
    if result["found"]:
        return f"found-{heat(result)}", "found", [f"after {effort(result)}"]
    if result.get("complete"):
        return "whole", "nothing", [f"in {effort(result)},", f"complete to {count(result['complete_to'], 'preemption')}"]
    more = ", not complete" if "complete" in result else ""
    return "partly", "nothing", [f"in {effort(result)},", f"{duration(result['seconds'])}{more}"]


def cells(results):
    """(scenario, [(approach, result or None)]) for each row."""
    by_place = {(result["scenario"], approach_of(result)): result for result in results}
    scenarios, approaches = rows_and_columns(results)
    return [(scenario, [(approach, by_place.get((scenario, approach))) for approach in approaches]) for scenario in scenarios]


def table(results, address):
    """address: of the timeline of a result, or None."""
    _, approaches = rows_and_columns(results)
    head = "".join(f'<th scope="col">{escape(approach)}</th>' for approach in approaches)
    rows = []
    for scenario, row in cells(results):
        data = []
        for _, result in row:
            kind, word, more = said(result)
            inside = f"<strong>{word}</strong>" + "".join(f"<span>{words}</span>" for words in more)
            if result is not None and address(result):
                inside = f'<a href="#{address(result)}">{inside}</a>'
            data.append(f'<td class="{kind}">{inside}</td>')
        rows.append(f'<tr><th scope="row">{escape(scenario)}</th>{"".join(data)}</tr>')
    caption = "What was found in each scenario, with each approach, and after how much searching"
    return (f'<table class="heat"><caption>{caption}</caption><thead><tr><th scope="col">scenario</th>{head}</tr></thead><tbody>\n'
            + "\n".join(rows) + "\n</tbody></table>")


def legend(results):
    """In schedules where they are counted, else in seconds."""
    is_counted = any("schedules" in result for result in results)
    bounds = [f"{bound:,}" if is_counted else f"{bound / 100:g}" for bound in HEATS]
    items = [("found-4", f"found within {bounds[0]} {'schedules' if is_counted else 's'}"), ("found-3", bounds[1]),
             ("found-2", bounds[2]), ("found-1", "later"), ("whole", "nothing in any schedule up to the bound"), ("partly", "nothing so far")]
    return '<p class="legend">' + " ".join(f'<span><i class="{kind}"></i> {words}</span>' for kind, words in items) + "</p>"


def heat_map(results, style):
    """The same as a picture of its own."""
    _, approaches = rows_and_columns(results)
    rows = cells(results)
    label = max(LEAST_LABEL, *(MARGIN * 2 + LETTER * len(scenario) for scenario, _ in rows))
    width, height = label + CELL * len(approaches) + MARGIN, TOP + ROW * len(rows) + 8
    title = "What was found, and after how many schedules"
    parts, described = [text(MARGIN, 26, title, "title")], []
    for column, approach in enumerate(approaches):
        parts.append(text(label + CELL * column + 10, TOP - 10, approach, "name"))
    for number, (scenario, row) in enumerate(rows):
        y = TOP + ROW * number
        parts.append(text(MARGIN, y + 20, scenario, "name"))
        for column, (approach, result) in enumerate(row):
            kind, word, more = said(result)
            x = label + CELL * column
            parts += [rect(x, y, CELL - CELL_GAP, ROW - CELL_GAP, kind, 4), text(x + 10, y + 17, word, "name")]
            parts += [text(x + 10, y + 33 + 14 * at, words, "small") for at, words in enumerate(more)]
            described.append(f"{scenario}, {approach}: {word} {' '.join(more)}")
    return picture(title, ". ".join(described), max(width, 480), height, parts, style)
