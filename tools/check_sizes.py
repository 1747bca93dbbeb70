#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No function is longer than 60 lines, in C or in Python.

C is read by its form: clang-format puts a function's braces, and no other, alone into the first column.
"""
import ast
import sys

import tree

LIMIT = 60


def c_functions(source):
    """(name as far as the line tells, first line, number of lines) of each function."""
    lines = tree.without_comments(source).splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.rstrip() == "}" and start is not None:
            yield lines[start - 2].strip(), start, number - start + 1
            start = None


def python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def check(root):
    violations, checked = [], 0
    for file in tree.files(root, ".c", ".h", ".py"):
        functions = python_functions if file.suffix == ".py" else c_functions
        for name, line, length in functions(file.read_text(encoding="utf-8")):
            checked += 1
            if length > LIMIT:
                violations.append(f"{file.relative_to(root)}:{line}: {length} lines, {LIMIT} at most: {name}")
    return violations, checked


if __name__ == "__main__":
    sys.exit(tree.finish("check_sizes", *check(tree.root_argument())))
