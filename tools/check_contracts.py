#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads SH_RELIABILITY (include/safehandle/contract.h), and refuses what does not keep it.

    check_contracts.py                         the library and docs/examples
    check_contracts.py FILE… [-- CFLAGS]       files of yours; CFLAGS as for your compiler: -I…, -D…

A function with a contract may call only what promises at least as much, in both words:

  - a function promises what its declaration says, or known_contracts.py; otherwise nothing;
  - a static function without a contract is part of whoever calls it: its body is looked at as if it stood there;
  - a call through a pointer promises what the pointer's declaration says (sh_kind.release says it), otherwise nothing;
  - a function that is handed on as an argument counts as called, unless the parameter says what it must keep.

A call whose failure the caller copes with may fail, and says so beside it or on the line above:
/* may fail here: what becomes of it */

A function, or another pointer, that is put into a pointer with a contract must declare one that keeps it, and so must all
callbacks of a sh_kind with a contract. Not seen: __attribute__((cleanup)), and pointers that went through a cast.

Exit status 0: kept; 1: broken, with a line for each; 2: a file could not be read.
"""
import os
import re
import sys
from pathlib import Path

import known_contracts
import tree

try:
    from clang.cindex import CursorKind, Diagnostic, Index, LinkageKind, TranslationUnitLoadError, TypeKind, conf
except ImportError:
    print("check_contracts: Python's module for libclang is missing (Debian: python3-clang)")
    sys.exit(2)

HANDLED = re.compile(r"/\* may fail here: [^*\s]")
PREFIX = "sh_reliability:"
CONSISTENCIES = ["may_corrupt_process", "may_corrupt_domain", "may_corrupt_instance", "will_not_corrupt_state"]
OUTCOMES = ["may_fail", "success"]

FLAGS = ["-x", "c", "-std=c11", "-DSH_READ_CONTRACTS", "-U_FORTIFY_SOURCE"]
TREE_FLAGS = ["-D_GNU_SOURCE", "-DSH_VERSION=\"\"", "-DSH_HAVE_BOEHM", "-Iruntime"]
TREE = ["runtime/", "docs/examples/"]
# Only builds that check contracts have these: they look at releases, and no release runs through them elsewhere.
CHECKS = ["runtime/contract/", "runtime/event/breach.c", "runtime/platform/posix/stack.c",
          "runtime/platform/posix/symbol.c", "runtime/gc/boehm/allocation.c"]


class Unreadable(Exception):
    """A file that is no C, or not with these flags."""


def is_as_strong(contract, wanted):
    return CONSISTENCIES.index(contract[0]) >= CONSISTENCIES.index(wanted[0]) and \
        OUTCOMES.index(contract[1]) >= OUTCOMES.index(wanted[1])


def words(contract):
    return f"({', '.join(contract)})"


def annotations(cursor):
    notes = [c.spelling for c in cursor.get_children() if c.kind == CursorKind.ANNOTATE_ATTR]
    return {tuple(note.removeprefix(PREFIX).split(",")) for note in notes if note.startswith(PREFIX)}


def declared(cursor):
    """The contract that a function, variable, field or parameter declares; None without one. Of several it is the
    first: check_one_contract tells."""
    return min(annotations(cursor), default=None)


def known(cursor):
    """What a function of the system promises. A static one of the same name is the program's own."""
    is_systems = cursor.kind == CursorKind.FUNCTION_DECL and cursor.linkage != LinkageKind.INTERNAL
    return known_contracts.contract(cursor.spelling) if is_systems else None


def callee(cursor):
    """What is named by an expression that calls or hands on: a declaration, or None when it is computed."""
    while cursor is not None and cursor.kind != CursorKind.DECL_REF_EXPR:
        if cursor.kind == CursorKind.MEMBER_REF_EXPR:
            return cursor.referenced
        if cursor.kind not in (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR, CursorKind.UNARY_OPERATOR,
                               CursorKind.CSTYLE_CAST_EXPR):
            return None
        cursor = next((c for c in cursor.get_children() if c.kind.is_expression()), None)
    return cursor.referenced if cursor is not None else None


def is_function_pointer(cursor):
    kind = cursor.type.get_canonical()
    return kind.kind == TypeKind.POINTER and kind.get_pointee().kind in (TypeKind.FUNCTIONPROTO,
                                                                         TypeKind.FUNCTIONNOPROTO)


def values(cursor):
    """What an expression may be: the functions and the pointers to functions that it names; None for one that comes out
    of a call."""
    parts = [c for c in cursor.get_children() if c.kind.is_expression()]
    if cursor.kind in (CursorKind.DECL_REF_EXPR, CursorKind.MEMBER_REF_EXPR):
        named = cursor.referenced
        if named is not None and (named.kind == CursorKind.FUNCTION_DECL or is_function_pointer(cursor)):
            yield named
    elif cursor.kind == CursorKind.CALL_EXPR:
        if is_function_pointer(cursor):
            yield None
    elif cursor.kind == CursorKind.CONDITIONAL_OPERATOR:
        for part in parts[1:]:
            yield from values(part)
    elif cursor.kind == CursorKind.BINARY_OPERATOR: # "," and "="
        yield from values(parts[-1])
    elif cursor.kind == CursorKind.ARRAY_SUBSCRIPT_EXPR:
        if is_function_pointer(cursor):
            yield callee(parts[0])
    elif cursor.kind in (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR, CursorKind.UNARY_OPERATOR,
                         CursorKind.CSTYLE_CAST_EXPR) and parts:
        yield from values(parts[-1])


def functions_in(cursor):
    """The functions whose address an expression may be."""
    return [named for named in values(cursor) if named is not None and named.kind == CursorKind.FUNCTION_DECL]


class Unit:
    """One translation unit."""

    def __init__(self, file, flags, root):
        self.root = root
        try:
            self.unit = Index.create().parse(str(file), [*FLAGS, *flags])
        except TranslationUnitLoadError as error:
            raise Unreadable(f"{file}: {error}") from error
        errors = [d for d in self.unit.diagnostics if d.severity >= Diagnostic.Error]
        if errors:
            raise Unreadable("\n".join(f"{self.place(d.location)}: {d.spelling}" for d in errors))
        self.violations = []
        self.lines = {}

    def place(self, location):
        name = Path(location.file.name) if location.file else Path("?")
        name = Path(os.path.normpath(name))
        shown = name.relative_to(self.root) if name.is_absolute() and name.is_relative_to(self.root) else name
        return f"{shown}:{location.line}"

    def tell(self, location, text):
        violation = f"{self.place(location)}: {text}"
        if violation not in self.violations:
            self.violations.append(violation)

    def ours(self):
        """Everything at file scope that no system header declares."""
        seen = {}
        for cursor in self.unit.cursor.get_children():
            name = cursor.location.file.name if cursor.location.file else None
            if name not in seen:
                seen[name] = name is not None and not conf.lib.clang_Location_isInSystemHeader(cursor.location)
            if seen[name]:
                yield cursor

    def check(self):
        for cursor in self.ours():
            self.check_one_contract(cursor)
            if cursor.kind == CursorKind.FUNCTION_DECL and cursor.is_definition():
                contract = declared(cursor)
                if contract is not None:
                    self.check_body(cursor, cursor, contract, [], set())
                self.check_pointers(cursor)
            elif cursor.kind == CursorKind.VAR_DECL:
                self.check_pointers(cursor)
        return self.violations

    def check_one_contract(self, cursor):
        found = annotations(cursor)
        if len(found) > 1:
            both = " and ".join(words(contract) for contract in sorted(found))
            self.tell(cursor.location, f"{cursor.spelling} is declared with {both}: it has one contract; write the same "
                                       "words at each declaration")

    # ---- calls -------------------------------------------------------------------------------------------------------

    def check_body(self, caller, function, contract, through, seen):
        """Every call in function against the contract of caller; through: the calls of static functions in between. A
        function that was looked at where its failures are coped with is looked at again where they are not."""
        seen.add((function.get_usr(), self.is_coped_with(through)))
        for call in function.walk_preorder():
            if call.kind == CursorKind.CALL_EXPR:
                self.check_call(caller, contract, through, seen, call)

    def check_call(self, caller, contract, through, seen, call):
        children = list(call.get_children())
        called = callee(children[0]) if children else None
        self.check_callee(caller, contract, through, seen, call, called)
        if called is not None and known_contracts.runs_nothing_it_is_handed(called.spelling):
            return
        parameters = list(called.get_arguments()) if called is not None and called.kind == CursorKind.FUNCTION_DECL else []
        for i, argument in enumerate(children[1:]):
            if i >= len(parameters) or declared(parameters[i]) is None:
                for handed in functions_in(argument):
                    self.check_callee(caller, contract, through, seen, argument, handed, "hands on")

    def check_callee(self, caller, contract, through, seen, call, called, verb="calls"):
        promised = self.promised(called)
        if promised is None:
            body = called.get_definition()
            if (body.get_usr(), self.is_coped_with([*through, call])) not in seen:
                self.check_body(caller, body, contract, [*through, call], seen)
        elif not is_as_strong(promised, contract) and not self.is_handled([*through, call], promised, contract):
            path = "".join(f"calls {between.spelling}, which " for between in through)
            self.tell(call.location, f"{caller.spelling} {words(contract)} {path}{verb} {self.named(called)} "
                                     f"{words(promised)}: {self.advice(called)}")

    def is_handled(self, calls, promised, contract):
        """Only the outcome is too weak, and a comment at one of the calls on the way says what becomes of a failure."""
        return is_as_strong((promised[0], contract[1]), contract) and self.is_coped_with(calls)

    def is_coped_with(self, calls):
        return any(self.copes(call.location) for call in calls)

    def copes(self, location):
        name = location.file.name
        if name not in self.lines:
            self.lines[name] = Path(name).read_text(encoding="utf-8").splitlines()
        beside = self.lines[name][max(location.line - 2, 0):location.line]
        return any(HANDLED.search(line) for line in beside)

    @staticmethod
    def promised(called):
        """The contract of what is called; None for a static function whose body has to be looked at."""
        if called is None:
            return known_contracts.WEAKEST
        contract = declared(called) or known(called)
        if contract is None and called.kind == CursorKind.FUNCTION_DECL and \
                called.linkage == LinkageKind.INTERNAL and called.get_definition() is not None:
            return None
        return contract or known_contracts.WEAKEST

    @staticmethod
    def named(called):
        if called is None:
            return "a computed pointer"
        if called.kind == CursorKind.FIELD_DECL:
            return f"the pointer {called.semantic_parent.spelling}.{called.spelling}"
        # The program wrote the name of the macro in front of it.
        return called.spelling.removesuffix("_inline") if called.kind == CursorKind.FUNCTION_DECL else \
            f"the pointer {called.spelling}"

    def advice(self, called):
        if called is None:
            return "call through a pointer whose declaration has a contract"
        has_words = declared(called) is not None or known(called) is not None
        if has_words:
            return "do this work before, where it may fail; or cope with its failure and say how: " \
                   "/* may fail here: … */"
        return f"give {self.named(called)} the SH_RELIABILITY that it keeps, or do not call it here"

    # ---- functions that are put into pointers ------------------------------------------------------------------------

    def check_pointers(self, cursor):
        """Initialisers, assignments and arguments below cursor."""
        for below in cursor.walk_preorder():
            if below.kind == CursorKind.VAR_DECL:
                self.check_variable(below)
            elif below.kind == CursorKind.INIT_LIST_EXPR:
                self.check_list(below)
            elif below.kind == CursorKind.BINARY_OPERATOR:
                left, right = below.get_children()
                self.check_stored(right, self.place_stored(left), below)
            elif below.kind == CursorKind.CALL_EXPR and below.referenced is not None:
                for parameter, argument in zip(below.referenced.get_arguments(), below.get_arguments()):
                    self.check_stored(argument, parameter, below)

    @staticmethod
    def place_stored(left):
        return callee(left) if left.kind in (CursorKind.MEMBER_REF_EXPR, CursorKind.DECL_REF_EXPR) else None

    def check_variable(self, variable):
        """A pointer's own value; and the callbacks of a kind that has a contract itself."""
        contract = declared(variable)
        value = [c for c in variable.get_children() if c.kind.is_expression()]
        if not value or contract is None:
            return
        if value[-1].kind != CursorKind.INIT_LIST_EXPR:
            self.check_stored(value[-1], variable, value[-1])
            return
        for below in value[-1].walk_preorder():
            if below.kind == CursorKind.DECL_REF_EXPR and below.referenced.kind == CursorKind.FUNCTION_DECL:
                self.check_kept(below.referenced, contract, variable.spelling, below)

    def check_list(self, values):
        fields = list(values.type.get_canonical().get_fields())
        next_field = 0
        for value in values.get_children():
            children = list(value.get_children())
            designators = [c for c in children[:-1] if c.kind == CursorKind.MEMBER_REF] # .outer.inner = value
            if designators:
                first, field, value = designators[0], designators[-1].referenced, children[-1]
                next_field = next((i + 1 for i, f in enumerate(fields) if f.spelling == first.spelling), len(fields))
            elif next_field < len(fields):
                field = fields[next_field]
                next_field += 1
            else:
                continue
            self.check_stored(value, field, value)

    def check_stored(self, value, pointer, where):
        if value is None or pointer is None or pointer.kind == CursorKind.FUNCTION_DECL:
            return
        contract = declared(pointer)
        if contract is not None:
            for named in values(value):
                self.check_kept(named, contract, self.named(pointer), where)

    def check_kept(self, stored, contract, pointer, where):
        """stored: a function, a pointer to one, or None for one that is computed."""
        promised = None if stored is None else declared(stored) or known(stored)
        if promised is not None and is_as_strong(promised, contract):
            return
        said = words(promised) if promised else "without a contract"
        to_do = "name the function here" if stored is None else \
            f"write SH_RELIABILITY({', '.join(contract)}) " \
            f"{'before' if stored.kind == CursorKind.FUNCTION_DECL else 'behind'} it, and see that it is kept"
        self.tell(where.location, f"{self.named(stored)}, {said}, is put where {pointer} asks for {words(contract)}: "
                                  f"{to_do}")


def check_files(files, flags, root):
    """(violations, number of files read)"""
    violations = []
    for file in files:
        for violation in Unit(file, flags, root).check():
            if violation not in violations:
                violations.append(violation)
    return violations, len(files)


def check(root):
    """The library and the examples, without the tests."""
    files = [f for f in tree.files(root, ".c") if f.relative_to(root).as_posix().startswith(tuple(TREE))
             and not f.relative_to(root).as_posix().startswith(tuple(CHECKS))
             and not f.name.endswith("_test.c") and "testing" not in f.parts]
    flags = [f"-I{root / flag[2:]}" if flag.startswith("-I") else flag for flag in TREE_FLAGS]
    return check_files(files, [*flags, f"-I{root / 'include'}"], root)


def main(arguments):
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    split = arguments.index("--") if "--" in arguments else len(arguments)
    files, flags = arguments[:split], arguments[split + 1:]
    try:
        found = check_files(files, [*flags, f"-I{tree.ROOT / 'include'}"], Path.cwd()) if files else check(tree.ROOT)
    except Unreadable as problem:
        print(f"check_contracts: cannot read it as C, with the CFLAGS after --:\n{problem}")
        return 2
    return tree.finish("check_contracts", *found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
