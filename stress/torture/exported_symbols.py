# SPDX-License-Identifier: MIT
"""safehandle.map as C: exported_symbols.py MAP OUTPUT."""
import re
import sys
from pathlib import Path

text = re.sub(r"/\*.*?\*/", "", Path(sys.argv[1]).read_text(encoding="utf-8"), flags=re.DOTALL)
names = re.findall(r"\w+(?=;)", text.partition("global:")[2].partition("local:")[0])
rows = "".join(f'    "{name}",\n' for name in names)
Path(sys.argv[2]).write_text('#include "fault_case.h"\n\n'
                             f"const char *const fault_exported_symbols[] = {{\n{rows}    NULL,\n}};\n",
                             encoding="utf-8")
