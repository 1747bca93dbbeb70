#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the programs that pages show equal to the ones that the tests run.

    quote_examples.py --check [ROOT]   exit 1 when a page shows another program
    quote_examples.py --write [ROOT]   writes them anew between the marker comments of the pages
"""
import sys
from pathlib import Path

import marked
import tree

# Page, and the program that it shows.
QUOTED = [
    ("README.md", "docs/examples/quickstart.c"),
    ("docs/ffi.md", "docs/examples/ffi.c"),
    ("docs/domains.md", "docs/examples/domain.c"),
    ("docs/regions.md", "docs/examples/region.c"),
    ("docs/contracts.md", "packaging/consumer/broken_release.c"),
    ("docs/gcstress.md", "packaging/consumer/stressed.c"),
]


def quotation(root, program):
    """The program without its licence line, which the reader does not need twice."""
    lines = (root / program).read_text(encoding="utf-8").splitlines()
    return "\n".join(["```c", *(line for line in lines if "SPDX-License-Identifier" not in line), "```"])


def main(arguments):
    if not arguments or arguments[0] not in ("--check", "--write"):
        print(__doc__)
        return 2
    root = Path(arguments[1]).resolve() if len(arguments) > 1 else tree.ROOT
    problems = 0
    for page, program in QUOTED:
        try:
            marked.renew(root, page, program, quotation(root, program), write=arguments[0] == "--write")
        except marked.Problem as problem:
            print(problem)
            problems += 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
