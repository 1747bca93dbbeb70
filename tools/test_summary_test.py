#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A project whose tests fail in every way there is; the summary must count each of them."""
import io
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import test_summary

PROJECT = r"""
project('odd')
sh = find_program('sh')
tests = {
    'tap/good': ['tap', 'printf "1..3\nok 1 - a\nok 2 - b # SKIP no g++\nok 3 - c\n"'],
    'tap/bad': ['tap', 'printf "1..2\nok 1 - a\nnot ok 2 - the_bad_one\n"; exit 1'],
    'tap/dies': ['tap', 'printf "1..2\nok 1 - a\n"; kill -SEGV $$'],
    'tap/dies_at_the_end': ['tap', 'printf "1..1\nok 1 - a\n"; exit 3'],
    'tap/dies_silently': ['tap', 'exit 3'],
    'tap/tells_nothing': ['tap', 'true'],
    'tap/skips': ['tap', 'echo "1..0 # SKIP no guile"'],
    'tap/hangs': ['tap', 'printf "1..2\nok 1 - a\n"; exec sleep 100'],
    'exit/good': ['exitcode', 'true'],
    'exit/bad': ['exitcode', 'printf "cause\033[1m\n"; exit 1'],
    'exit/bad_at_length': ['exitcode', 'yes same | head -n 500; seq 1000; exit 1'],
    'exit/dies': ['exitcode', 'kill -SEGV $$'],
    'exit/skips': ['exitcode', 'echo no membarrier; exit 77'],
    'exit/hangs': ['exitcode', 'exec sleep 100'],
}
foreach name, how : tests
    test(name, sh, args: ['-c', how[1]], protocol: how[0], timeout: 2, suite: ['one', 'two'])
endforeach
"""
PASSED = 2 + 1 + 1 + 1 + 1 + 1
FAILED = {"tap/bad: the_bad_one", "tap/dies", "tap/dies_at_the_end", "tap/dies_silently", "tap/tells_nothing",
          "tap/hangs", "exit/bad", "exit/bad_at_length", "exit/dies", "exit/hangs"}
SKIPPED = {"skipped: tap/good: b: no g++", "skipped: tap/skips: no guile", "skipped: exit/skips: no membarrier"}


def meson(*arguments):
    return subprocess.run(["meson", *arguments], capture_output=True, check=False).returncode


def summary(*directories):
    out = io.StringIO()
    with redirect_stdout(out):
        status = test_summary.main([str(d) for d in directories])
    return status, out.getvalue().splitlines()


class Summary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        root = Path(cls.place.name)
        (root / "meson.build").write_text(PROJECT, encoding="utf-8")
        cls.build = root / "build"
        if meson("setup", str(cls.build), str(root)):
            raise AssertionError("the project cannot be set up")

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def run_tests(self, *names):
        for log in (self.build / "meson-logs").glob("testlog*"):
            log.unlink()
        status = meson("test", "-C", str(self.build), *names)
        (self.build / "dev-status").write_text(str(status), encoding="utf-8")

    def test_every_way_to_fail_is_counted(self):
        self.run_tests()
        status, lines = summary(self.build)
        self.assertEqual(lines[-1], f"{PASSED} passed, {len(FAILED)} failed")
        self.assertEqual({line.removeprefix("FAILED build: ") for line in lines if line.startswith("FAILED")}, FAILED)
        self.assertEqual({line for line in lines if line.startswith("skipped")}, SKIPPED)
        self.assertEqual(status, 1)
        self.assertIn("    same   [500 times]", lines)
        self.assertIn("    1000", lines)
        self.assertNotIn("    500", lines)

    def test_what_passes(self):
        self.run_tests("tap/good", "exit/good")
        self.assertEqual((summary(self.build)[0], summary(self.build)[1][-1]), (0, "3 passed, 0 failed"))

    def test_nothing_has_run(self):
        self.run_tests("no_such_test")
        status, lines = summary(self.build)
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))

    def test_only_skips(self):
        self.run_tests("exit/skips")
        status, lines = summary(self.build)
        self.assertEqual((status, lines[-1]), (1, "0 passed, 0 failed"))

    def test_meson_itself_failed(self):
        self.run_tests("exit/good")
        (self.build / "dev-status").write_text("1", encoding="utf-8")
        self.assertEqual(summary(self.build)[1][-1], "1 passed, 1 failed")

    def test_not_built(self):
        self.run_tests("exit/good")
        (self.build / "dev-status").write_text("not built\n", encoding="utf-8")
        self.assertEqual(summary(self.build), (1, ["FAILED build: build", "    could not be built", "0 passed, 1 failed"]))

    def test_several_directories_are_added_up(self):
        self.run_tests("exit/good")
        self.assertEqual(summary(self.build, self.build)[1][-1], "2 passed, 0 failed")


if __name__ == "__main__":
    unittest.main()
