# SPDX-License-Identifier: MIT
"""The package itself: its README's first lines, its types, its shape once it is installed, its regression programs."""
import importlib.metadata
import importlib.util
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import safehandle
from support import python

HERE = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = pathlib.Path(safehandle.__file__).parent
QUICK_TRIES = 20


def run(*command, **keywords):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **keywords)


class Readme(unittest.TestCase):
    def test_its_programs_run(self):
        programs = re.findall(r"```python\n(.*?)```", (HERE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
        self.assertGreater(len(programs), 1)
        with tempfile.TemporaryDirectory() as place:
            for number, program in enumerate(programs, 1):
                with self.subTest(program=number):
                    done = python(program, "-W", "error", cwd=place)
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


class Types(unittest.TestCase):
    def test_every_public_name_has_a_stub_and_a_docstring(self):
        stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
        for name in safehandle.__all__:
            with self.subTest(name):
                self.assertRegex(stub, rf"\b{name}\b")
                self.assertTrue(inspect.getdoc(getattr(safehandle, name)))
        self.assertTrue((PACKAGE / "py.typed").is_file())

    def mypy(self, *arguments):
        if importlib.util.find_spec("mypy") is None:
            self.skipTest(f"mypy is not installed for {sys.executable}")
        with tempfile.TemporaryDirectory() as place:
            return run(sys.executable, *arguments, cwd=place,
                       env={**os.environ, "MYPYPATH": str(PACKAGE.parent), "MYPY_CACHE_DIR": place})

    def test_mypy_accepts_the_stub_strictly(self):
        done = self.mypy("-m", "mypy", "--strict", PACKAGE / "__init__.pyi", PACKAGE / "_core.pyi")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_mypy_sees_a_wrong_use(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
            program.write("import safehandle\nsafehandle.open('x').write('text')\n")
            program.flush()
            done = self.mypy("-m", "mypy", "--strict", program.name)
            self.assertIn("arg-type", done.stdout)

    def test_the_stub_says_what_is_there(self):
        done = self.mypy("-m", "mypy.stubtest", "safehandle")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Installed(unittest.TestCase):
    def test_it_is_installed_where_it_can_be_imported(self):
        with tempfile.TemporaryDirectory() as place:
            done = run(os.environ["MESON"], "install", "-C", os.environ["BUILD"], "--no-rebuild", "--quiet",
                       "--tags", "python-runtime", "--destdir", place)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            package = next(pathlib.Path(place).rglob("_core.abi3.so")).parent
            names = {path.name for path in package.iterdir()}
            self.assertLessEqual({"__init__.py", "__init__.pyi", "_asyncio.py", "_core.pyi", "py.typed"}, names)
            done = python("import safehandle; print(safehandle.__file__); safehandle.open('/dev/null').close()",
                          env={**os.environ, "PYTHONPATH": str(package.parent), "LD_LIBRARY_PATH": os.path.join(os.environ["BUILD"], "runtime")})
            self.assertEqual(done.stdout.strip(), str(package / "__init__.py"), done.stderr)
            told = next(iter(importlib.metadata.distributions(name="safehandle", path=[str(package.parent)])))
            self.assertEqual(told.version, safehandle.__version__)
            self.assertEqual([str(file) for file in told.files if not file.locate().exists()], [])

    def test_it_uses_the_stable_abi_only(self):
        symbols = run("nm", "--dynamic", "--undefined-only", PACKAGE / "_core.abi3.so").stdout
        used = set(re.findall(r"\bU (_?Py\w+)", symbols))
        self.assertGreater(len(used), 50)
        private = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_TrueStruct", "_Py_FalseStruct"}
        self.assertEqual({name for name in used if name.startswith("_") and not name.endswith("_SizeT")} - private, set())


class Regressions(unittest.TestCase):
    """Programs that misdirect with Python's ordinary means, and do not with handles."""

    def test_each(self):
        programs = sorted((HERE / "regressions").glob("*.py"))
        self.assertGreaterEqual(len(programs), 4)
        for program in programs:
            for means in ("plain", "safehandle"):
                with self.subTest(program=program.stem, means=means):
                    done = run(sys.executable, program, f"--tries={QUICK_TRIES}", f"--with={means}")
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    told = json.loads(done.stdout)
                    self.assertEqual((told["program"], told["language"], told["with"], told["tries"]),
                                     (program.stem, "python", means, QUICK_TRIES))
                    if means == "plain":
                        self.assertGreater(told["misdirected"], 0, "the test would not see it")
                    else:
                        self.assertEqual(told["misdirected"], 0)
