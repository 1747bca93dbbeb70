#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every relative link in a Markdown page leads to a file of the tree, and every #part of it to a heading."""
import re
import sys
from urllib.parse import unquote

import tree

INLINE = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)")
ATTRIBUTE = re.compile(r"\b(?:src|href)=\"([^\"]+)\"")
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
FENCE = re.compile(r"^\s*(```|~~~)")


def prose(text):
    """(line number, line) outside code, with code spans blanked."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, re.sub(r"`[^`]*`", "", line)


def links(text):
    for number, line in prose(text):
        for pattern in (INLINE, DEFINITION, ATTRIBUTE):
            yield from ((number, target) for target in pattern.findall(line))


def anchor(heading):
    """The name that a page gives a heading: lower case, words joined by hyphens, no punctuation."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


def anchors(text):
    fenced, found, seen = False, set(), {}
    for line in text.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        match = None if fenced else HEADING.match(line)
        if match:
            name = anchor(match.group(1))
            seen[name] = seen.get(name, -1) + 1
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
        found.update(re.findall(r"\b(?:id|name)=\"([^\"]+)\"", line))
    return found


def broken(root, page, target):
    """Why the link leads nowhere; None when it leads somewhere or outside the tree."""
    if SCHEME.match(target) or target.startswith("//"):
        return None
    path, _, part = unquote(target).partition("#")
    if path.startswith("/"):
        return "not relative"
    place = (page.parent / path).resolve() if path else page
    if not place.is_relative_to(root):
        return "leaves the tree"
    if not place.exists():
        return "no such file"
    if part and place.suffix == ".md" and part not in anchors(place.read_text(encoding="utf-8")):
        return f"no heading #{part} there"
    return None


def check(root):
    violations, pages = [], tree.files(root, ".md")
    for page in pages:
        for line, target in links(page.read_text(encoding="utf-8")):
            why = broken(root, page, target)
            if why:
                violations.append(f"{page.relative_to(root)}:{line}: ({target}): {why}")
    return violations, len(pages)


if __name__ == "__main__":
    sys.exit(tree.finish("check_links", *check(tree.root_argument())))
