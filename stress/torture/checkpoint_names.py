# SPDX-License-Identifier: MIT
"""The names of the library's checkpoints as C: checkpoint_names.py OUTPUT HEADER ARRAY DIRECTORY…"""
import re
import sys
from pathlib import Path

PLACE = re.compile(r'^[^/*\n]*\b(?:CHECKPOINT|FAILS_HERE|SH_INLINE_POINT)\("([^"]+)"\)', re.MULTILINE)
names = set()
for source in (source for directory in sys.argv[4:] for source in Path(directory).rglob("*.[ch]")):
    if not source.stem.endswith("_test") and "testing" not in source.parts:
        names.update(PLACE.findall(source.read_text(encoding="utf-8")))
rows = "".join(f'    "{name}",\n' for name in sorted(names))
Path(sys.argv[1]).write_text(f'#include "{sys.argv[2]}"\n#include <stddef.h>\n\n'
                             f'const char *const {sys.argv[3]}[] = {{\n{rows}    NULL,\n}};\n', encoding="utf-8")
