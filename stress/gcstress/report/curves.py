# SPDX-License-Identifier: MIT
"""What `gcstress run` saw over time: how many handles were alive, and how many collections had been forced."""
from drawing import COLOURS, duration, line, picture, text, ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LABEL_GAP = 960, 250, 78, 150, 44, 40, 16

STYLE = """
.picture .path { fill: none; stroke-width: 2.2; stroke-linejoin: round }
"""


def spread_labels(ends):
    """Moves labels apart that would lie upon each other: [(y, …)] from the top, each at least a line below the last."""
    placed = []
    for y, *rest in sorted(ends):
        placed.append((max(y, placed[-1][0] + LABEL_GAP if placed else y), *rest))
    return placed


def short(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def curves(title, series, own_style=""):
    """series: [(name, [(seconds, value)])]; both axes begin at 0."""
    last = max((x for _, points in series for x, _ in points), default=0) or 1
    steps = ticks(max((y for _, points in series for _, y in points), default=0))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x, y):
        return LEFT + x / last * (right - LEFT), bottom - y / steps[-1] * (bottom - TOP)
    parts, ends = [text(12, 22, title, "name")], []
    for step in steps:
        y = place(0, step)[1]
        parts += [line(LEFT, y, right, y, "grid" if step else "axis"), text(LEFT - 8, y + 4, short(step), "quiet small", "end")]
    for second in [step for step in ticks(last) if step <= last]:
        parts.append(text(place(second, 0)[0], bottom + 18, f"{second:g} s", "quiet small", "middle"))
    for number, (name, points) in enumerate(series):
        colour = number % COLOURS
        places = [place(*point) for point in points]
        parts.append(f'<polyline class="path s{colour}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
        ends.append((places[-1][1], places[-1][0], name, colour))
    parts += [text(right + 10, y + 4, name, f"f{colour}") for y, _, name, colour in spread_labels(ends)]
    told = ". ".join(f"{name}: {short(points[-1][1])} after {duration(points[-1][0])}, at most "
                     f"{short(max(y for _, y in points))}" for name, points in series)
    return picture(title, told, WIDTH, HEIGHT, parts, own_style)


def curves_of(results):
    """Two pictures for each scenario whose results have a curve: [(scenario, [SVG])]"""
    drawn = []
    for scenario in dict.fromkeys(result["scenario"] for result in results if result.get("curve")):
        mine = [result for result in results if result["scenario"] == scenario and result.get("curve")]

        def series(member, of=mine):
            return [(result["approach"] or scenario, [(point["seconds"], point[member]) for point in result["curve"]])
                    for result in of]
        drawn.append((scenario, [curves("Live handles", series("live_handles")),
                                 curves("Collections forced so far", series("collections"))]))
    return drawn
