#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the table in docs/state-machine.md equal to STATE_TRANSITIONS in runtime/core/state_word.h.

    state_table.py --check [ROOT]   exit 1 when they differ
    state_table.py --write [ROOT]   renders the rows anew between the two marker comments of the page
"""
import re
import sys
from pathlib import Path

import marked
import tree

HEADER = "runtime/core/state_word.h"
PAGE = "docs/state-machine.md"
NAME = "state transitions"
COLUMNS = ["flags before", "count", "answer", "left to do", "flags after", "count"]


def rows(header_text):
    """Each ROW of STATE_TRANSITIONS as a list of its seven fields."""
    found = re.search(r"#define STATE_TRANSITIONS\(ROW\)(.*?[^\\])\n", tree.without_comments(header_text), re.DOTALL)
    if not found:
        raise marked.Problem(f"{HEADER}: there is no STATE_TRANSITIONS(ROW)")
    body = found.group(1).replace("\\\n", " ")
    parsed = [[re.sub(r"\s+", " ", field).strip() for field in row.split(",")]
              for row in re.findall(r"\bROW\(([^()]*)\)", body)]
    if not parsed or len(parsed) != len(re.findall(r"\bROW\b", body)) or any(len(row) != 7 for row in parsed):
        raise marked.Problem(f"{HEADER}: STATE_TRANSITIONS has a row that is not ROW(seven fields)")
    return parsed


def flags(field):
    return "–" if field == "0" else field.replace(" | ", " ")


def words(constant):
    return constant.removeprefix("STATE_").lower().replace("_", " ")


def cells(row):
    _, before, count, answer, duty, after, count_after = row
    left = words(duty)
    return [flags(before), count, words(answer), "–" if left == "nothing" else left, flags(after), count_after]


def render(parsed):
    """One table for each operation, in the order of the header."""
    operations = dict.fromkeys(row[0] for row in parsed)
    return "\n\n".join(f"**`{operation}`**\n\n" + marked.table(COLUMNS, [cells(r) for r in parsed if r[0] == operation])
                       for operation in operations)


def main(arguments):
    if not arguments or arguments[0] not in ("--check", "--write"):
        print(__doc__)
        return 2
    root = Path(arguments[1]).resolve() if len(arguments) > 1 else tree.ROOT
    try:
        content = render(rows((root / HEADER).read_text(encoding="utf-8")))
        marked.renew(root, PAGE, NAME, content, write=arguments[0] == "--write")
    except marked.Problem as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
