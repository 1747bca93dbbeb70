#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./dev test`, `sanitize` and `coverage` on a small project that cannot be built: the last line still counts."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import tree

PROJECT = """
project('small', 'c')
test('good', executable('good', 'good.c'), suite: ['tsan'])
"""
GOOD, BAD = "int main(void) { return 0; }\n", "int main(void) { return nothing; }\n"


class Dev(unittest.TestCase):
    """A copy of dev, its tools and the options, with a project of one test."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)
        shutil.copytree(tree.ROOT / "tools", self.root / "tools")
        for name in ("dev", "meson_options.txt"):
            shutil.copy(tree.ROOT / name, self.root)
        self.write("meson.build", PROJECT)
        self.write("good.c", GOOD)

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")

    def dev(self, *arguments):
        """(exit status, the last line)"""
        done = subprocess.run([self.root / "dev", *arguments], capture_output=True, text=True, check=False,
                              env=os.environ | {"DEV_HAVE_ALL": "1", "CC": "gcc"})
        return done.returncode, (done.stdout.splitlines() or [done.stderr])[-1]

    def test_what_can_be_built(self):
        self.assertEqual(self.dev("test"), (0, "1 passed, 0 failed"))
        self.assertEqual(self.dev("test", "good"), (0, "1 passed, 0 failed"))
        self.assertEqual(self.dev("test", "better")[0], 2)

    def test_code_that_does_not_compile(self):
        self.dev("test")
        self.write("good.c", BAD)
        self.assertEqual(self.dev("test"), (1, "0 passed, 1 failed"))
        self.assertEqual(self.dev("coverage"), (1, "0 passed, 1 failed"))
        self.assertEqual(self.dev("sanitize"), (1, "0 passed, 2 failed"))

    def test_a_project_that_cannot_be_configured(self):
        self.write("meson.build", "nonsense")
        self.assertEqual(self.dev("test"), (1, "0 passed, 1 failed"))

    def test_a_project_that_can_no_longer_be_configured(self):
        self.dev("test")
        self.write("meson.build", "nonsense")
        self.assertEqual(self.dev("test"), (1, "0 passed, 1 failed"))
        self.assertEqual(self.dev("test", "good"), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
