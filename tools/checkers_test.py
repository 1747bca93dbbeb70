#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each checker is shown a small tree that is in order, and then one planted violation at a time, which it must name."""
import io
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import check_headers
import check_includes
import check_links
import check_sizes
import check_text
import marked
import model_table
import quote_examples
import state_table

SPDX_C = "/* SPDX-License-Identifier: MIT */\n"
TABLE = """#define STATE_TRANSITIONS(ROW) \\
    ROW(add_ref, 0, 0, STATE_DONE, STATE_NOTHING, 0, 1) \\
    ROW(add_ref, HOLDS | CLOSED, 0, STATE_TOO_LATE, STATE_RELEASE, HOLDS | CLOSED | CLAIMED, \\
        0) \\
    ROW(publish, 0, 0, STATE_DONE, STATE_NOTHING, HOLDS, 0)

int more;
"""


class Tree(unittest.TestCase):
    """A tree in a temporary directory."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.root = Path(place.name)

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def found(self, checker):
        violations, checked = checker.check(self.root)
        self.assertGreater(checked, 0)
        return "\n".join(violations)


class Includes(Tree):
    def setUp(self):
        super().setUp()
        self.write("include/safehandle.h", "#include <safehandle/kind.h>\n")
        self.write("include/safehandle/kind.h", "#include <stdint.h>\n")
        self.write("runtime/base/atomic.h", "#include <atomic_ops.h>\n")
        self.write("runtime/core/word.c", '#include "base/atomic.h"\n#include <stdbool.h>\n')
        self.write("runtime/platform/platform.h", "#include <pthread.h>\n#include <safehandle/kind.h>\n")
        self.write("runtime/gc/gc.h", '#include "base/atomic.h"\n')
        self.write("runtime/gc/boehm/boehm.h", '#include "gc/gc.h"\n#include <gc/gc_mark.h>\n')
        self.write("runtime/handle/handle.h", '#include "gc/gc.h"\n')
        self.write("runtime/handle/handle_test.c", '#include "handle/handle.h"\n#include <criterion/criterion.h>\n')
        self.write("stress/own.h", "")
        self.write("stress/program.c", '#include "own.h"\n#include <safehandle.h>\n#include <gc.h>\n')
        self.write("docs/architecture.md", f"{marked.begin('rooms')}\n{marked.END}\n")
        check_includes.quote(self.root, write=True)

    def plant(self, name, text, *expected):
        self.write(name, text)
        found = self.found(check_includes)
        for part in expected:
            self.assertIn(part, found)

    def test_order_is_accepted(self):
        self.assertEqual(self.found(check_includes), "")

    def test_an_arrow_upwards(self):
        self.plant("runtime/core/bad.c", '\n#include "handle/handle.h"\n', "runtime/core/bad.c:2: core -> handle",
                   "core may include: base")

    def test_an_arrow_sideways(self):
        self.plant("runtime/core/bad.c", '#include "platform/platform.h"\n', "core -> platform")

    def test_a_private_room(self):
        self.plant("runtime/handle/bad.c", '#include "gc/boehm/boehm.h"\n', "handle -> gc/boehm")

    def test_a_parent_does_not_look_into_its_rooms(self):
        self.plant("runtime/gc/bad.c", '#include "gc/boehm/boehm.h"\n', "gc -> gc/boehm")

    def test_atomic_ops_elsewhere(self):
        self.plant("runtime/base/bad.c", "#include <atomic_ops.h>\n", "base -> <atomic_ops.h>", "base/atomic.h")
        self.plant("runtime/base/bad.c", "#include <atomic_ops_stack.h>\n", "allowed nowhere", "GPL")

    def test_the_collector_elsewhere(self):
        self.plant("runtime/handle/bad.c", "#include <gc/gc_mark.h>\n", "handle -> <gc/gc_mark.h>", "gc/boehm")

    def test_a_name_that_the_compiler_would_find_in_our_own_rooms(self):
        self.plant("runtime/gc/boehm/bad.h", "#include <gc/gc.h>\n", "finds our own runtime/gc/gc.h")

    def test_the_system_elsewhere(self):
        for header in ("pthread.h", "semaphore.h", "unistd.h", "sys/mman.h", "fcntl.h", "signal.h"):
            self.plant("runtime/handle/bad.c", f"#include <{header}>\n", f"handle -> <{header}>", "platform")

    def test_standard_atomics_threads_and_hash_tables(self):
        for header in ("stdatomic.h", "threads.h", "uthash.h"):
            self.plant("runtime/handle/bad.c", f"#include <{header}>\n", f"handle -> <{header}>")

    def test_a_header_that_nobody_thought_of(self):
        self.plant("runtime/platform/bad.c", "#include <glib.h>\n", "platform -> <glib.h>", "add one")

    def test_allocation_in_core(self):
        self.plant("runtime/core/bad.c", "#include <stdlib.h>\n", "core -> <stdlib.h>")

    def test_public_headers(self):
        self.plant("include/safehandle/bad.h", "#include <sys/types.h>\n", "include -> <sys/types.h>")
        self.plant("include/safehandle/bad.h", '#include "kind.h"\n', '"kind.h"')
        self.plant("include/safehandle/bad.h", "#include <safehandle/nothing.h>\n", "no public header")

    def test_core_knows_no_public_header(self):
        self.plant("runtime/core/bad.c", "#include <safehandle/kind.h>\n", "core -> <safehandle/kind.h>")

    def test_programs_outside(self):
        self.plant("stress/bad.c", '#include "core/word.c"\n', "stress -> ")
        self.plant("stress/bad.c", '#include "../runtime/handle/handle.h"\n', "stress -> ")
        self.plant("stress/bad.c", '#include "base/atomic.h"\n', "stress may open: nothing")
        self.plant("stress/torture/bad.c", '#include "base/atomic.h"\n', "stress/torture may open: base/checkpoint.h")
        self.plant("bindings/lua/bad.c", "#include <gc.h>\n", "bindings -> <gc.h>")
        self.plant("docs/examples/bad.c", "#include <handle/handle.h>\n", "docs/examples -> <handle/handle.h>")

    def test_a_header_that_is_not_looked_into(self):
        self.write("runtime/core/x.inc", '#include "handle/handle.h"\n')
        self.plant("runtime/core/bad.c", '#include "core/x.inc"\n', "core/bad.c:1:", "does not end in .h")
        self.write("include/safehandle/x.inc", "")
        self.plant("runtime/handle/bad.c", "#include <safehandle/x.inc>\n", "handle/bad.c:1:", "does not end in .h")

    def test_a_header_of_the_tests(self):
        self.write("runtime/core/guest_test.h", '#include "handle/handle.h"\n')
        self.plant("runtime/core/bad.c", '#include "core/guest_test.h"\n', "core/bad.c:1:", "belongs to the tests")

    def test_a_path_that_goes_around(self):
        self.plant("runtime/core/bad.c", '#include "core/../handle/handle.h"\n', "core/bad.c:1:", "shortest path")
        self.plant("runtime/platform/bad.c", "#include <sys/../gc/gc.h>\n", "platform/bad.c:1:", "shortest path")

    def test_other_spellings_of_a_directive(self):
        for spelling in ("%:include", "#inclu\\\nde", "#include \\\n", "??=include", "#inc??/\nlude", "\f#\vinclude",
                         "/* \\\n */ #include"):
            self.plant("runtime/core/bad.c", f'{spelling} "handle/handle.h"\n', "core/bad.c:", "core -> handle")

    def test_lines_are_those_of_the_file(self):
        self.plant("runtime/core/bad.c", '#define A \\\n 1 \\\n 2\n#include \\\n "handle/handle.h"\n#include "x.h"\n',
                   "core/bad.c:4: core -> handle", 'core/bad.c:6: "x.h"')

    def test_a_room_that_is_in_no_row(self):
        self.plant("runtime/attic/bad.c", '#include "base/atomic.h"\n', "is in no room")

    def test_disguises(self):
        self.plant("runtime/core/bad.c", "#  include/* */\t<pthread.h>\n", "core -> <pthread.h>")
        self.plant("runtime/core/bad.c", "#define H <x>\n#include H\n", "a macro names")
        self.plant("runtime/core/bad.c", '#include "../handle/handle.h"\n', "is not below runtime/")
        self.write("runtime/core/bad.c", "/*\n#include <pthread.h>\n*/\n")
        self.assertEqual(self.found(check_includes), "")

    def test_a_table_with_a_circle(self):
        self.addCleanup(check_includes.ROOMS.__setitem__, "base", [])
        check_includes.ROOMS["base"] = ["handle"]
        self.assertIn("base -> handle does not point downwards", self.found(check_includes))

    def test_a_quotation_that_is_old(self):
        self.write("docs/architecture.md", f"{marked.begin('rooms')}\nold\n{marked.END}\n")
        self.assertIn("not up to date", self.found(check_includes))


class Text(Tree):
    def plant(self, name, text, expected):
        self.write(name, text)
        self.assertIn(expected, self.found(check_text))

    def test_order_is_accepted(self):
        self.write("a.c", SPDX_C)
        self.write("tool", "mkstemp(\"XXXXXX\"), a todo, the net/work/load of it\n")
        self.assertEqual(self.found(check_text), "")

    def test_licence(self):
        for name in ("a.c", "include/b.h", "tools/c.py", "dev", "x/meson.build"):
            self.plant(name, "\n", f"{name}:1: the first lines")

    def test_words(self):
        for word in ("TO" "DO", "FIX" "ME", "X" "XX", "/wo" "rk/main", "deb." "example.org", "registry." "example.com",
                     "py" "pi.org"):
            self.plant("page.md", f"fine\nsee {word} there\n", "page.md:2: ")


class Sizes(Tree):
    @staticmethod
    def function(lines):
        return "int f(void)\n{\n" + "    x();\n" * (lines - 2) + "}\n"

    def test_c(self):
        self.write("a.c", self.function(60) + self.function(3))
        self.assertEqual(self.found(check_sizes), "")
        self.write("a.c", self.function(3) + self.function(61))
        self.assertIn("a.c:6: 61 lines, 60 at most: int f(void)", self.found(check_sizes))

    def test_python(self):
        self.write("a.py", "def f():\n" + "    x()\n" * 60)
        self.assertIn("a.py:1: 61 lines", self.found(check_sizes))


class Links(Tree):
    def plant(self, text, expected):
        self.write("docs/page.md", text)
        self.assertIn(expected, self.found(check_links))

    def test_order_is_accepted(self):
        self.write("README.md", "# A title, `code`\n## A title, `code`\n")
        self.write("docs/page.md", "[a](../README.md#a-title-code-1) [b](https://example.org/x) `[c](no)`\n"
                                   "```\n[d](no)\n```\n<img src=\"../README.md\">\n[e]: page.md\n")
        self.assertEqual(self.found(check_links), "")

    def test_what_leads_nowhere(self):
        self.plant("text\n[a](nothing.md)\n", "docs/page.md:2: (nothing.md): no such file")
        self.plant("![a](b.svg)\n", "no such file")
        self.plant("<img src=\"b.svg\">\n", "no such file")
        self.plant("[a]: b.md\n", "no such file")
        self.plant("[a](#there)\n# Here\n", "no heading #there")
        self.plant("[a](/etc/passwd)\n", "not relative")
        self.plant("[a](../../x)\n", "leaves the tree")


class Headers(Tree):
    def plant(self, text, *expected):
        self.write("include/a.h", text)
        found = self.found(check_headers)
        for part in expected:
            self.assertIn(part, found)

    def test_order_is_accepted(self):
        self.write("include/a.h", "#include <stdint.h>\nint32_t f(void);\n")
        self.assertEqual(self.found(check_headers), "")

    def test_what_one_compiler_refuses(self):
        self.plant("int32_t f(void);\n", "include/a.h:1: gcc -std=c11:", "clang -std=c11:", "g++ -std=c++17:")
        self.plant("int f(int class);\n", "g++ -std=c++17:", "clang++ -std=c++17:")
        self.plant("static inline int f(void) { return ({ 1; }); }\n", "gcc -std=c11:", "clang -std=c11:")


class StateTable(Tree):
    def run_tool(self, mode):
        out = io.StringIO()
        with redirect_stdout(out):
            status = state_table.main([mode, str(self.root)])
        return status, out.getvalue()

    def setUp(self):
        super().setUp()
        self.write(state_table.HEADER, TABLE)
        self.write(state_table.PAGE, f"# Title\n{marked.begin(state_table.NAME)}\n{marked.END}\nrest\n")
        self.assertEqual(self.run_tool("--write"), (0, ""))

    def test_written_is_equal(self):
        self.assertEqual(self.run_tool("--check"), (0, ""))
        page = (self.root / state_table.PAGE).read_text(encoding="utf-8")
        self.assertIn("| HOLDS CLOSED | 0 | too late | release | HOLDS CLOSED CLAIMED | 0 |", page)
        self.assertTrue(page.startswith("# Title\n") and page.endswith("\nrest\n"))

    def test_a_row_that_changed(self):
        self.write(state_table.HEADER, TABLE.replace("STATE_NOTHING, HOLDS, 0", "STATE_NOTHING, HOLDS, 1"))
        status, said = self.run_tool("--check")
        self.assertEqual(status, 1)
        self.assertIn("should be | – | 0 | done | – | HOLDS | 1 |", said)

    def test_a_row_that_cannot_be_read(self):
        self.write(state_table.HEADER, TABLE.replace("ROW(publish, 0, 0", "ROW(publish, 0"))
        self.assertEqual(self.run_tool("--check")[0], 1)

    def test_a_page_without_markers_and_no_page(self):
        self.write(state_table.PAGE, "# Title\n")
        self.assertIn("not marked", self.run_tool("--check")[1])
        (self.root / state_table.PAGE).unlink()
        self.assertIn("is missing", self.run_tool("--check")[1])


class ModelTable(Tree):
    FLAGS = "enum { STATE_CLOSED = 1 << 0, STATE_HOLDS = 1 << 4, STATE_COUNT_SHIFT = 9 };\n" \
            "typedef enum state_answer { STATE_DONE, /* had its effect */ STATE_TOO_LATE } state_answer;\n" \
            "typedef enum state_duty { STATE_NOTHING, STATE_RELEASE } state_duty;\n"

    def run_tool(self, mode):
        out = io.StringIO()
        with redirect_stdout(out):
            status = model_table.main([mode, str(self.root)])
        return status, out.getvalue()

    def setUp(self):
        super().setUp()
        self.write(state_table.HEADER, self.FLAGS + TABLE)
        self.write(model_table.MODEL, "")
        self.assertEqual(self.run_tool("--write"), (0, ""))

    def test_written_is_equal(self):
        self.assertEqual(self.run_tool("--check"), (0, ""))
        model = (self.root / model_table.MODEL).read_text(encoding="utf-8")
        self.assertIn("#define HOLDS 16\n#define DONE 1\n#define TOO_LATE 2\n#define NOTHING 0\n#define RELEASE 1\n", model)
        self.assertIn("    ROW(add_ref, HOLDS | CLOSED, 0, TOO_LATE, RELEASE, HOLDS | CLOSED | CLAIMED, 0) \\\n", model)
        self.assertTrue(model.endswith("    ROW(publish, 0, 0, DONE, NOTHING, HOLDS, 0)\n"))

    def test_a_row_or_a_flag_that_changed(self):
        self.write(state_table.HEADER, self.FLAGS + TABLE.replace("STATE_NOTHING, HOLDS, 0", "STATE_NOTHING, HOLDS, 1"))
        status, said = self.run_tool("--check")
        self.assertEqual(status, 1)
        self.assertIn("should be     ROW(publish, 0, 0, DONE, NOTHING, HOLDS, 1)", said)
        self.write(state_table.HEADER, self.FLAGS.replace("<< 4", "<< 5") + TABLE)
        self.assertIn("should be #define HOLDS 32", self.run_tool("--check")[1])

    def test_a_header_without_flags_and_a_model_that_is_missing(self):
        self.write(state_table.HEADER, TABLE)
        self.assertIn("there is no flag", self.run_tool("--check")[1])
        self.write(state_table.HEADER, self.FLAGS + TABLE)
        (self.root / model_table.MODEL).unlink()
        self.assertEqual(self.run_tool("--check")[0], 1)


class QuotedExamples(Tree):
    PAGE, PROGRAM = quote_examples.QUOTED[0]

    def run_tool(self, mode):
        out = io.StringIO()
        with redirect_stdout(out):
            status = quote_examples.main([mode, str(self.root)])
        return status, out.getvalue()

    def setUp(self):
        super().setUp()
        for page, program in quote_examples.QUOTED:
            self.write(program, SPDX_C + "int main(void);\n")
            self.write(page, f"# Title\n{marked.begin(program)}\n{marked.END}\n")
        self.assertEqual(self.run_tool("--write"), (0, ""))

    def test_written_is_equal(self):
        self.assertEqual(self.run_tool("--check"), (0, ""))
        self.assertIn("```c\nint main(void);\n```", (self.root / self.PAGE).read_text(encoding="utf-8"))

    def test_a_program_that_changed(self):
        self.write(self.PROGRAM, SPDX_C + "int main(int);\n")
        status, said = self.run_tool("--check")
        self.assertEqual(status, 1)
        self.assertIn("should be int main(int);", said)


class NothingToCheck(Tree):
    def test_an_empty_tree_is_a_failure(self):
        for checker in (check_includes, check_text, check_sizes, check_links, check_headers):
            (self.root / "include").mkdir(exist_ok=True)
            self.assertEqual(checker.check(self.root)[1], 0, checker.__name__)


if __name__ == "__main__":
    unittest.main()
