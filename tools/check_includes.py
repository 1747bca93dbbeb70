#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The include graph of the house: each file knows its room, and arrows point one way.

The two tables below are the only place where the arrows are written down. A new arrow is a new word in a row; the
check of the table itself refuses one that points upwards. docs/architecture.md quotes the first one.

    check_includes.py [ROOT]           exit 1 when a file includes what it may not
    check_includes.py --write [ROOT]   renders ROOMS between the marker comments of docs/architecture.md
"""
import re
import sys
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from posixpath import normpath

import marked
import tree

PUBLIC = "include"

# Each room, and the rooms whose headers it may include, from the ground up: a row may name only rows above it.
# A room inside a room (gc/boehm) is private to itself. Room of a single file: the file's name.
ROOMS = {
    PUBLIC: [],
    "base": [],
    "core": ["base"],
    "platform": ["base", PUBLIC],
    "event": ["base", "platform", PUBLIC],
    "contract": ["base", "platform", "event", PUBLIC],
    "gc": ["base", "platform", "event", PUBLIC],
    "gc/boehm": ["base", "platform", "event", "contract", "gc", PUBLIC],
    "gc/manual": ["base", "platform", "event", "gc", PUBLIC],
    "thread": ["base", "platform", "gc", PUBLIC],
    "domain": ["base", "platform", "gc", "thread", PUBLIC],
    "finalization": ["base", "platform", "event", "gc", "thread", "domain", PUBLIC],
    "handle": ["base", "core", "platform", "event", "contract", "gc", "thread", "domain", "finalization", PUBLIC],
    "unload": ["base", "core", "platform", "event", "gc", "thread", "domain", "finalization", "handle", PUBLIC],
    "ffi": ["base", "platform", "gc", "thread", "handle", PUBLIC],
    "region": ["base", "platform", "gc", "thread", "handle", PUBLIC],
    "status.c": [PUBLIC],
    "runtime.c": ["base", "platform", "event", "contract", "gc", "thread", "domain", "finalization", "handle", "unload",
                  PUBLIC],
}

# Words that leave no trace in an object file: the one public header for every room.
FOR_ALL = "safehandle/contract.h"

EVERY_ROOM = list(ROOMS)
ALL_BUT_CORE = [room for room in ROOMS if room not in ("core", PUBLIC)]
NOBODY = []
POSIX = "the operating system is reached through platform/platform.h"

# Headers from outside: pattern, the rooms or files that may include it, why no other. The first match counts.
OUTSIDE = [
    ("stdbool.h", EVERY_ROOM, ""),
    ("stddef.h", EVERY_ROOM, ""),
    ("stdint.h", EVERY_ROOM, ""),
    ("errno.h", ALL_BUT_CORE, "core and the public headers know no system"),
    ("inttypes.h", ALL_BUT_CORE, "core needs only its word"),
    ("limits.h", ALL_BUT_CORE, "core needs only its word"),
    ("string.h", ALL_BUT_CORE, "core needs only its word"),
    ("stdarg.h", ["event", "ffi/explain.c"], "only events and refused calls are put into words"),
    ("stdio.h", ["event", "platform/posix/symbol.c", "ffi/explain.c"], "only events and refused calls are put into words"),
    ("stdlib.h", ["platform", "gc/manual", "contract/allocation.c"], "memory comes from the host (gc/gc_host.h) or from platform pages"),
    ("assert.h", ["base/assert.h"], "use ASSERT of base/assert.h"),
    ("atomic_ops.h", ["base/atomic.h"], "every other file names the order it needs through base/atomic.h"),
    ("atomic_ops*", NOBODY, "atomic_ops_stack.h and atomic_ops_malloc.h are GPL"),
    ("stdatomic.h", NOBODY, "atomics are those of base/atomic.h"),
    ("threads.h", NOBODY, "threads are those of platform/platform.h"),
    ("gc/*", ["gc/boehm"], "only the Boehm host knows the collector"),
    ("gc.h", ["gc/boehm"], "only the Boehm host knows the collector"),
    ("ffi.h", ["ffi/invoke.c"], "only invoke.c knows libffi"),
    ("uthash.h", ["gc/manual"], "only the manual host keeps a hash table of objects"),
    ("dlfcn.h", ["platform"], POSIX),
    ("signal.h", ["platform", "gc/boehm"], POSIX),
    ("pthread.h", ["platform"], POSIX),
    ("semaphore.h", ["platform"], POSIX),
    ("unistd.h", ["platform"], POSIX),
    ("fcntl.h", ["platform"], POSIX),
    ("time.h", ["platform"], POSIX),
    ("poll.h", ["platform"], POSIX),
    ("sched.h", ["platform"], POSIX),
    ("dlfcn.h", ["platform"], POSIX),
    ("execinfo.h", ["platform"], POSIX),
    ("link.h", ["platform"], POSIX),
    ("sys/*", ["platform"], POSIX),
    ("linux/*", ["platform"], POSIX),
    ("*", NOBODY, "it is in no row of OUTSIDE in tools/check_includes.py: add one that says which room needs it"),
]

# Programs that stand outside the house, and what of the collector they may include.
OUTDOORS = {"stress": ["gc.h", "gc/*"], "docs/examples": ["gc/gc.h"], "bindings": [], "packaging": []}

# The places outside that step in between our own steps, and the headers of ours that they may open for that.
INSIDERS = {
    "stress/torture": ["base/checkpoint.h", "core/state_word.h", "handle/handle.h"],
    "stress/gcstress/baton": ["platform/platform.h"],
    "stress/gcstress/door": ["base/checkpoint.h"],
    "stress/gcstress/run": ["gc/gc_host.h"],
}

SPACE = r"[ \t\f\v]*"
INCLUDE = re.compile(rf'^{SPACE}(?:#|%:){SPACE}(?:include|include_next|import)\b{SPACE}(?:"([^"\n]*)"|<([^>\n]*)>|(.*))',
                     re.MULTILINE)
CONTINUED = re.compile(r"(?:[^\n]*\\[ \t]*\n)+[^\n]*\n?")
TRIGRAPHS = (("??=", "#"), ("??/", "\\"))


def check_tables():
    """A room may be named only below the row that makes it: so the arrows can have no circle."""
    above = []
    for room, allowed in ROOMS.items():
        for target in allowed:
            if target not in above:
                yield f"tools/check_includes.py: the arrow {room} -> {target} does not point downwards"
        above.append(room)
    for pattern, allowed, _ in OUTSIDE:
        for place in allowed:
            if place not in ROOMS and place.split("/")[0] not in ROOMS:
                yield f"tools/check_includes.py: {pattern}: there is no room {place}"


def room_of(path):
    """The room of a path below runtime/: the longest row that it lies in; None where there is none."""
    candidates = [room for room in ROOMS if path == room or path.startswith(room + "/")]
    return max(candidates, key=len, default=None)


def is_test(path):
    return path.endswith(("_test.c", "_test.h")) or "testing" in PurePosixPath(path).parts


def spliced(source):
    """As the preprocessor sees it before it looks for comments and directives. Every logical line begins where it did:
    the newlines that a continued line loses come after it."""
    for trigraph, meant in TRIGRAPHS:
        source = source.replace(trigraph, meant)

    def join(match):
        whole, breaks = re.subn(r"\\[ \t]*\n", "", match.group())
        return whole + "\n" * breaks
    return CONTINUED.sub(join, source)


def includes(source):
    """(line, header, quoted) for each include; header is None when a macro names it."""
    source = tree.without_comments(spliced(source))
    for match in INCLUDE.finditer(source):
        line = source.count("\n", 0, match.start()) + 1
        quoted, angled, _ = match.groups()
        yield line, quoted if quoted is not None else angled, quoted is not None


def names(rooms):
    return ", ".join(rooms) if rooms else "nothing"


def outside_violation(header, room, path):
    """What is wrong with including a header from outside in this room; None when nothing is."""
    _, allowed, why = next(row for row in OUTSIDE if fnmatch(header, row[0]))
    if room in allowed or path in allowed:
        return None
    places = f"allowed in: {names(allowed)}" if allowed else "allowed nowhere"
    return f"{room} -> <{header}>: {places} ({why})" if why else f"{room} -> <{header}>: {places}"


def room_violation(target, room):
    """What is wrong with an arrow from room to the header at target, a path below runtime/."""
    target_room = room_of(target)
    if target_room == room or target_room in ROOMS[room]:
        return None
    return f'{room} -> {target_room or target} ("{target}"); {room} may include: {names(ROOMS[room])}'


class House:
    """The check of one tree."""

    def __init__(self, root):
        self.root = root

    def is_public(self, header):
        return (self.root / "include" / header).is_file()

    def is_inside(self, header):
        return (self.root / "runtime" / header).is_file()

    def indoors(self, path, header, quoted):
        """One include of a file below runtime/."""
        room = room_of(path)
        if room is None:
            return f"runtime/{path} is in no room: give it a row in ROOMS of tools/check_includes.py"
        if header.startswith("safehandle"):
            return self.to_public(room, header, quoted)
        if quoted:
            return room_violation(header, room) if self.is_inside(header) else \
                f'"{header}" is not below runtime/: write the path from there, and headers from outside in <>'
        if self.is_inside(header):
            return f"<{header}> finds our own runtime/{header}: the compiler looks there first"
        return outside_violation(header, room, path)

    def misnamed(self, path, header, quoted):
        """What is wrong with the name alone: through such a one, a header comes in that no row was asked about."""
        ours = quoted or header.startswith("safehandle")
        outdoors = not path.startswith(("include/", "runtime/"))
        if ours and not header.endswith(".h"):
            return f'"{header}" does not end in .h: what it includes is not looked at'
        if normpath(header) != header and not (quoted and outdoors):
            return f'"{header}": write the shortest path'
        if ours and is_test(header) and not is_test(path):
            return f'"{header}" belongs to the tests'
        return None

    def to_public(self, room, header, quoted):
        if quoted or not self.is_public(header):
            return f"there is no public header <{header}>"
        if room == PUBLIC or PUBLIC in ROOMS[room] or header == FOR_ALL:
            return None
        return f"{room} -> <{header}>; {room} may include: {names(ROOMS[room])}"

    def in_test(self, header, quoted):
        """Tests may open every room, but not by an ambiguous name."""
        if quoted and not self.is_inside(header):
            return f'"{header}" is not below runtime/'
        return None

    def in_public(self, header, quoted):
        if header.startswith("safehandle"):
            return self.to_public(PUBLIC, header, quoted)
        if quoted:
            return f'"{header}": a public header includes others as <safehandle/…>'
        return outside_violation(header, PUBLIC, "")

    def outdoors(self, file, top, header, quoted):
        """One include of a program that uses the library as everybody else would."""
        if header.startswith("safehandle"):
            return self.to_public(PUBLIC, header, quoted)
        if quoted and self.is_inside(header):
            return self.opened(file, top, header)
        if quoted:
            places = [(base / header).resolve() for base in (file.parent, self.root / top)]
            inside = any(p.is_file() and p.is_relative_to(self.root / top) for p in places)
            return None if inside else f'{top} -> "{header}": not below {top}/; it may include its own and <safehandle…>'
        if any(fnmatch(header, pattern) for pattern in OUTDOORS[top]):
            return None
        if self.is_inside(header) or fnmatch(header, "gc/*") or header == "gc.h":
            return f"{top} -> <{header}>; {top} may include of ours: <safehandle…> only"
        return None

    def opened(self, file, top, header):
        """An include of our own header by a program outside."""
        place = file.parent.relative_to(self.root).as_posix()
        allowed = INSIDERS.get(place, [])
        return None if header in allowed else f'{top} -> "{header}": {place} may open: {names(allowed)}'

    def arrow(self, file, path, header, quoted):
        if path.startswith("include/"):
            return self.in_public(header, quoted)
        if path.startswith("runtime/"):
            inner = path.removeprefix("runtime/")
            return self.in_test(header, quoted) if is_test(inner) else self.indoors(inner, header, quoted)
        top = next((top for top in OUTDOORS if path.startswith(top + "/")), None)
        return self.outdoors(file, top, header, quoted) if top else None

    def violation(self, file, header, quoted):
        if header is None:
            return "an include that a macro names cannot be checked"
        path = file.relative_to(self.root).as_posix()
        return self.arrow(file, path, header, quoted) or self.misnamed(path, header, quoted)

    def check(self, file):
        for line, header, quoted in includes(file.read_text(encoding="utf-8")):
            problem = self.violation(file, header, quoted)
            if problem:
                yield f"{file.relative_to(self.root)}:{line}: {problem}"


def quote(root, write):
    """Compares the quotation in docs/architecture.md with ROOMS, or writes it."""
    rows = [[f"`{room}`", names(allowed)] for room, allowed in ROOMS.items()]
    marked.renew(root, "docs/architecture.md", "rooms", marked.table(["room", "may include"], rows), write)


def check_quotation(root):
    try:
        quote(root, write=False)
    except marked.Problem as problem:
        yield str(problem)


def check(root):
    """(violations, number of files read)"""
    house = House(root)
    sources = tree.files(root, ".c", ".h", ".cc", ".cpp", ".hpp")
    arrows = (violation for file in sources for violation in house.check(file))
    return [*check_tables(), *arrows, *check_quotation(root)], len(sources)


def main(arguments):
    write = "--write" in arguments
    root = Path(next((a for a in arguments if a != "--write"), tree.ROOT)).resolve()
    if not write:
        return tree.finish("check_includes", *check(root))
    try:
        quote(root, write=True)
    except marked.Problem as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
