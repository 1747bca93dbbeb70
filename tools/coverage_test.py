#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program with one branch that is never taken: coverage must name its line, and a marker must have a reason."""
import io
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import coverage

CODE = """int chosen(int x);
int chosen(int x)
{
    if (x > 0)%s
        return 1;
    return 2;
}
"""
HELPER = "static inline int helped(int x)\n{\n    return x > 0 ? 1 : 2;\n}\n"
MAIN = "#include \"helper_test.h\"\nint chosen(int x);\nint main(void)\n{\n    return helped(chosen(1)%s) == 3;\n}\n"


class Coverage(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name).resolve()
        self.objects = self.root / "build" / "runtime" / "testing"
        for directory in (self.objects, self.root / "runtime" / "core", self.root / "runtime" / "handle"):
            directory.mkdir(parents=True)

    def check(self, marker="", both_ways=False):
        code = self.root / "runtime" / "core" / "word.c"
        test = self.root / "runtime" / "core" / "word_test.c"
        code.write_text(CODE % marker, encoding="utf-8")
        test.write_text(MAIN % (" + chosen(-1)" if both_ways else ""), encoding="utf-8")
        test.with_name("helper_test.h").write_text(HELPER, encoding="utf-8")  # a test's own branches do not count
        subprocess.run(["gcc", "--coverage", "-O0", code, test, "-o", "program"], cwd=self.objects, check=True)
        subprocess.run([self.objects / "program"], cwd=self.objects, check=False)
        out = io.StringIO()
        with redirect_stdout(out):
            status = coverage.check(self.root, self.root / "build")
        return status, out.getvalue()

    def test_a_branch_that_is_never_taken(self):
        status, said = self.check()
        self.assertEqual(status, 1)
        self.assertIn("runtime/core/word.c:4: 1 of 2 branches never taken", said)

    def test_all_taken(self):
        status, said = self.check(both_ways=True)
        self.assertEqual(status, 0, said)

    def test_a_line_left_out_with_its_reason(self):
        status, said = self.check(marker=" /* GCOVR_EXCL_BR_LINE: the caller never passes less */")
        self.assertIn("no branch was measured", said)
        self.assertNotIn("never taken", said)
        self.assertEqual(status, 1)

    def test_a_marker_without_reason_or_for_more_than_a_line(self):
        for marker in (" /* GCOVR_EXCL_BR_LINE */", " /* GCOVR_EXCL_START: not this one */", " // LCOV_EXCL_LINE"):
            status, said = self.check(marker=marker, both_ways=True)
            self.assertEqual(status, 1, marker)
            self.assertIn("runtime/core/word.c:4: write it as", said)

    def test_nothing_measured(self):
        out = io.StringIO()
        with redirect_stdout(out):
            self.assertEqual(coverage.check(self.root, self.root / "build"), 1)
        self.assertIn("no branch was measured", out.getvalue())


if __name__ == "__main__":
    unittest.main()
