# SPDX-License-Identifier: MIT
"""One failing run, from the top to the bottom: a lane for each thread, and one for each number that it is about.

A thick part of a lane: that thread runs. A bar beside it: the thread holds a number; dashed and red, once the number is no
longer what the thread means. In a number's lane, a bar: what it stands for. Arrows: who opens, calls and closes.
"""
import re
from dataclasses import dataclass, field

from drawing import COLOURS, circle, line, picture, rect, text, wrapped

STEPS, NUMBER, LANE, WIDTH, MARGIN, HEAD, HEADING = 34, 104, 168, 960, 12, 40, 34
BAR, STAND, LONGEST_LABEL, LETTERS, ROW_GAP = 9, 80, 10, 15, 9
MOST_NUMBERS, MOST_BEFORE, MOST_BEHIND = 3, 40, 12
ARROWS = {"opens", "calls", "closes"}

STYLE = """
.picture .lane { stroke: var(--line); stroke-width: 1.5 } .picture .runs { stroke: var(--quiet); stroke-width: 3 }
.picture .held { opacity: .75 } .picture .stale { fill: var(--bad-soft); stroke: var(--bad); stroke-dasharray: 3 2 }
.picture .alarm { fill: var(--bad-soft) } .picture .hollow { fill: var(--ground); stroke-width: 2.2 }
.picture .arrow { stroke: var(--quiet) } .picture .arrow.wrong { stroke: var(--bad); stroke-width: 2 }
.picture .tip { fill: var(--quiet) } .picture .tip.wrong { fill: var(--bad) } .picture .dot { fill: var(--quiet) }
.picture .free { stroke: var(--line); stroke-dasharray: 2 3 } .picture .cross { stroke: var(--text); stroke-width: 2 }
.picture .on { fill: var(--ground) } .picture text.on { fill: var(--ground); font-weight: 600 } .picture .zebra { fill: var(--soft) }
"""


# ---- what happened ---------------------------------------------------------------------------------------------------

@dataclass
class Row:
    """kind: told, reaches (a checkpoint where another goes on) or violation. dot: where its thread is met."""
    kind: str
    who: str
    words: str
    deed: str = ""
    number: int = 0
    thing: int = 0
    lines: list = field(default_factory=list)
    top: float = 0
    dot: float = 0
    bottom: float = 0


@dataclass
class Span:
    """From row first to row last; stale: the row from which on a held number is another's, or nobody's."""
    first: int
    last: int = None
    thing: int = 0
    stale: int = None


def natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def threads_of(tale):
    """Those that tell something: who begins it all, the scenario's by their number, then the library's."""
    lines = tale["lines"]
    talk = {entry["who"] for entry in lines if entry["told"]} or {entry["who"] for entry in lines}
    talk |= {tale["violator"]} - {""}
    numbered = sorted((name for name in talk if re.search(r"\d", name)), key=natural)
    return [*sorted(talk & {"main"}), *numbered, *sorted(talk - {"main"} - set(numbered))]


def reaches(lines, at, threads):
    """Whether the thread stands at this checkpoint while another goes on, and goes on later."""
    who = lines[at]["who"]
    later = [entry["who"] for entry in lines[at + 1:]]
    return who in threads and who in later and later[0] != who


def rows_of(tale, threads):
    rows = []
    violation = Row("violation", tale["violator"], tale["violation"])
    for at, entry in enumerate(tale["lines"]):
        if at == tale["violation_line"]:
            rows.append(violation)
        if entry["told"]:
            rows.append(Row("told", entry["who"], entry["text"], entry.get("deed", ""), entry.get("number", 0), entry.get("thing", 0)))
        elif reaches(tale["lines"], at, threads):
            rows.append(Row("reaches", entry["who"], entry["text"]))
    return rows if violation in rows else [*rows, violation]


def numbers_of(rows):
    """Those that are spoken of next to the violation, and how many others there are."""
    at = next(at for at, row in enumerate(rows) if row.kind == "violation")
    spoken = list(dict.fromkeys(rows[near].number for near in sorted(range(len(rows)), key=lambda near: abs(near - at))
                                if rows[near].deed in ARROWS | {"holds"}))
    return sorted(spoken[:MOST_NUMBERS]), len(spoken[MOST_NUMBERS:])


def label_of(rows, value, member, otherwise):
    """The word that the lines have before it: file 1, number 3."""
    for row in rows:
        if row.deed and getattr(row, member) == value and (found := re.search(rf"(\w+) {value}\b", row.words)):
            return found[0]
    return f"{otherwise} {value}"


def spans_of(rows):
    """({number: [Span]} of what it stands for, {thread: [(number, Span)]} of who holds it)"""
    stands, held = {}, {}
    for at, row in enumerate(rows):
        open_now = [span for span in stands.get(row.number, []) if span.last is None]
        if row.deed == "opens":
            stands.setdefault(row.number, []).append(Span(at, thing=row.thing))
        elif row.deed == "closes":
            for span in open_now:
                span.last = at
            for spans in held.values():
                for number, span in spans:
                    if number == row.number and span.last is None and span.stale is None:
                        span.stale = at
        elif row.deed == "holds":
            is_own = not stands.get(row.number) or any(span.thing in (row.thing, 0) for span in open_now) or row.thing == 0
            held.setdefault(row.who, []).append((row.number, Span(at, thing=row.thing, stale=None if is_own else at)))
        elif row.deed == "leaves":
            for number, span in reversed(held.get(row.who, [])):
                if number == row.number and span.last is None:
                    span.last = at
                    break
    for who, spans in held.items():
        for _, span in spans:
            if span.last is None:
                span.last = max(at for at, row in enumerate(rows) if row.who == who)
    return stands, held


# ---- where it is drawn -----------------------------------------------------------------------------------------------

class Timeline:
    """All rows are known to the spans; those from `first` to behind `last` are shown."""

    def __init__(self, tale, heading):
        self.threads = threads_of(tale)
        self.all = rows_of(tale, self.threads)
        self.numbers, self.left_out = numbers_of(self.all)
        self.stands, self.held = spans_of(self.all)
        self.things = []
        for row in self.all:
            if row.thing and row.thing not in self.things:
                self.things.append(row.thing)
        at = next(at for at, row in enumerate(self.all) if row.kind == "violation")
        self.first, self.last = max(0, at - MOST_BEFORE), min(len(self.all), at + MOST_BEHIND)
        self.shown = self.all[self.first:self.last]
        self.top = (HEADING if heading else 0) + HEAD
        self.lane_width = max(LANE, (WIDTH - STEPS - MARGIN - NUMBER * len(self.numbers)) / max(1, len(self.threads)))
        self.width = STEPS + self.lane_width * len(self.threads) + NUMBER * len(self.numbers) + MARGIN
        self.bottom = self.place_rows()

    def place_rows(self):
        y = self.top + 8
        for row in self.shown:
            width = self.threads_end() - self.x(row.who) - 30 if row.kind == "violation" else self.lane_width - 30
            row.lines = wrapped(row.words, width, 7.6 if row.kind == "violation" else 6.5)
            height = len(row.lines) * LETTERS + (6 if row.deed in ARROWS else 0) + (8 if row.kind == "violation" else 0)
            row.top = y
            row.dot = y + height - 1 if row.deed in ARROWS else y + LETTERS / 2 + (4 if row.kind == "violation" else 1)
            row.bottom = y + height
            y = row.bottom + ROW_GAP
        return y + 4

    def x(self, who):
        return STEPS + self.lane_width * self.threads.index(who) + 12 if who in self.threads else STEPS + 12

    def threads_end(self):
        return self.width - MARGIN - NUMBER * len(self.numbers)

    def number_x(self, number):
        return self.threads_end() + NUMBER * (self.numbers.index(number) + 0.5)

    def y(self, at):
        """Of a row; of the upper or the lower edge where it is not shown."""
        if at is None or at >= self.last:
            return self.bottom
        return self.all[at].dot if at >= self.first else self.top

    def colour(self, thing):
        return self.things.index(thing) % COLOURS if thing in self.things else 0


# ---- drawing ---------------------------------------------------------------------------------------------------------

def draw_lanes(of):
    for at, who in enumerate(of.threads):
        if at % 2 == 0:
            yield rect(of.x(who) - 10, of.top - HEAD + 6, of.lane_width - 4, of.bottom - of.top + HEAD - 6, "zebra", 4)
        yield text(of.x(who), of.top - 14, who, "name")
        yield line(of.x(who), of.top, of.x(who), of.bottom, "lane")
    for number in of.numbers:
        yield text(of.number_x(number), of.top - 14, label_of(of.all, number, "number", "number"), "name", "middle")
        yield line(of.number_x(number), of.top, of.number_x(number), of.bottom, "free")


def draw_runs(of):
    """Where a thread is the one that runs, from its first line to the first of another."""
    start = None
    for row, behind in zip(of.shown, [*of.shown[1:], None]):
        start = row.top if start is None else start
        if behind is None or behind.who != row.who:
            yield line(of.x(row.who), start, of.x(row.who), row.bottom + 3, "runs")
            start = None


def draw_numbers(of):
    for number in of.numbers:
        x = of.number_x(number)
        for span in of.stands.get(number, []):
            top, bottom = of.y(span.first), of.y(span.last)
            if bottom <= of.top or top >= of.bottom:
                continue
            label = label_of(of.all, span.thing, "thing", "thing")
            label = label if len(label) <= LONGEST_LABEL else f"… {span.thing}"
            yield rect(x - STAND / 2, top, STAND, bottom - top, f"f{of.colour(span.thing)}", 4)
            if bottom - top >= LETTERS + 4:
                yield text(x, (top + bottom) / 2 + 4, label, "on", "middle")
        yield from draw_free(of, number)


def draw_free(of, number):
    """The word between two bars, where there is room."""
    spans = of.stands.get(number, [])
    for span, behind in zip(spans, [*spans[1:], None]):
        top, bottom = of.y(span.last), of.bottom if behind is None else of.y(behind.first)
        if bottom - top >= 2 * LETTERS:
            yield rect(of.number_x(number) - 16, (top + bottom) / 2 - 8, 32, 16, "ground")
            yield text(of.number_x(number), (top + bottom) / 2 + 4, "free", "quiet", "middle")


def draw_held(of):
    for who, spans in of.held.items():
        for slot, (_, span) in enumerate(spans):
            top, bottom = of.y(span.first), of.y(span.last) + 4
            if bottom <= of.top or top >= of.bottom:
                continue
            x = of.x(who) - BAR / 2 + (slot % 2) * 5
            turn = bottom if span.stale is None else min(max(of.y(span.stale), top), bottom)
            if turn > top:
                yield rect(x, top, BAR, turn - top, f"held f{of.colour(span.thing)}", 3)
            if bottom > turn:
                yield rect(x, turn, BAR, bottom - turn, "stale", 3)


def draw_arrow(of, row, is_wrong):
    if row.deed not in ARROWS or row.number not in of.numbers:
        return
    kind = " wrong" if is_wrong else ""
    end = of.number_x(row.number) - STAND / 2 - 1
    yield line(of.x(row.who) + 6, row.dot, end - 7, row.dot, "arrow" + kind)
    yield f'<path d="M{end - 8:.1f},{row.dot - 4:.1f} l8,4 l-8,4 z" class="tip{kind}"/>'


def draw_mark(of, row):
    x, y, colour = of.x(row.who), row.dot, of.colour(row.thing)
    if row.kind == "violation":
        yield circle(x, y, 8, "bad")
        yield text(x, y + 4.5, "!", "on", "middle")
    elif row.deed == "closes":
        yield circle(x, y, 4.5, f"s{colour} hollow")
    elif row.deed == "dies":
        yield line(x - 5, y - 5, x + 5, y + 5, "cross")
        yield line(x - 5, y + 5, x + 5, y - 5, "cross")
    elif row.deed:
        yield circle(x, y, 3.5 if row.deed == "leaves" else 5, f"f{colour}")
    else:
        yield circle(x, y, 3.5 if row.kind == "told" else 2, "dot")


def draw_words(of, row):
    kind = {"violation": "bad", "reaches": "quiet small"}.get(row.kind, "")
    words = [f"reaches {row.words}"] if row.kind == "reaches" else row.lines
    first = row.top + 11 + (4 if row.kind == "violation" else 0)
    return [text(of.x(row.who) + 14, first + LETTERS * at, words_of_line, kind) for at, words_of_line in enumerate(words)]


def draw_arrows(of):
    """The first deed of whoever noticed the violation is the wrong one."""
    violator = None
    for row in of.shown:
        is_wrong = row.who == violator and row.deed in ARROWS
        yield from draw_arrow(of, row, is_wrong)
        violator = row.who if row.kind == "violation" else None if is_wrong else violator


def draw_steps(of):
    for step, row in enumerate(of.shown, of.first + 1):
        is_alarm = row.kind == "violation"
        if is_alarm:
            yield rect(4, row.top - 2, of.threads_end() - 8, row.bottom - row.top + 4, "alarm", 4)
        yield text(STEPS - 12, row.top + (15 if is_alarm else 11), str(step), "quiet small", "end")


def in_words(tale):
    """What happened, a sentence for each step."""
    said = [f"{entry['who']}: {entry['text']}" for entry in tale["lines"] if entry["told"]]
    told_before = sum(entry["told"] for entry in tale["lines"][:tale["violation_line"]])
    said.insert(told_before, f"{tale['violator'] or 'the run'}: violation: {tale['violation']}")
    return said


def timeline(tale, title, own_style=""):
    of = Timeline(tale, bool(own_style))
    head = [text(MARGIN, 23, title, "title")] if own_style else []
    notes = []
    if of.left_out:
        notes.append(f"{of.left_out} other numbers")
    if of.first:
        notes.append(f"{of.first} earlier steps")
    if of.last < len(of.all):
        notes.append(f"{len(of.all) - of.last} later steps")
    foot = [text(STEPS, of.bottom + 14, "Not drawn: " + ", ".join(notes), "quiet small")] if notes else []
    marks = [part for row in of.shown for part in [*draw_mark(of, row), *draw_words(of, row)]]
    parts = [*head, *draw_lanes(of), *draw_runs(of), *draw_arrows(of), *draw_numbers(of), *draw_held(of), *draw_steps(of), *marks, *foot]
    return picture(title, ". ".join(in_words(tale)), of.width, of.bottom + (22 if notes else 6), parts, own_style)
