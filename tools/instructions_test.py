#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What instructions.py says of counts that are as committed, and of counts that are not."""
import unittest

import instructions

COMMITTED = {"lease": 10.0, "wrap_close": 400.0}


def told(**measured):
    return list(instructions.compare(COMMITTED, COMMITTED | measured))


class Compare(unittest.TestCase):
    def test_the_same(self):
        self.assertEqual(told(), [])

    def test_as_much_is_the_same(self):
        self.assertEqual(told(lease=12.0, wrap_close=412.0), [])
        self.assertEqual(told(lease=8.0, wrap_close=388.0), [])

    def test_more_is_told_by_name(self):
        self.assertEqual(told(lease=12.1), ["lease grew from 10 to 12.1 instructions"])
        self.assertEqual(told(wrap_close=413.0), ["wrap_close grew from 400 to 413 instructions"])

    def test_less_is_told_so_that_it_is_kept(self):
        self.assertEqual(told(wrap_close=300.0), ["wrap_close shrank from 400 to 300 instructions"])

    def test_one_that_came_or_went(self):
        self.assertEqual(told(close=5.0), ["close is not committed"])
        self.assertEqual(list(instructions.compare(COMMITTED, {"lease": 10.0})), ["wrap_close is no longer measured"])


if __name__ == "__main__":
    unittest.main()
