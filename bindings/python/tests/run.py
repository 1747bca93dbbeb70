# SPDX-License-Identifier: MIT
"""Runs test modules of this folder by unittest, and prints each case as TAP.

    run.py MODULE…      with the package on PYTHONPATH
"""
import faulthandler
import sys
import unittest


class TapResult(unittest.TestResult):
    """One line for each case, as soon as it has ended."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def line(self, case, outcome, note="", detail=""):
        self.number += 1
        name = case.id().removeprefix("test_").replace("_", " ").replace("#", "")
        print(f"{outcome} {self.number} - {name}{note}")
        print("".join(f"# {line}\n" for line in detail.splitlines()), end="", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, "ok", f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, "not ok", detail=self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, "not ok", detail=self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line(subtest, "not ok", detail=self._exc_info_to_string(err, test))


def main(names):
    # Where something hangs, the place is worth more than the harness's word that it took too long.
    faulthandler.dump_traceback_later(220, exit=True)
    result = TapResult()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    print(f"1..{result.number}")
    return 0 if result.wasSuccessful() and result.number else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
