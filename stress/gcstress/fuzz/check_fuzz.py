# SPDX-License-Identifier: MIT
"""gcstress fuzz: the corpus and other inputs find nothing, planted faults are found, and a failure comes again.

    check_fuzz.py GCSTRESS PLANTED CORPUS
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
from tap import Checks  # noqa: E402

GCSTRESS, PLANTED, CORPUS = sys.argv[1:]
RANDOM_RUNS, PLANTED_RUNS, REPLAYS = 2000, 50000, 100
FAULTS = ["pending-is-success", "refused-is-success", "released-twice", "lease-stays", "errno-is-lost",
          "invalid-is-closed", "crash"]
RESULT = {"scenario", "approach", "retells", "never", "runs", "operations", "states", "kept", "seconds", "found"}
FAILURE = {"violation", "tale", "file", "replay"}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def results(done):
    return json.loads(done.stdout)["results"] if done.returncode in (0, 1) else []


def check_nothing(checks, name, done):
    found = [result for result in results(done) if result["found"]]
    checks.check(done.returncode == 0 and not found, name, found[:1] or done.stderr)


def check_sound(checks, folder):
    done = run(GCSTRESS, "fuzz", "--json", f"--input={CORPUS}")
    check_nothing(checks, "no input of the corpus finds anything", done)
    told = results(done)
    checks.check(len(told) == len(list(pathlib.Path(CORPUS).iterdir())) > 20, "each of them was run", len(told))
    checks.check(all(set(result) == RESULT for result in told), "every result has its members", told[:1])

    first = run(GCSTRESS, "fuzz", "--json", f"--runs={RANDOM_RUNS}", "--seed=5", f"--save={folder}")
    check_nothing(checks, f"nor do {RANDOM_RUNS} inputs of its own", first)
    again = run(GCSTRESS, "fuzz", "--json", f"--runs={RANDOM_RUNS}", "--seed=5", f"--save={folder}")
    same = [[result[member] for member in ("runs", "operations", "states", "kept")]
            for done in (first, again) for result in results(done)]
    checks.check(len(same) == 2 and same[0] == same[1], "the same seed gives the same runs", same)
    checks.check(same[0][0] == RANDOM_RUNS and same[0][1] > RANDOM_RUNS and same[0][2] > 1000,
                 "they do something, and reach states", same)


def check_any_bytes(checks, folder):
    dice = random.Random(1)
    for size in (0, 1, 2, 3, 7, 64, 255, 256, 257, 5000):
        (folder / f"{size:04}").write_bytes(dice.randbytes(size))
    check_nothing(checks, "bytes of any number are an input", run(GCSTRESS, "fuzz", "--json", f"--input={folder}"))


def check_fault(checks, fault, folder):
    done = run(PLANTED, fault, "fuzz", "--json", "--shrink", f"--runs={PLANTED_RUNS}", f"--save={folder}")
    told = results(done)
    if not checks.check(done.returncode == 1 and len(told) == 1 and told[0]["found"], f"{fault}: it is found",
                        done.stdout[-2000:] + done.stderr):
        return None
    result, = told
    checks.check(set(result) == RESULT | FAILURE, f"{fault}: the failure has its members", sorted(result))
    path = pathlib.Path(result["file"])
    checks.check(result["replay"].endswith(f" fuzz --input {path}"), f"{fault}: it says how to run it again", result["replay"])
    checks.check(path.is_file() and path.parent == folder, f"{fault}: its input is saved", path)
    checks.check(path.stat().st_size <= 24, f"{fault}: and small", path.stat().st_size)
    lines = [line["text"] for line in result["tale"]["lines"] if line["told"]]
    checks.check(fault == "crash" or len(lines) > 1, f"{fault}: the tale tells of calls", result["tale"])
    return result


def check_replay(checks, result, folder):
    """One file, run many times, each in a process of its own."""
    given = pathlib.Path(result["file"]).read_bytes()
    for number in range(REPLAYS):
        (folder / str(number)).write_bytes(given)
    done = run(PLANTED, FAULTS[0], "fuzz", "--json", f"--input={folder}")
    told = results(done)
    same = [again["violation"] == result["violation"] and again["tale"] == result["tale"] for again in told]
    checks.check(len(same) == REPLAYS and all(same), f"{REPLAYS} replays tell the same", (done.returncode, same))
    check_nothing(checks, "without the fault there is no violation",
                  run(GCSTRESS, "fuzz", "--json", f"--input={result['file']}"))
    done = run(PLANTED, FAULTS[0], "fuzz", f"--input={result['file']}")
    checks.check(done.returncode == 1 and result["violation"] in done.stdout and "sh_close" in done.stdout,
                 "a person is told of it, too", done.stdout)


def check_shrinking(checks, result, folder):
    path = folder / "long"
    path.write_bytes(pathlib.Path(result["file"]).read_bytes() + bytes(100))
    done = run(PLANTED, FAULTS[0], "fuzz", "--json", "--shrink", f"--input={path}")
    checks.check(done.returncode == 1 and path.stat().st_size < 100, "--shrink writes the shorter input back",
                 (done.stderr, path.stat().st_size))


def check_usage(checks, folder):
    wrong = [["--seconds=0"], ["--runs=x"], ["--seed=-1"], ["--unknown"], ["corpus"], [f"--input={folder}/none"],
             [f"--input={folder}"], [f"--input={CORPUS}", "--runs=5"]]
    for arguments in wrong:
        done = run(GCSTRESS, "fuzz", "--json", *arguments)
        checks.check(done.returncode == 2 and done.stdout == "" and done.stderr != "",
                     f"{arguments[-1].replace(str(folder), 'DIRECTORY')} is exit status 2, and a sentence", done)
    done = run(GCSTRESS, "fuzz", "--help")
    checks.check(done.returncode == 0 and "Examples:" in done.stdout, "--help has examples", done.stdout)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as root:
        folders = {name: pathlib.Path(root, name) for name in ("found", "any", "replays", "long", "empty")}
        for folder in folders.values():
            folder.mkdir()
        check_sound(checks, folders["found"])
        check_any_bytes(checks, folders["any"])
        found = [check_fault(checks, fault, folders["found"]) for fault in FAULTS]
        if found[0] is not None:
            check_replay(checks, found[0], folders["replays"])
            check_shrinking(checks, found[0], folders["long"])
        check_usage(checks, folders["empty"])
    checks.finish()


main()
