# SPDX-License-Identifier: MIT
"""The manual page names the commands of `gcstress --help`, and of each the options of its own --help, no more and no less."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

PROGRAM = sys.argv[1]
PAGE = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
OF_EVERY_PROGRAM = {"--help", "--usage", "--version"}
OPTION = r"\*(--[a-z-]+)\*(=?)(?:_[A-Z]+_)?" # and whether it has a value


def printed(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


def helped(command):
    """The command's options as --help has them, each with whether it has a value."""
    found = re.findall(r"^ +(?:-.,)? +(--[a-z-]+)(=?)", printed(command, "--help"), re.MULTILINE)
    return {(name, value) for name, value in found if name not in OF_EVERY_PROGRAM}


def section(title):
    """The text below a heading, up to the next one that is not deeper."""
    level = title.split(" ", 1)[0]
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def in_synopsis():
    """Each command's options, by its name."""
    parts = re.split(r"^\*gcstress ([a-z]+)\*", section("# SYNOPSIS"), flags=re.MULTILINE)[1:]
    return {command: set(re.findall(OPTION, text)) for command, text in zip(parts[::2], parts[1::2])}


def described(text):
    """Those that have a paragraph."""
    return set(re.findall(rf"^{OPTION}$", text, re.MULTILINE))


def main():
    checks = Checks()
    commands = re.findall(r"^  ([a-z]+)  ", printed("--help"), re.MULTILINE)
    synopsis, output = in_synopsis(), described(section("# OUTPUT"))
    checks.check(len(commands) >= 3 and sorted(synopsis) == sorted(commands), "the synopsis has each command",
                 f"--help {commands}\nsynopsis {sorted(synopsis)}")
    for command in commands:
        own, there = described(section(f"## {command}")), synopsis.get(command, set())
        checks.check(helped(command) == there, f"{command}: the synopsis has its options",
                     f"not in the synopsis {helped(command) - there}\nnot in --help {there - helped(command)}")
        checks.check(there <= own | output and own <= there, f"{command}: each is described",
                     f"not described {there - own - output}\nnot in the synopsis {own - there}")
    checks.finish()


main()
