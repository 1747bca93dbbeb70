# SPDX-License-Identifier: MIT
"""A part of a page that is written by machine, between two marker comments."""

END = "<!-- until here -->"


class Problem(Exception):
    """Said to a person, as it is."""


def begin(name):
    return f"<!-- `./dev docs` writes: {name} -->"


def table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def difference(page_name, old, new):
    for number, (was, should) in enumerate(zip(old.splitlines() + [""], new.splitlines() + [""]), 1):
        if was != should:
            return f"{page_name}:{number}: is        {was}\n{page_name}:{number}: should be {should}"
    return f"{page_name}: has lines too many or too few"


def renew(root, page_name, name, content, write):
    """Compares the marked part with content, or writes it. Raises Problem when it differs or has no place."""
    page = root / page_name
    markers = f"the lines\n    {begin(name)}\n    {END}"
    if not page.is_file():
        raise Problem(f"{page_name} is missing: write it, with {markers}")
    old = page.read_text(encoding="utf-8")
    start = old.find(begin(name))
    end = old.find(END, start)
    if start < 0 or end < 0:
        raise Problem(f"{page_name}: the place of {name} is not marked: write {markers}")
    new = f"{old[:start]}{begin(name)}\n\n{content}\n\n{old[end:]}"
    if write:
        page.write_text(new, encoding="utf-8")
    elif old != new:
        raise Problem(f"{difference(page_name, old, new)}\n{page_name} is not up to date: `./dev docs` writes it anew")
