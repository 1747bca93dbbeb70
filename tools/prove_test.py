#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner reads reports of every sort and, where spin is installed, meets small models and mutants of every fate."""
import io
import json
import shutil
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import marked
import prove
import tree

MODEL = """/* SPDX-License-Identifier: MIT */
/*
 * configuration: two WORKERS=2
 */
#include "require.pml"
byte inside, done;

proctype worker()
{
    atomic { inside == 0 -> inside++ };
    d_step { REQUIRE(alone, inside == 1) };
    WITNESS(was_inside);
    inside--;
    done++
}

init { atomic { byte i; for (i : 1 .. WORKERS) { run worker() } } }

ltl done_eventually { <> (done == WORKERS) }
"""
FATES = {
    "killed": ("m/two/alone", "inside == 0 -> ", "", "killed"),
    "killed-by-its-end": ("m/two/comes_to_an_end", "    inside--;\n", "", "killed"),
    "killed-by-a-formula": ("m/two/done_eventually", "    done++\n", "    skip\n", "killed"),
    "survives": ("m/two/alone", "    done++\n", "    done = done + 1\n", "in m/two: no property noticed"),
    "noticed-by-another": ("m/two/done_eventually", "inside == 0 -> ", "", "in m/two: alone noticed"),
    "gone": ("m/two/alone", "no such text\n", "x\n", "its old text is found 0 times in stress/model/m.pml"),
}


class Reports(unittest.TestCase):
    def read(self, said):
        run = prove.Run("m", "c", "safety")
        prove.read_report(said, run)
        return run

    def test_a_whole_one(self):
        run = self.read("witness: seen\nState-vector 20 byte, depth reached 10, errors: 0\n       29 states, stored\n")
        self.assertEqual((run.states, run.depth, run.reached, run.verdict), (29, 10, {"seen"}, "holds"))

    def test_a_violation(self):
        run = self.read("violated: once\nvioLated: no\ndepth reached 1, errors: 1\n  2 states, stored\n")
        self.assertEqual(run.verdict, "violated: once")
        self.assertEqual(prove.errors_in("depth reached 1, errors: 17"), 17)

    def test_truncated_ones(self):
        whole = "depth reached 10, errors: 0\n 29 states, stored\n"
        for words in prove.TRUNCATED:
            self.assertIn("not explored completely", self.read(f"error: {words}\n{whole}").verdict)
        self.assertIn("not explored completely", self.read("").verdict)


@unittest.skipUnless(shutil.which("spin") and shutil.which("gcc"), "spin or gcc is not installed")
class Fates(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        self.folder = self.root / prove.FOLDER
        (self.folder / "mutants").mkdir(parents=True)
        shutil.copy(tree.ROOT / prove.FOLDER / "require.pml", self.folder)
        self.model(MODEL)
        (self.root / "docs").mkdir()
        (self.root / prove.PAGE).write_text("".join(
            f"{marked.begin(name)}\n{marked.END}\n" for name in ("states explored", "mutants of the models")))

    def model(self, text):
        (self.folder / "m.pml").write_text(text, encoding="utf-8")

    def plant(self, name, killed_by, old, new, *_):
        old, new = (text if text.endswith("\n") or not text else self.line(text) for text in (old, new))
        text = f"what: {name}\nkilled by: {killed_by}\nfile: stress/model/m.pml\n---\n{old}---\n{new}---\n"
        (self.folder / "mutants" / f"{name}.mutant").write_text(text, encoding="utf-8")

    @staticmethod
    def line(part):
        return f"    atomic {{ {part}inside++ }};\n"

    def prove(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = prove.main(["--tree", str(self.root), "--timeout", "60", *arguments])
        return status, out.getvalue() + err.getvalue()

    def test_each_fate(self):
        for name, fate in FATES.items():
            self.plant(name, fate[0], fate[1], fate[2] or ("" if fate[1].endswith("\n") else self.line("")))
        status, said = self.prove("--json", "--only", "m")
        told = json.loads(said)
        self.assertEqual({mutant["mutant"]: mutant["outcome"] for mutant in told["mutants"]},
                         {name: fate[3] for name, fate in FATES.items()})
        self.assertEqual({run["verdict"] for run in told["runs"]}, {"holds"})
        self.assertEqual(status, 1)

    def test_the_page(self):
        self.assertIn("./dev prove --write", self.prove()[1])
        self.assertEqual(self.prove("--write")[0], 0)
        status, said = self.prove()
        self.assertEqual(status, 0, said)
        self.assertTrue(said.endswith("3 passed, 0 failed\n"), said)

    def test_a_witness_that_is_not_reached(self):
        self.model(MODEL.replace("WITNESS(was_inside)", "if :: done > 9 -> WITNESS(was_inside) :: else fi"))
        status, said = self.prove("--quick")
        self.assertEqual(status, 1)
        self.assertIn("NOT REACHED by m: was_inside", said)

    def test_a_model_that_does_not_hold(self):
        self.model(MODEL.replace("inside == 0 -> ", ""))
        status, said = self.prove("--quick")
        self.assertEqual(status, 1)
        self.assertIn("violated: alone", said)

    def test_no_such_model(self):
        self.assertEqual(self.prove("--only", "x"), (1, f"no model in {prove.FOLDER} is named x\n"))

    def test_a_property_that_is_nowhere(self):
        self.plant("killed", "m/three/alone", "    done++\n", "    skip\n")
        self.assertIn("there is no property m/three/alone", self.prove()[1])


if __name__ == "__main__":
    unittest.main()
