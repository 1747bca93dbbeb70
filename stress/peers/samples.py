# SPDX-License-Identifier: MIT
"""What a peer's program prints, and what becomes of it.

Each line is a word and its values:

    version TEXT
    alone XADD THEIRS        one turn each of one thread: ns for a pair of atomic additions, and for a pair of theirs
    contended XADD THEIRS    the same with two threads on the same counter and the same handle
    open_close RAW WRAPPED   ns to open and close a descriptor, and one wrapped in a handle of theirs
    finalize NS              processor time from dropped to released, for each object
"""
from statistics import median, quantiles

PAIRS = ("alone", "contended", "open_close")


def read(text):
    """{word: [values of each line]}; raises ValueError at a line that is none of these."""
    found = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        values = (rest,) if word == "version" else tuple(float(value) for value in rest.split())
        if word not in ("version", "finalize", *PAIRS) or len(values) != (2 if word in PAIRS else 1):
            raise ValueError(f"this says nothing: {line!r}")
        found.setdefault(word, []).append(values)
    return found


def spread(ratios):
    """From where to where the middle half of them lies: beyond, there are turns that something else cut in two."""
    quarters = quantiles(ratios, n=4) if len(ratios) > 1 else ratios
    return [round(quarters[0], 3), round(quarters[-1], 3)]


def summary_of_ratios(name, pairs):
    """Each turn is divided by the one beside it: whatever slows the machine down slows both."""
    xadd = "xadd_ns" if name == "alone" else f"xadd_{name}_ns"
    if not pairs:
        return {name: None, f"{name}_ns": None, xadd: None, f"{name}_spread": None}
    ratios = [theirs / own for own, theirs in pairs]
    return {
        name: round(median(ratios), 3),
        f"{name}_ns": round(median(theirs for _, theirs in pairs), 2),
        xadd: round(median(own for own, _ in pairs), 2),
        f"{name}_spread": spread(ratios),
    }


def summary(found):
    """The figures of one peer, all its launches together."""
    figures = summary_of_ratios("alone", found.get("alone", []))
    figures |= summary_of_ratios("contended", found.get("contended", []))
    if "open_close" in found:
        figures["open_close_added_ns"] = round(median(wrapped - raw for raw, wrapped in found["open_close"]), 1)
    if "finalize" in found:
        figures["finalize_ns"] = round(median(ns for ns, in found["finalize"]), 1)
    return figures
