"""Decides who is at fault for an exception in a suite: the lecturer, or the submission whose value raised it.

A suite is the lecturer's code, and most of its errors are the lecturer's. But `labels[answers]` fails if the answers are
not valid indices; then only the case ends and the suite goes on. The submission is at fault if the expression that raised
reads a value of the submission, or a value derived from one.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Collection, Iterator
from pathlib import Path
from types import FrameType, ModuleType, TracebackType

from grader.lab.answers import Answer, form_of
from grader.lab.cases import CaseStopped, unmet
from grader.lab.student import Remote, Student
from grader.lab.values import SuiteMistake, Table

ALWAYS_THE_SUITE_S = (SuiteMistake, NameError, ImportError, SyntaxError, AssertionError, TimeoutError)
GIVING = ("run", "new", "operate", "new_later", "has", "error_of")  # methods of a Student that ask the submission
REASON_CHARS = 300
SIGNATURE = ("positional argument", "keyword argument", "required keyword-only", "multiple values for argument")


def is_of_submission(error: BaseException, folder: Path, own: Collection[str]) -> bool:
    """Return whether an exception was caused by a value of the submission; own are the test's parameters set by the suite."""
    if not isinstance(error, Exception) or isinstance(error, ALWAYS_THE_SUITE_S):
        return False
    if isinstance(error, AttributeError) and isinstance(error.obj, (Answer, Remote, Student, Table, ModuleType)):
        return False
    if isinstance(error, TypeError) and any(words in str(error) for words in SIGNATURE):
        return False
    is_touched, found = False, False
    tainted: dict[int, set[str]] = {}
    for frame, position in _steps(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if not path.is_file() or not path.resolve().is_relative_to(folder):
            continue
        function = _function(path, position[0])
        is_first = id(function) not in tainted
        names = tainted.setdefault(id(function), set())
        names |= {name for name, value in frame.f_locals.items() if isinstance(value, (Answer, Remote))}
        if is_first and isinstance(function, ast.FunctionDef):
            given = {
                posonlyarg.arg
                for posonlyarg in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            }
            students = {name for name in given if isinstance(frame.f_locals.get(name), Student)}
            is_entry = not found
            if is_touched or is_entry:  # a helper called with such a value; a fixture that a test gets
                names |= given - students - ({*own, "evidence"} if is_entry else set())
        sources = {name for name, value in frame.f_locals.items() if isinstance(value, Student)}
        _spread(function, names, sources)
        is_touched, found = any(_reads(item, names, sources) for item in _at(path, position)), True
    return found and is_touched


def unusable(taken: Answer, error: BaseException) -> CaseStopped:
    """Return the CaseStopped for a case that cannot use the value returned by the submission."""
    return unmet(
        "{what} returned {given}, which this check cannot use ({error}).",
        what=taken.what,
        given=form_of(taken.value),
        error=f"{type(error).__name__}: {error}"[:REASON_CHARS],
    )


Position = tuple[int, int, int, int]


def _steps(trace: TracebackType | None) -> Iterator[tuple[FrameType, Position]]:
    """Yield each frame of a traceback with its position in the source: line, end line, column, end column."""
    while trace is not None:
        positions = trace.tb_frame.f_code.co_positions()
        found = next(itertools.islice(positions, trace.tb_lasti // 2, None), (None,) * 4)
        line, end, start, stop = (trace.tb_lineno if item is None else item for item in found)
        yield trace.tb_frame, (line, end, start, stop)
        trace = trace.tb_next


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _function(path: Path, line: int) -> ast.AST:
    """Return the innermost function around a line, or the module."""
    around = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=_tree(path))


def _at(path: Path, position: Position) -> list[ast.AST]:
    """Return the expressions and statements at a position, or else all nodes of its line."""
    spots: list[ast.AST] = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, (ast.expr, ast.stmt))
        and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == position
    ]
    return spots or [node for node in ast.walk(_tree(path)) if getattr(node, "lineno", 0) == position[0]]


def _spread(function: ast.AST, names: set[str], sources: set[str]) -> None:
    """Add the names that are assigned something derived from a value of the submission."""
    local = {
        child.id for child in ast.walk(function) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
    }
    before = -1
    while before < len(names):
        before = len(names)
        for node in ast.walk(function):
            for targets, value in _flows(node, local):
                if value is not None and _reads(value, names, sources):
                    names |= {
                        child.id for target in targets for child in ast.walk(target) if isinstance(child, ast.Name)
                    }
        names -= sources


def _flows(node: ast.AST, local: Collection[str]) -> Iterator[tuple[list[ast.expr], ast.expr | None]]:
    """Yield the targets that a node assigns to, and the assigned value."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield targets, value
        case ast.AnnAssign(target=target, value=value) | ast.AugAssign(target=target, value=value):
            yield [target], value
        case ast.NamedExpr(target=target, value=value):
            yield [target], value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            yield [target], value
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name) as owner), args=arguments) if name in local:
            for argument in arguments:  # rows.append(answer)
                yield [owner], argument


def _reads(node: ast.AST, names: Collection[str], sources: Collection[str]) -> bool:
    """Return whether a node reads one of the names or calls the submission."""
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and child.id in names:
            return True
        match child:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in sources and method in GIVING:
                return True
    return False


def forget() -> None:
    """Clear the cache of parsed sources, because a suite may change."""
    _tree.cache_clear()
