# SPDX-License-Identifier: MIT
"""The names of the library's checkpoints as C: checkpoint_names.py RUNTIME-DIRECTORY OUTPUT."""
import re
import sys
from pathlib import Path

names = set()
for source in Path(sys.argv[1]).rglob("*.[ch]"):
    if not source.stem.endswith("_test") and "testing" not in source.parts:
        names.update(re.findall(r'^[^/*\n]*\b(?:CHECKPOINT|FAILS_HERE)\("([^"]+)"\)', source.read_text(encoding="utf-8"),
                                re.MULTILINE))
rows = "".join(f'    "{name}",\n' for name in sorted(names))
Path(sys.argv[2]).write_text(f'#include "roll.h"\n\nconst char *const roll_names[] = {{\n{rows}    NULL,\n}};\n',
                             encoding="utf-8")
