"""A submission's program as it is run: one top-level statement after another, whatever way one of them ends.

Runs beside student code, as worker.py does: the standard library only.
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

MOST_PARTS = 4_000  # of all files of a submission: where there are more statements, several are one part
MOST_TROUBLES, MOST_NAMES, NAME_CHARS = 90, 20, 100
SKIPPED = "skipped"  # the kind of a trouble that the other side knows

FUTURES = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

Place = tuple[int, int, int]  # the number of a file, a line and a column there


class Part:
    """A top-level statement, or several: its place and its code."""

    __slots__ = ("code", "nodes", "place")

    def __init__(self, place: Place, nodes: Sequence[ast.stmt], code: types.CodeType) -> None:
        self.place, self.nodes, self.code = place, nodes, code

    @property
    def defines(self) -> bool:
        """Return whether this is a definition, an import or an assignment, or holds definitions or imports."""
        kinds = (*DEFINITIONS, ast.Assign, ast.AnnAssign)
        return any(
            isinstance(node, kinds) or any(isinstance(item, DEFINITIONS) for item in inner(node)) for node in self.nodes
        )

    @property
    def binds(self) -> list[str]:
        """Return the names that this binds in its module."""
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
    """Yield what is inside a node and in its scope."""
    for child in () if isinstance(node, SCOPES) else ast.iter_child_nodes(node):
        yield child
        yield from inner(child)


def bound_by(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """Return (name, dotted name of what it stands for) of each name that an import binds."""
    if isinstance(node, ast.Import):
        return [(name.asname, name.name) if name.asname else (name.name.partition(".")[0],) * 2 for name in node.names]
    start = "." * node.level + (node.module or "")
    return [(name.asname or name.name, f"{start}.{name.name}") for name in node.names if name.name != "*"]


def parts_of(number: int, text: str, file: str, most: int, *, is_notebook: bool, opens_guard: bool) -> list[Part]:
    """Return the top-level statements of a file, each compiled by itself as the file would be as a whole.

    opens_guard: the statements below `if __name__ == "__main__":` are top-level ones.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\\d" is not ours to print about
        return list(
            compiled(number, ast.parse(text, file), file, most, is_notebook=is_notebook, opens_guard=opens_guard)
        )


def compiled(
    number: int, tree: ast.Module, file: str, most: int, *, is_notebook: bool, opens_guard: bool
) -> Iterator[Part]:
    """Yield the parts of a syntax tree."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if is_notebook else 0
    body: list[ast.stmt] = []
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= FUTURES.get(alias.name, 0)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and index:
            continue  # a text alone: compiled by itself it would be the docstring
        if isinstance(node, ast.Import):
            body += [ast.copy_location(ast.Import([alias]), alias) for alias in node.names]
        elif opens_guard and isinstance(node, ast.If) and is_main_guard(node):
            body += node.body
        else:
            body.append(node)
    size = len(body) // most + 1
    for start in range(0, len(body), size):
        nodes = body[start : start + size]
        code = compile(ast.Module(nodes, []), file, "exec", flags, dont_inherit=True)
        yield Part((number, nodes[0].lineno, nodes[0].col_offset), nodes, code)


def is_main_guard(node: ast.If) -> bool:
    """Return whether this is `if __name__ == "__main__":`, with nothing else."""
    test = node.test
    if node.orelse or not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = {ast.unparse(side) for side in (test.left, *test.comparators)}
    return sides == {"__name__", "'__main__'"}


class Program:
    """The files of a submission, and what went wrong when they were run.

    tell says to the trusted side which statement begins; describe makes a fault of an exception; stand_in makes what
    stands for something of a package that is not installed, by its dotted name. unread are files that were handed in, too.
    """

    def __init__(
        self,
        texts: dict[str, str],
        *,
        tell: Callable[[Place], None],
        describe: Callable[[BaseException, str], dict[str, Any]],
        stand_in: Callable[[str], Any],
        is_notebook: bool,
        unread: Iterable[str],
    ) -> None:
        self.troubles: list[dict[str, Any]] = []
        self._texts = texts
        self._tell, self._describe, self._stand_in = tell, describe, stand_in
        self._own = {step for file in (*texts, *unread) for step in file.removesuffix(".py").split("/")}
        self._is_notebook = is_notebook
        self._skipped: set[Place] = set()
        self._ending: tuple[type[BaseException], ...] = ()
        self._is_brief = self._opens_guard = False
        self._lost: dict[str, dict[str, Any]] = {}  # names that were not bound, and the trouble that is the reason
        self._absent: dict[str, dict[str, Any]] = {}  # packages, and the trouble of their first import
        self._running: list[Place] = []
        self._parts: dict[tuple[str, bool], list[Part]] = {}

    def start(
        self,
        skipped: Iterable[Sequence[int]],
        *,
        ending: tuple[type[BaseException], ...] = (),
        is_brief: bool = False,
        opens_guard: bool = False,
    ) -> None:
        """Forget the last run. What is skipped does not run; ending are exceptions that end the next run.

        is_brief: only definitions, imports and assignments run.
        """
        self.troubles, self._lost, self._absent, self._running = [], {}, {}, []
        self._skipped = {(file, line, column) for file, line, column in skipped}
        self._ending, self._is_brief, self._opens_guard = ending, is_brief, opens_guard

    def parts(self, file: str) -> list[Part]:
        """Return the statements of a file; SyntaxError where it is no Python."""
        number = [*self._texts].index(file)
        opens_guard = self._opens_guard and number == 0
        kept = self._parts.get((file, opens_guard))
        if kept is None:
            kept = self._parts[file, opens_guard] = parts_of(
                number, self._texts[file], file, MOST_PARTS // len(self._texts),
                is_notebook=self._is_notebook and number == 0, opens_guard=opens_guard,
            )  # fmt: skip
        return kept

    def every(self) -> Iterator[Part]:
        """Yield the statements of all files that are Python."""
        for file in self._texts:
            with contextlib.suppress(SyntaxError):
                yield from self.parts(file)

    def run(self, file: str, module: types.ModuleType) -> None:
        """Run a file in a module; what a statement raises is noted, and the next one runs."""
        names = module.__dict__
        for part in self.parts(file):
            if part.place in self._skipped or (self._is_brief and not part.defines):
                if part.place in self._skipped:
                    told = {"kind": SKIPPED, "type": "", "message": "", "line": part.place[1]}
                    self._lose(part, self._keep(part, told, names))
                continue
            self._running.append(part.place)
            self._tell(part.place)
            try:
                execute(part.code, names)
            except BaseException as error:
                if isinstance(error, self._ending):
                    raise
                self._note(part, error, file, names)
            finally:
                self._running.pop()
        # The import in another file goes on, or nothing does: no statement is to blame for what comes now.
        self._tell(self._running[-1] if self._running else (len(self._texts), 1, 0))

    def _note(self, part: Part, error: BaseException, file: str, names: dict[str, Any]) -> None:
        """Note what a statement raised; what only misses what another one would have bound belongs to that one."""
        told = self._describe(error, file)
        told["line"] = told["line"] or part.place[1]
        if isinstance(error, ModuleNotFoundError) and error.name and top(error.name) not in self._own:
            package = top(error.name)
            cause = self._absent.get(package) or self._keep(part, told | {"kind": "absent", "message": package}, names)
            self._absent[package] = cause
            self._bind(part, package, names)
            return
        missed = getattr(error, "name", None) if isinstance(error, NameError) else None
        package = top(told["message"]) if told["kind"] == "absent" else ""
        reason = self._lost.get(missed) if missed else self._absent.get(package)
        self._lose(part, reason or self._keep(part, told, names))

    def _keep(self, part: Part, told: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
        """Keep what the other side is told of a statement that failed or was left out, and return it."""
        kept = [name for name in part.binds if name in names and isinstance(part.nodes[0], SCOPES)]
        trouble = {"place": part.place, **told, "names": [], "kept": kept[:1]}
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(trouble)
        return trouble

    def _lose(self, part: Part, trouble: dict[str, Any]) -> None:
        """Keep that a statement did not bind its names, and why."""
        for name in part.binds:
            self._lost.setdefault(name, trouble)
            if len(trouble["names"]) < MOST_NAMES:
                trouble["names"].append(name[:NAME_CHARS])

    def _bind(self, part: Part, package: str, names: dict[str, Any]) -> None:
        """Let stand-ins have the names that the imports of a package would have bound."""
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
        """Return the names that the program uses and nothing in it binds: those of `from package import *`."""
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
    """Return the package of a dotted name."""
    return name.partition(".")[0]


def execute(code: types.CodeType, names: dict[str, Any]) -> None:
    """Run code; the code of a notebook's cell may await."""
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, names)
        return
    import asyncio
    import selectors

    class Loop(asyncio.SelectorEventLoop):
        """An event loop without the socket pair that wakes it from other threads."""

        def _make_self_pipe(self) -> None:
            self._internal_fds = 0

        def _close_self_pipe(self) -> None:
            pass

    loop = Loop(selectors.SelectSelector())
    try:
        loop.run_until_complete(types.FunctionType(code, names)())
    finally:
        loop.close()
