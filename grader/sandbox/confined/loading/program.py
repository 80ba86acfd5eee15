"""Runs a submission's program one top-level statement after another, so that a failing statement does not stop it.

Runs beside student code: the standard library only.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import inspect
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..reading.imports import bound_by
from .names import Names

MOST_PARTS = 4_000  # in all files of a submission; with more statements, several form one part
MOST_TROUBLES, MOST_NAMES, NAME_CHARS = 90, 20, 100
SKIPPED = "skipped"  # kind of a trouble: the trusted side chose to skip the statement
OPENED = "opened"  # the same, and the statements in its blocks were run one by one

FUTURES = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

BLOCKS = (ast.If, ast.With, ast.Try, ast.For, ast.While)
BODIES = ("body", "orelse", "finalbody")

Place = tuple[int, int, int]  # the number of a file, a line and a column there


class Part:
    """One or several top-level statements: their place and code."""

    __slots__ = ("code", "nodes", "place")

    def __init__(self, place: Place, nodes: Sequence[ast.stmt], code: types.CodeType) -> None:
        self.place, self.nodes, self.code = place, nodes, code

    @property
    def defines(self) -> bool:
        """Whether this is a definition, import or assignment, or contains definitions or imports."""
        kinds = (*DEFINITIONS, ast.Assign, ast.AnnAssign)
        return any(
            isinstance(node, kinds) or any(isinstance(item, DEFINITIONS) for item in inner(node)) for node in self.nodes
        )

    @property
    def binds(self) -> list[str]:
        """Names that this binds in its module."""
        found: dict[str, None] = {}
        for node in (item for top in self.nodes for item in (top, *inner(top))):
            if isinstance(node, SCOPES) and hasattr(node, "name"):
                found[node.name] = None
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found.update(dict.fromkeys(name for name, _ in bound_by(node)))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = None
        return list(found)


def inner(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes inside a node that are in the same scope."""
    for child in () if isinstance(node, SCOPES) else ast.iter_child_nodes(node):
        yield child
        yield from inner(child)


def part_of(number: int, nodes: list[ast.stmt], file: str, flags: int) -> Part:
    """Compile statements of a file."""
    code = compile(ast.Module(nodes, []), file, "exec", flags, dont_inherit=True)
    return Part((number, nodes[0].lineno, nodes[0].col_offset), nodes, code)


def opened(part: Part, file: str) -> list[Part]:
    """Return the statements in the blocks of a statement, each compiled by itself, if there are definitions among them."""
    blocks = [node for node in part.nodes if isinstance(node, BLOCKS)]
    if not any(isinstance(item, SCOPES) and hasattr(item, "name") for node in blocks for item in inner(node)):
        return []
    flags = part.code.co_flags & sum(FUTURES.values())
    inside = (node for block in blocks for name in BODIES for node in getattr(block, name, []))
    return [part_of(part.place[0], [node], file, flags) for node in inside]


def has_classes(node: ast.If) -> bool:
    """Return whether there are classes in a block."""
    return any(isinstance(item, ast.ClassDef) for item in node.body)


def is_main_guard(node: ast.If) -> bool:
    """Return whether this is `if __name__ == "__main__":`, with nothing else."""
    test = node.test
    if node.orelse or not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = {ast.unparse(side) for side in (test.left, *test.comparators)}
    return sides == {"__name__", "'__main__'"}


class Program:
    """The source files of a submission, and the troubles that occurred when they were run.

    announce tells the trusted side which statement begins; describe turns an exception into a fault; stand_in creates
    the stand-in for a dotted name in a package that is not installed. unread are files of the submission that could not
    be read; contract are the names that the trusted side calls.
    """

    def __init__(
        self,
        texts: dict[str, str],
        *,
        announce: Callable[[Place], None],
        describe: Callable[[BaseException, str], dict[str, Any]],
        stand_in: Callable[[str], Any],
        is_notebook: bool,
        unread: Iterable[str],
        contract: Iterable[str],
    ) -> None:
        self.troubles: list[dict[str, Any]] = []
        self._texts = texts
        self._announce, self._describe, self._stand_in = announce, describe, stand_in
        self._own = {step for file in (*texts, *unread) for step in file.removesuffix(".py").split("/")}
        self._is_notebook = is_notebook
        self._contract = set(contract)
        self._skipped: set[Place] = set()
        self._ending: tuple[type[BaseException], ...] = ()
        self._is_brief = self._opens_guard = False
        self._lost: dict[str, dict[str, Any]] = {}  # names that were not bound, with the trouble that caused it
        self._absent: dict[str, dict[str, Any]] = {}  # missing packages, with the trouble of their first import
        self._running: list[Place] = []
        self._parts: dict[tuple[str, bool], list[Part]] = {}
        self._opened: dict[Place, list[Part]] = {}  # the statements in the blocks of those that are skipped

    def start(
        self,
        skipped: Iterable[Sequence[int]],
        *,
        ending: tuple[type[BaseException], ...] = (),
        is_brief: bool = False,
        opens_guard: bool = False,
    ) -> None:
        """Reset before a run. skipped are statements that do not run; exceptions of the types in `ending` end the run.

        is_brief: run only definitions, imports and assignments.
        """
        self.troubles, self._lost, self._absent, self._running = [], {}, {}, []
        self._skipped = {(file, line, column) for file, line, column in skipped}
        self._ending, self._is_brief, self._opens_guard = ending, is_brief, opens_guard

    def parts(self, file: str) -> list[Part]:
        """Return the statements of a file; raise SyntaxError if it is not valid Python."""
        number = [*self._texts].index(file)
        opens_guard = self._opens_guard and number == 0
        kept = self._parts.get((file, opens_guard))
        if kept is None:
            with warnings.catch_warnings(action="ignore"):  # about a student's "\\d"
                kept = self._parts[file, opens_guard] = self._parsed(number, file, opens_guard=opens_guard)
        return kept

    def _parsed(self, number: int, file: str, *, opens_guard: bool) -> list[Part]:
        """Return the statements of a file, each compiled separately with the file's flags.

        opens_guard: treat the statements below `if __name__ == "__main__":` as top-level ones, as always if there are classes.
        """
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self._is_notebook and number == 0 else 0
        body: list[ast.stmt] = []
        for index, node in enumerate(ast.parse(self._texts[file], file).body):
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                for alias in node.names:
                    flags |= FUTURES.get(alias.name, 0)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and index:
                continue  # a string on its own would become the docstring when compiled separately
            if isinstance(node, ast.Import):
                body += [ast.copy_location(ast.Import([alias]), alias) for alias in node.names]
            elif isinstance(node, ast.If) and is_main_guard(node) and (opens_guard or has_classes(node)):
                body += node.body
            else:
                body.append(node)
        size = len(body) * len(self._texts) // MOST_PARTS + 1
        return [part_of(number, body[start : start + size], file, flags) for start in range(0, len(body), size)]

    def every(self) -> Iterator[Part]:
        """Yield the statements of all files that are valid Python."""
        for file in self._texts:
            with contextlib.suppress(SyntaxError):
                yield from self.parts(file)
        for parts in self._opened.values():
            yield from parts

    def run(self, file: str, module: types.ModuleType) -> None:
        """Run a file in a module; record what a statement raises, and continue with the next one."""
        names = Names(module.__dict__)
        try:
            for part in self.parts(file):
                self._run(part, file, names)
        finally:
            names.give_back(self._contract, (node for part in self.parts(file) for node in part.nodes))
        # Now the statement that imported this file continues; at the end of the program no statement is running.
        self._announce(self._running[-1] if self._running else (len(self._texts), 1, 0))

    def _run(self, part: Part, file: str, names: Names) -> None:
        """Run a statement; of a skipped one with definitions in its blocks, run the statements in these one by one."""
        if part.place in self._skipped:
            inside = self._opened.setdefault(part.place, opened(part, file))
            fault = {"kind": OPENED if inside else SKIPPED, "type": "", "message": "", "line": part.place[1]}
            trouble = self._add_trouble(part, fault, names.namespace)
            for statement in inside:
                self._run(statement, file, names)
            if not inside:
                self._mark_lost(part, trouble)
            return
        if self._is_brief and not part.defines:
            return
        self._running.append(part.place)
        self._announce(part.place)
        try:
            execute(part.code, names.namespace)
        except BaseException as error:
            if isinstance(error, self._ending):
                raise
            self._record(part, error, file, names.namespace)
        finally:
            self._running.pop()
            names.look()

    def _record(self, part: Part, error: BaseException, file: str, names: dict[str, Any]) -> None:
        """Record an exception of a statement; if it only misses a name that another one did not bind, blame that one."""
        fault = self._describe(error, file)
        fault["line"] = fault["line"] or part.place[1]
        if isinstance(error, ModuleNotFoundError) and error.name and top(error.name) not in self._own:
            package = top(error.name)
            absent = fault | {"kind": "absent", "message": package}
            self._absent[package] = self._absent.get(package) or self._add_trouble(part, absent, names)
            self._bind_stand_ins(part, package, names)
            return
        missed = getattr(error, "name", None) if isinstance(error, NameError) else None
        package = top(fault["message"]) if fault["kind"] == "absent" else ""
        reason = self._lost.get(missed) if missed else self._absent.get(package)
        self._mark_lost(part, reason or self._add_trouble(part, fault, names))

    def _add_trouble(self, part: Part, fault: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
        """Return the trouble of a statement that failed or was skipped, after adding it to the list while there is room."""
        kept = [name for name in part.binds if name in names and isinstance(part.nodes[0], SCOPES)]
        trouble = {"place": part.place, **fault, "names": [], "kept": kept[:1]}
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(trouble)
        return trouble

    def _mark_lost(self, part: Part, trouble: dict[str, Any]) -> None:
        """Record that a statement did not bind its names because of this trouble."""
        for name in part.binds:
            self._lost.setdefault(name, trouble)
            if len(trouble["names"]) < MOST_NAMES:
                trouble["names"].append(name[:NAME_CHARS])

    def _bind_stand_ins(self, part: Part, package: str, names: dict[str, Any]) -> None:
        """Bind stand-ins to the names that the imports of a missing package would have bound."""
        imports = [
            item for top in part.nodes for item in (top, *inner(top)) if isinstance(item, (ast.Import, ast.ImportFrom))
        ]
        for node in imports:
            bound = bound_by(node)
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                bound = [(name, f"{node.module}.{name}") for name in self.free_names()]
            for name, meant in bound:
                if top(meant) == package or node in part.nodes:
                    names.setdefault(name, self._stand_in(meant))

    def free_names(self) -> list[str]:
        """Return the names that the program uses and does not bind: `from package import *` may bind them."""
        nodes = [node for part in self.every() for child in part.nodes for node in ast.walk(child)]
        used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
        bound |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        bound |= {getattr(node, "name", "") for node in nodes if isinstance(node, SCOPES)}
        bound |= {
            name for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for name, _ in bound_by(node)
        }
        return sorted(used - bound - {*vars(builtins)})


def top(name: str) -> str:
    """Return the first part of a dotted name: the package."""
    return name.partition(".")[0]


def execute(code: types.CodeType, names: dict[str, Any]) -> None:
    """Run code, which may use top-level await if it is from a notebook."""
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, names)
        return
    import asyncio
    import selectors

    class Loop(asyncio.SelectorEventLoop):
        """An event loop without the socket pair for wake-ups from other threads: the sandbox denies sockets."""

        def _make_self_pipe(self) -> None:
            self._internal_fds = 0

        def _close_self_pipe(self) -> None:
            pass

    loop = Loop(selectors.SelectSelector())
    try:
        loop.run_until_complete(types.FunctionType(code, names)())
    finally:
        loop.close()
