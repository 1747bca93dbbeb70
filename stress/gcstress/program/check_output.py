# SPDX-License-Identifier: MIT
"""All forms of what gcstress writes agree, can be read by others, and are there whole or not at all.

    check_output.py GCSTRESS CHECK_SCENARIOS REPORT
"""
import json
import os
import pathlib
import re
import shlex
import stat
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tap import Checks, on_terminal  # noqa: E402

GCSTRESS, SCENARIOS = (str(pathlib.Path(name).resolve()) for name in sys.argv[1:3])
os.environ["GCSTRESS_REPORT"] = str(pathlib.Path(sys.argv[3]).resolve())
SEARCH = ["explore", "--preemptions=1"]
YAML_LINE = re.compile(r'  (?:([a-z_]+): (".*"|fail|[0-9.]+)|(tale):|  - (".*"))$')


def run(program, *arguments, **options):
    return subprocess.run([program, *SEARCH, *arguments], capture_output=True, text=True, check=False, **options)


# ---- the forms, read as strictly as they are meant -------------------------------------------------------------------

def read_yaml(lines, complaints):
    """{member: value} of a block as we write it; a line of another form is a complaint."""
    block = {"tale": []}
    for line in lines:
        match = YAML_LINE.match(line)
        if match is None:
            complaints.append(line)
        elif match[4]:
            block["tale"].append(json.loads(match[4]))
        elif match[1]:
            block[match[1]] = json.loads(match[2]) if match[2].startswith('"') else match[2]
    return block


def read_tap(text):
    """({name: block or None}, [what is not TAP])"""
    tests, complaints, block, name = {}, [], None, None
    lines = text.splitlines()
    plan = re.fullmatch(r"1\.\.(\d+)", lines[1]) if len(lines) > 1 and lines[0] == "TAP version 14" else None
    for line in lines[2:]:
        test = re.fullmatch(r"(not )?ok (\d+) - ((?:[^#\\]|\\[#\\])*)", line)
        if line == "  ---" and tests.get(name) is not None:
            block = []
        elif line == "  ...":
            tests[name], block = read_yaml(block or [], complaints), None
        elif block is not None:
            block.append(line)
        elif test and int(test[2]) == len(tests) + 1:
            name = re.sub(r"\\(.)", r"\1", test[3])
            tests[name] = {} if test[1] else None
        else:
            complaints.append(line)
    if plan is None or int(plan[1]) != len(tests):
        complaints.append("the plan is none")
    return tests, complaints


def of_document(document):
    """{name: violation or None}, as the others are made comparable, too."""
    return {", ".join(filter(None, (result["scenario"], result["approach"]))): result.get("violation") for result in document["results"]}


def of_junit(root):
    found = {}
    for suite in root.iter("testsuite"):
        for case in suite.iter("testcase"):
            name = suite.get("name") + ("" if case.get("name") == suite.get("name") else f", {case.get('name')}")
            failure = case.find("failure")
            found[name] = None if failure is None else failure.get("message")
    return found


def check_junit(checks, root, document):
    failures = [result for result in document["results"] if result["found"]]
    checks.check(root.get("tests") == str(len(document["results"])) and root.get("failures") == str(len(failures)),
                 "junit: its counts are right", root.attrib)
    texts = [failure.text for failure in root.iter("failure")]
    checks.check(all(result["replay"] in text and result["violation"] in text for result, text in zip(failures, texts)),
                 "junit: a failure tells its violation and its replay", texts)
    names = {one.get("name") for one in root.iter("property")}
    checks.check("arguments" in names and any(name.endswith("seed") for name in names), "junit: properties say how it was run", names)


def check_forms(checks, program, *arguments):
    done = run(program, *arguments, "--json", "--junit", "out.xml", "--report", "out.html")
    document, root = json.loads(done.stdout), ElementTree.parse("out.xml").getroot()
    found = of_document(document)
    checks.check(done.returncode == 1 and done.stderr == "", "json: something is found", f"{done.returncode}\n{done.stderr}")
    checks.check(any(found.values()) and not all(found.values()), "json: and something is not", found)
    checks.check(of_junit(root) == found, "junit: it says the same", f"{of_junit(root)}\n{found}")
    check_junit(checks, root, document)
    tests, complaints = read_tap(run(program, *arguments, "--tap").stdout)
    checks.check(complaints == [], "tap: every line is TAP or YAML", "\n".join(complaints))
    told = {name: block and block["message"] for name, block in tests.items()}
    checks.check(told == found, "tap: it says the same", f"{told}\n{found}")
    page = pathlib.Path("out.html").read_text(encoding="utf-8")
    checks.check(page.count("<svg") == sum(map(bool, found.values())), "report: it draws each failure")
    for result in filter(lambda result: result["found"], document["results"]):
        again = subprocess.run([program, *shlex.split(result["replay"])[1:]], capture_output=True, check=False)
        checks.check(again.returncode == 1, f"{result['scenario']}, {result['approach']}: its replay fails again", again.stderr)
        checks.check(any("VIOLATION" in line for line in tests[", ".join(filter(None, (result["scenario"], result["approach"])))]["tale"]),
                     "tap: its tale has the violation")


# ---- files -----------------------------------------------------------------------------------------------------------

def check_refusal(checks, name, arguments, words, **options):
    """It ends before anything is run: no schedule is written."""
    with tempfile.TemporaryDirectory() as place:
        done = run(GCSTRESS, "recycling", *arguments, cwd=place, **options)
        left = os.listdir(place)
    checks.check(done.returncode == 2 and words in done.stderr and done.stdout == "", f"{name}: says so, with status 2",
                 f"{done.returncode}\n{done.stdout}\n{done.stderr}")
    checks.check(left == [], f"{name}: nothing was run, and nothing is left", left)


def check_refusals(checks):
    check_refusal(checks, "--json and --tap", ["--json", "--tap"], "choose one")
    check_refusal(checks, "an approach that there is not", ["--approach=nosuch"],
                  "has the approach nosuch; they have: intptr, keepalive, handleref, handleprotector, safehandle\n")
    check_refusal(checks, "an approach of other scenarios", ["--approach=as-printed"], "has the approach as-printed; they have: intptr,")
    check_refusal(checks, "a scenario that there is not", ["no-such"], "there is no scenario no-such")
    check_refusal(checks, "a directory that is not there", ["--junit", "none/out.xml"], "none/out.xml cannot be written")
    check_refusal(checks, "a device", ["--report", "/dev/null"], "no ordinary file")
    check_refusal(checks, "no python", ["--report", "out.html"], "python3", env={"PATH": "/nonexistent"})
    check_refusal(checks, "no report.py", ["--report", "out.html"], "report.py", env={**os.environ, "GCSTRESS_REPORT": "/nonexistent"})


def check_whole(checks):
    """A program that draws half a page and fails."""
    pathlib.Path("half.py").write_text("import sys\nif '--html' in sys.argv:\n    open(sys.argv[2], 'w').write('half')\n    sys.exit('no')\n",
                                       encoding="utf-8")
    pathlib.Path("page.html").write_text("old", encoding="utf-8")
    done = run(GCSTRESS, "recycling", "--report", "page.html", env={**os.environ, "GCSTRESS_REPORT": "half.py"})
    checks.check(done.returncode == 2 and "page.html was not drawn" in done.stderr, "a page that could not be drawn: says so",
                 f"{done.returncode}\n{done.stderr}")
    checks.check(pathlib.Path("page.html").read_text(encoding="utf-8") == "old", "and leaves the old one")
    left = [name for name in os.listdir() if name.startswith(("page.html", "out.")) and name not in ("page.html", "out.html", "out.xml")]
    checks.check(left == [], "nothing half-written is left", left)
    os.symlink("page.html", "link.html")
    run(GCSTRESS, "recycling", "--junit", "link.html")
    page = pathlib.Path("page.html")
    checks.check(os.path.islink("link.html") and page.read_text(encoding="utf-8").startswith("<?xml"), "a link leads to the file that is written")
    mask = os.umask(0)
    os.umask(mask)
    checks.check(stat.S_IMODE(page.stat().st_mode) == 0o666 & ~mask, "the file is for whom files usually are", oct(page.stat().st_mode))


# ---- for a person ----------------------------------------------------------------------------------------------------

def check_text(checks):
    lines = run(SCENARIOS).stdout.splitlines()
    rows = [line for line in lines if not line.startswith(" ")]
    ends = {re.search(r"seconds|\d\.\d\d(?=  )", line).end() for line in rows}
    checks.check(len(rows) == 5 and len(ends) == 1, "the table is lined up, whatever the names", "\n".join(lines))
    command = [GCSTRESS, *SEARCH, "finalizer-race", "--preemptions=2"]
    shown = on_terminal(command)
    checks.check("[ 1/5]" in shown and "\033[31m" in shown, "on a terminal: progress, and colours", shown)
    plain = on_terminal(command, env={**os.environ, "NO_COLOR": "1"})
    checks.check("\033[31m" not in plain, "NO_COLOR: no colours", plain)
    checks.check("[ 1/5]" not in on_terminal(command, stdout=subprocess.DEVNULL), "no progress when stdout goes elsewhere")
    checks.check("schedules, " in shown, "a search that takes seconds shows its schedules and their rate", shown)


def check_list(checks):
    text = subprocess.run([GCSTRESS, "list"], capture_output=True, text=True, check=True).stdout
    for heading in ("scenarios", "approaches", "levels", "checkpoints"):
        checks.check(re.search(rf"^{heading}\b", text, re.MULTILINE), f"list: has {heading}", text)
    listed = json.loads(subprocess.run([GCSTRESS, "list", "--json"], capture_output=True, text=True, check=True).stdout)
    checks.check("safehandle" in listed["approaches"] and "recycling" in [one["name"] for one in listed["scenarios"]],
                 "list --json: scenarios and approaches", listed)
    checks.check([one["level"] for one in listed["levels"]] == [1, 2, 4, 8, 16], "list --json: levels", listed["levels"])
    checks.check(len(listed["checkpoints"]) > 20 and all(name in text for name in listed["checkpoints"]), "list: checkpoints",
                 listed["checkpoints"])


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        check_forms(checks, GCSTRESS, "finalizer-race", "recycling")
        check_forms(checks, SCENARIOS)
        check_whole(checks)
        check_text(checks)
    check_refusals(checks)
    check_list(checks)
    checks.finish()


main()
