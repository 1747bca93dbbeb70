#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps stress/model/state_transitions.pml equal to the flags, answers, duties and rows of runtime/core/state_word.h.

    model_table.py --check [ROOT]   exit 1 when they differ
    model_table.py --write [ROOT]   writes the file anew

The models take their flags from that file, and stress/model/transitions.pml drives each of its rows.
"""
import re
import sys
from pathlib import Path

import marked
import state_table
import tree

MODEL = "stress/model/state_transitions.pml"
HEAD = """/* SPDX-License-Identifier: MIT */
/*
 * Written by `./dev docs` from runtime/core/state_word.h; `./dev lint` fails when they differ.
 *
 * ROW(operation, flags before, count before, answer, duty, flags after, count after)
 */
"""


def flag_values(header_text):
    """[(name without STATE_, value)] of the flags of the word."""
    found = re.findall(r"\bSTATE_(\w+) = 1 << (\d+)\b", tree.without_comments(header_text))
    if not found:
        raise marked.Problem(f"{state_table.HEADER}: there is no flag STATE_… = 1 << …")
    return [(name, 1 << int(shift)) for name, shift in found]


def enum_values(header_text, enum, first):
    """[(name without STATE_, value)] of an enum, counted from first."""
    found = re.search(rf"\benum {enum} \{{(.*?)\}}", tree.without_comments(header_text), re.DOTALL)
    if not found:
        raise marked.Problem(f"{state_table.HEADER}: there is no enum {enum}")
    return [(name, number) for number, name in enumerate(re.findall(r"\bSTATE_(\w+)", found.group(1)), first)]


def render(header_text):
    # Answers from 1, so that 0 is no answer; duties from 0, which is none.
    constants = [*flag_values(header_text), *enum_values(header_text, "state_answer", 1),
                 *enum_values(header_text, "state_duty", 0)]
    rows = [", ".join(field.removeprefix("STATE_") for field in row) for row in state_table.rows(header_text)]
    return HEAD + "".join(f"#define {name} {value}\n" for name, value in constants) + \
        "\n#define STATE_TRANSITIONS(ROW) \\\n" + " \\\n".join(f"    ROW({row})" for row in rows) + "\n"


def main(arguments):
    if not arguments or arguments[0] not in ("--check", "--write"):
        print(__doc__)
        return 2
    root = Path(arguments[1]).resolve() if len(arguments) > 1 else tree.ROOT
    model = root / MODEL
    try:
        wanted = render((root / state_table.HEADER).read_text(encoding="utf-8"))
    except marked.Problem as problem:
        print(problem)
        return 1
    if arguments[0] == "--write":
        model.write_text(wanted, encoding="utf-8")
    elif not model.is_file() or model.read_text(encoding="utf-8") != wanted:
        print(marked.difference(MODEL, model.read_text(encoding="utf-8") if model.is_file() else "", wanted))
        print(f"{MODEL} is not up to date: `./dev docs` writes it anew")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
