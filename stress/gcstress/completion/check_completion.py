# SPDX-License-Identifier: MIT
"""What bash is told when somebody types after gcstress and presses Tab; and that zsh and fish can read their files."""
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
from tap import Checks  # noqa: E402

PROGRAM = sys.argv[1]

# The words come as the shell has split them: "=" is one of its own. The last is the one that the cursor is behind.
ASK = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_gcstress
printf '%s\\n' "${COMPREPLY[@]}"
"""


def told(*words):
    done = subprocess.run(["bash", "-uc", ASK, "bash", HERE / "gcstress.bash", PROGRAM, *words], capture_output=True,
                          text=True)
    assert done.returncode == 0 and done.stderr == "", done
    return sorted(done.stdout.split())


def printed(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


def long_options(command):
    """With "=" behind those that have a value."""
    found = re.findall(r"^ +(?:-.,)? +(--[a-z-]+)\[?(=?)", printed(command, "--help"), re.MULTILINE)
    return sorted(name + equals for name, equals in found)


def check_bash(checks):
    rows = [line.split() for line in printed("list", "--names").splitlines()]
    scenarios = sorted(row[0] for row in rows)
    approaches = sorted({name for row in rows for name in row[1:]})
    commands = re.findall(r"^  ([a-z]+)  ", printed("--help"), re.MULTILINE)
    checks.check(len(commands) >= 3 and len(scenarios) >= 2 and "intptr" in approaches, "the program names all")
    checks.check(told("") == sorted([*commands, "--help", "--version"]), "commands", told(""))
    checks.check(told("expl") == ["explore"], "a command that was begun", told("expl"))
    for command in commands:
        checks.check(told(command, "--") == long_options(command), f"{command}: its options", told(command, "--"))
    checks.check(told("explore", "") == scenarios, "explore: scenarios", told("explore", ""))
    checks.check(told("explore", "--json", "recyc") == ["recycling"], "behind an option", told("explore", "--json", "r"))
    checks.check(told("explore", "--approach", "=") == approaches, "approaches", told("explore", "--approach", "="))
    checks.check(told("explore", "--approach", "=", "int") == ["intptr"], "an approach that was begun")
    checks.check(told("explore", "--approach", "int") == ["intptr"], "an approach without the equals sign")
    checks.check(told("explore", "--seed", "=") == [], "nothing where a number is due", told("explore", "--seed", "="))
    folder, file = str(HERE), str(HERE / "gcstress.bash")
    checks.check(told("replay", file[:-2]) == [file], "replay: files", told("replay", file[:-2]))
    checks.check(told("explore", "--save", "=", folder[:-2]) == [folder], "a directory where one is due")
    checks.check(told("list", "") == [], "list: nothing")


def check_form(checks, shell, *command):
    name = f"{shell} can read its file"
    if shutil.which(shell) is None:
        checks.skip(name, f"{shell} is not installed")
        return
    done = subprocess.run([shell, *command], capture_output=True, text=True)
    checks.check(done.returncode == 0 and done.stderr == "", name, done.stderr)


def main():
    checks = Checks()
    check_bash(checks)
    check_form(checks, "zsh", "-n", HERE / "_gcstress")
    check_form(checks, "fish", "--no-execute", HERE / "gcstress.fish")
    checks.finish()


main()
