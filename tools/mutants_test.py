#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner meets a mutant of every fate, and must tell them apart."""
import io
import json
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mutants

# The code is a shell script: it is "built" by asking whether it can be read.
PROJECT = """
project('broken')
sh = find_program('sh')
code = custom_target('code', input: 'code.sh', output: 'code.sh', build_by_default: false,
                     command: [sh, '-c', 'sh -n "$1" && cp "$1" "$2"', 'sh', '@INPUT@', '@OUTPUT@'])
test('code', sh, args: ['-c', '. "./$1"; [ "$answer" = 42 ]', 'sh', code], timeout: 60)
test('other', sh, args: ['-c', '. "./$1"', 'sh', code], timeout: 60)
"""
CODE = "twice=21\nspare=1\nanswer=$((twice * 2))\nspare=1\n"
FATES = {
    "killed": ("code", "twice=21\n", "twice=22\n", "killed"),
    "hangs": ("code", "twice=21\n", "while :; do :; done\n", "killed"),
    "survives": ("code", "twice=21\n", "twice=$((20 + 1))\n", "survived code (OK)"),
    "survives-one": ("code, other", "twice=21\n", "twice=22\n", "survived other (OK)"),
    "unreadable": ("code", "twice=21\n", "if\n", "does not build"),
    "gone": ("code", "thrice\n", "x\n", "its old text is found 0 times in code.sh"),
    "twice": ("code", "spare=1\n", "x\n", "its old text is found 2 times in code.sh"),
}


class Mutants(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.addCleanup(setattr, mutants, "SETUP", mutants.SETUP)
        mutants.SETUP = []
        self.root = Path(place.name)
        (self.root / "meson.build").write_text(PROJECT, encoding="utf-8")
        (self.root / "code.sh").write_text(CODE, encoding="utf-8")
        (self.root / mutants.FOLDER).mkdir(parents=True)

    def plant(self, name, tests, old, new):
        text = f"what: {name}\nkilled by: {tests}\nfile: code.sh\n---\n{old}---\n{new}---\n"
        (self.root / mutants.FOLDER / f"{name}.mutant").write_text(text, encoding="utf-8")

    def run_all(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = mutants.main(["--tree", str(self.root), "--timeout", "3", *arguments])
        return status, out.getvalue() + err.getvalue()

    def test_parts_make_a_whole(self):
        for name in ("a", "b", "c"):
            self.plant(name, "code", "twice=21\n", "twice=22\n")
        met = [self.run_all("--part", part)[1] for part in ("1/2", "2/2")]
        self.assertIn("2 of 2 mutants killed", met[0])
        self.assertIn("1 of 1 mutants killed", met[1])
        with self.assertRaises(SystemExit):
            self.run_all("--part", "3/2")

    def test_each_fate(self):
        for name, (tests, old, new, _) in FATES.items():
            self.plant(name, tests, old, new)
        status, said = self.run_all("--json")
        self.assertEqual({told["mutant"]: told["outcome"] for told in json.loads(said)},
                         {name: fate for name, (_, _, _, fate) in FATES.items()})
        self.assertEqual(status, 1)

    def test_all_killed(self):
        self.plant("killed", *FATES["killed"][:3])
        status, said = self.run_all("--jobs", "1")
        self.assertEqual(status, 0, said)
        self.assertTrue(said.endswith("1 of 1 mutants killed\n"))

    def test_none(self):
        status, said = self.run_all()
        self.assertEqual((status, said), (1, f"no mutant in {mutants.FOLDER}\n"))

    def test_not_green_before(self):
        self.plant("killed", *FATES["killed"][:3])
        (self.root / "code.sh").write_text(CODE.replace("* 2", "* 3"), encoding="utf-8")
        status, said = self.run_all()
        self.assertEqual(status, 1)
        self.assertIn("code does not pass without a mutant", said)

    def test_an_unknown_test(self):
        self.plant("killed", "no_such_test", *FATES["killed"][1:3])
        self.assertIn("no test is named no_such_test; there are: code, other", self.run_all()[1])

    def test_a_header_that_lacks_something(self):
        (self.root / mutants.FOLDER / "bad.mutant").write_text("what: x\n---\na\n---\nb\n---\n", encoding="utf-8")
        self.assertIn("the header must have exactly", self.run_all()[1])


if __name__ == "__main__":
    unittest.main()
