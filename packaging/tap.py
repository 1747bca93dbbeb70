# SPDX-License-Identifier: MIT
"""What the tests of packaging share: cases in the TAP format, and running a command."""
import os
import re
import shlex
import subprocess
import sys
import traceback
from pathlib import Path

SOURCE = Path(os.environ["SOURCE"])
BUILD = Path(os.environ["BUILD"])
CC = shlex.split(os.environ["CC"])


class Skip(Exception):
    """Raised by a case that cannot run here, with the reason."""


def run(*command, **options):
    """What the command printed; AssertionError with all it said when it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}exit status {done.returncode}"
    return done.stdout


def gcstress():
    """The path of libgcstress, where it is built."""
    if not os.environ["GCSTRESS"]:
        raise Skip("gcstress is not built: it needs the Boehm host and jansson")
    return os.environ["GCSTRESS"]


def exported():
    """The symbols of safehandle.map, in its order."""
    text = (SOURCE / "runtime" / "safehandle.map").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.findall(r"\w+(?=;)", text.partition("global:")[2].partition("local:")[0])


def same(found, wanted, found_in, wanted_in):
    """Two lists of names, as sets."""
    extra, lacking = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
    assert not extra, f"in {found_in} but not in {wanted_in}: {', '.join(extra)}"
    assert not lacking, f"in {wanted_in} but not in {found_in}: {', '.join(lacking)}"


def one(number, case):
    name = case.__name__.removeprefix("test_").replace("_", " ")
    try:
        case()
    except Skip as why:
        print(f"ok {number} - {name} # SKIP {why}")
    except Exception:  # a case that fails in any way is a failed case, and the others still run
        print(f"not ok {number} - {name}")
        print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
        return False
    else:
        print(f"ok {number} - {name}")
    return True


def main(cases):
    """Runs every function whose name begins with test_."""
    cases = [case for name, case in cases.items() if name.startswith("test_")]
    print(f"1..{len(cases)}")
    results = [one(number, case) for number, case in enumerate(cases, 1)]
    sys.exit(0 if all(results) else 1)
