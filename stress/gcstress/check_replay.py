# SPDX-License-Identifier: MIT
"""The file of a failure: what is in it, what is replayed, and what is refused."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Checks  # noqa: E402

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
SEED = 7
FILE = pathlib.Path("recycling-intptr.schedule")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def replayed(checks, name, *arguments):
    """The result; the violation has to come again."""
    done = run("replay", FILE, "--json", *arguments)
    checks.check(done.returncode == 1, f"{name}: the violation comes again", f"{done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["results"][0] if done.stdout else {}


def read():
    return json.loads(FILE.read_text(encoding="utf-8"))


def write(content):
    FILE.write_text(json.dumps(content), encoding="utf-8")


def check_file(checks):
    done = run("explore", "recycling", "--approach=intptr", f"--seed={SEED}", "--json")
    found, content = json.loads(done.stdout)["results"][0], read()
    told = {name: content.get(name) for name in ("scenario", "approach", "violation", "seed")}
    checks.check(told == {"scenario": "recycling", "approach": "intptr", "violation": found["violation"], "seed": SEED},
                 "a failure leaves a file with scenario, approach, violation and seed", told)
    checks.check(content["choices"], "and with its schedule", content)


def check_replay(checks):
    content = read()
    result = replayed(checks, "replay", "--times=3")
    checks.check(result.get("violation") == content["violation"] and result.get("seed") == SEED, "replay: with its seed", result)
    smaller = replayed(checks, "replay --shrink", "--shrink")
    checks.check(read()["seed"] == SEED and smaller.get("switches") <= result.get("switches"),
                 "replay --shrink: no more switches, and the seed is kept", read())
    del content["seed"]
    write(content)
    checks.check(replayed(checks, "a file without a seed").get("seed") == 0, "a file without a seed: it is not known")


def check_refusals(checks):
    content = read()
    for name, wrong, words in [
        ("another format", {"gcstress": 2}, "no schedule of gcstress"),
        ("a seed that is a text", {"seed": "7"}, "no schedule of gcstress"),
        ("a seed below 0", {"seed": -1}, "a seed is not below 0"),
        ("a scenario that there is not", {"scenario": "no-such"}, "there is no scenario no-such"),
        ("a choice that is none", {"choices": [[2, 2]]}, "choice 0 is none"),
    ]:
        write(content | wrong)
        done = run("replay", FILE)
        checks.check(done.returncode == 2 and words in done.stderr, f"{name} is refused", f"{done.returncode}: {done.stderr}")


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for check in (check_file, check_replay, check_refusals):
            check(checks)
    checks.finish()


main()
