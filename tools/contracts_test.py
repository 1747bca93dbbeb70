#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_contracts.py is shown small programs that keep their contracts, and others that break one, which it must name."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).parent / "check_contracts.py"
BEST = "SH_RELIABILITY(will_not_corrupt_state, success)"
FIRST = """#include <errno.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
"""
CLEAN = f"""
static void wipe(char *bytes)
{{
    memset(bytes, 0, 8);
}}
{BEST}
static int thing_release(sh_raw raw, void *context)
{{
    wipe(context);
    free(context);
    return close((int)raw) == 0 ? 0 : errno;
}}
{BEST}
static const sh_kind thing = {{.name = "thing", .invalid_value = -1, .release = thing_release}};
const sh_kind *the_thing = &thing;
"""


class Contracts(unittest.TestCase):
    def run_on(self, text, *flags):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "sample.c"
            file.write_text(FIRST + text, encoding="utf-8")
            done = subprocess.run([sys.executable, TOOL, "sample.c", *flags], cwd=directory, capture_output=True,
                                  text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def accepts(self, text):
        self.assertEqual(self.run_on(text), (0, ""))

    def rejects(self, text, *named):
        status, said = self.run_on(text)
        self.assertEqual(status, 1, said)
        for name in named:
            self.assertIn(name, said)

    def test_a_kind_that_keeps_its_contract(self):
        self.accepts(CLEAN)

    def test_a_release_without_a_contract(self):
        self.rejects(CLEAN.replace(BEST, "", 1), "sample.c:19: thing_release, without a contract",
                     "sh_kind.release asks for (will_not_corrupt_state, success)")

    def test_a_release_with_a_weaker_one(self):
        for weaker in ("will_not_corrupt_state, may_fail", "may_corrupt_instance, success"):
            self.rejects(CLEAN.replace("will_not_corrupt_state, success", weaker, 1), "thing_release",
                         f"({weaker})", "sh_kind.release")

    def test_a_release_that_allocates(self):
        self.rejects(CLEAN.replace("    wipe(context);", "    strdup(context);"), "sample.c:14: thing_release",
                     "calls strdup (will_not_corrupt_state, may_fail)", "do this work before")

    def test_a_release_that_allocates_indirectly(self):
        self.rejects(CLEAN.replace("memset(bytes, 0, 8)", "strdup(bytes)"), "sample.c:9: thing_release",
                     "calls wipe, which calls strdup")

    def test_helpers_that_call_each_other(self):
        rounds = "static int odd(int n);\nstatic int even(int n) { return n == 0 || odd(n - 1); }\n" \
                 "static int odd(int n) { return n != 0 && even(n - 1); }\n"
        self.accepts(rounds + CLEAN.replace("wipe(context);", "(void)even(2);", 1).replace("static void", "void"))
        self.rejects(rounds.replace("even(n - 1)", "even(n - 1) && malloc(1)") +
                     CLEAN.replace("wipe(context);", "(void)even(2);").replace("static void", "void"),
                     "calls even, which calls odd, which calls malloc")

    def test_a_function_of_another_file(self):
        elsewhere = CLEAN.replace("static void wipe(char *bytes)\n{\n    memset(bytes, 0, 8);\n}", "{}void wipe(char *);")
        self.rejects(elsewhere.replace("{}", ""), "calls wipe (may_corrupt_process, may_fail)", "give wipe the SH_REL")
        self.accepts(elsewhere.replace("{}", BEST + " "))
        self.rejects(elsewhere.replace("{}", "SH_RELIABILITY(may_corrupt_domain, success) "), "may_corrupt_domain")

    def test_what_the_public_functions_promise(self):
        self.accepts(CLEAN.replace("wipe(context);", "(void)sh_close(context);").replace("static void", "void"))
        self.rejects(CLEAN.replace("wipe(context);", "(void)sh_dangerous_add_ref(context, NULL);")
                     .replace("static void", "void"), "calls sh_dangerous_add_ref (will_not_corrupt_state, may_fail)")

    def test_a_pointer(self):
        call = CLEAN.replace("wipe(context);", "step();").replace("static void", "void")
        self.rejects("static int (*step)(void);\n" + call, "calls the pointer step (may_corrupt_process, may_fail)")
        self.accepts(f"static int (*step)(void) {BEST};\n" + call)
        self.rejects("static int (*step[2])(void);\n" + call.replace("step()", "step[1]()"), "calls a computed pointer")

    def test_what_is_put_into_a_pointer(self):
        pointer = f"int one(void);\nstatic int (*step)(void) {BEST} = one;\nint run(void) {{ return step(); }}\n"
        self.rejects(pointer, "sample.c:7: one, without a contract, is put where the pointer step asks for")
        self.rejects(pointer.replace("= one", "").replace("return", "step = one; return"), "sample.c:8: one")
        self.accepts(BEST + pointer)

    def test_what_may_be_put_into_a_pointer(self):
        """Whatever way it gets there."""
        leak = "int leak(sh_raw raw, void *c);\nint (*other)(sh_raw, void *);\nint (*make(void))(sh_raw, void *);\n" \
               "extern int many;\nextern sh_kind k, l;\nvoid fill(void) { k.release = {}; }\n"
        for value in ("many ? leak : NULL", "l.release = leak", "(many++, leak)"):
            self.rejects(leak.replace("{}", value), "sample.c:11: leak, without a contract, is put where the pointer sh_k")
        self.rejects(leak.replace("{}", "other"), "the pointer other, without a contract, is put", "behind it")
        self.rejects(leak.replace("{}", "make()"), "a computed pointer, without a contract, is put", "name the function")
        self.accepts(leak.replace("{}", "l.release"))
        self.accepts(leak.replace("{}", "NULL"))

    def test_a_kind_inside_of_something_larger(self):
        leak = "int leak(sh_raw raw, void *c);\nstruct outer { int first; sh_kind kind; };\n"
        for outer in ("struct outer one = {.kind.release = leak};", "sh_kind two[2] = {[1].release = leak};",
                      "struct outer one = {1, {.release = leak}};"):
            self.rejects(leak + outer, "sample.c:8: leak, without a contract, is put where the pointer sh_kind.release")

    def test_a_kind_filled_in_by_place(self):
        self.rejects(CLEAN.replace('.name = "thing", .invalid_value = -1, .release = thing_release',
                                   '"thing", 0, -1, 0, leak').replace(BEST, "int leak(sh_raw raw, void *c);\n" + BEST),
                     "leak, without a contract, is put where the pointer sh_kind.release")

    def test_a_kind_filled_in_later(self):
        self.rejects("int leak(sh_raw raw, void *c);\nvoid fill(sh_kind *k) { k->release = &leak; }\n", "sample.c:7: leak")

    def test_all_callbacks_keep_the_kinds_contract(self):
        self.rejects("SH_RELIABILITY(will_not_corrupt_state, may_fail) static int wake(sh_raw raw, void *c)\n"
                     "{ (void)c; return (int)raw; }\n" + CLEAN.replace(".name", ".interrupt = wake, .name"),
                     "wake, (will_not_corrupt_state, may_fail), is put where thing asks for")

    def test_a_function_handed_on(self):
        handed = CLEAN.replace("wipe(context);", "each(grow);").replace("static void", "void")
        each = f"{BEST} void each(void (*visit)(void){{}});\nvoid grow(void);\n"
        self.rejects(each.replace("{}", "") + handed, "thing_release", "hands on grow (may_corrupt_process, may_fail)")
        self.rejects(each.replace("{}", " " + BEST) + handed, "grow, without a contract, is put where the pointer visit")

    def test_a_failure_that_is_handled(self):
        handled = CLEAN.replace("    wipe(context);", "    /* may fail here: then nothing is told */\n    strdup(context);")
        self.accepts(handled.replace("static void", "void"))
        self.rejects(handled.replace("strdup", "unheard_of").replace("static void", "int unheard_of(void *);\nvoid"),
                     "unheard_of")
        self.rejects(handled.replace(": then nothing is told", ":").replace("static void", "void"), "strdup")

    def test_a_failure_that_is_handled_in_one_place_only(self):
        once = "    /* may fail here: then nothing is told */\n    wipe(context);\n"
        grows = CLEAN.replace("memset(bytes, 0, 8)", "strdup(bytes)")
        self.accepts(grows.replace("    wipe(context);\n", once))
        self.rejects(grows.replace("    wipe(context);\n", once + "\n    wipe(context);\n"), "calls wipe, which calls strdup")

    def test_the_names_of_others(self):
        """A static function that is called like one of the system, and a function of the system under another name."""
        self.rejects(CLEAN.replace("wipe", "timer_delete").replace("memset(bytes, 0, 8)", "strdup(bytes)"),
                     "calls timer_delete, which calls strdup")
        self.rejects(CLEAN.replace("wipe(context)", "__builtin_printf(context)").replace("static void", "void"),
                     "calls __builtin_printf (may_corrupt_process, may_fail)")

    def test_two_contracts_for_one_function(self):
        self.rejects(f"{BEST} int one(void);\nSH_RELIABILITY(will_not_corrupt_state, may_fail) int one(void);\n",
                     "one is declared with", "it has one contract")

    def test_the_page_shows_what_it_says(self):
        program = "packaging/consumer/broken_release.c"
        said = subprocess.run([sys.executable, TOOL, program, "--", "-D_GNU_SOURCE"], cwd=TOOL.parent.parent,
                              capture_output=True, text=True, check=False).stdout
        self.assertIn(program, said)
        self.assertIn(said, (TOOL.parent.parent / "docs" / "contracts.md").read_text(encoding="utf-8"))

    def test_what_is_no_c(self):
        status, said = self.run_on("int one(void;\n")
        self.assertEqual(status, 2)
        self.assertIn("sample.c:6", said)

    def test_flags_for_the_compiler(self):
        self.assertEqual(self.run_on(CLEAN.replace("strdup", "x") + "NUMBER one;\n", "--", "-DNUMBER=int"), (0, ""))


if __name__ == "__main__":
    unittest.main()
