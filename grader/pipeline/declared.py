"""Reads the points in a suite's decorators, such as `@case("fit", points=4)`, from its source without running it.

The maximum score must be known even if the suite breaks, so it cannot depend on importing the suite.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from grader.core.errors import GradeError
from grader.core.messages import Message, say

GIVEN = re.compile(r"\bpoints[\s\\]*=(?!=)")


class Declared(msgspec.Struct, frozen=True):
    """Case whose points are given in the suite: its criterion, id, points, and place."""

    criterion: str
    id: str
    points: int
    place: Message


class Undeclared(GradeError):
    """Raised for a decorator whose points or names cannot be read."""


def declared(suite: Path) -> Iterator[Declared]:
    """Yield the cases with points in the test files of a suite; raise Undeclared if one cannot be read."""
    for path in sorted(suite.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if not GIVEN.search(text):  # parsing is slow
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):  # collecting the suite reports it
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield from _cases(node, path.name)


def _cases(test: ast.FunctionDef, file: str) -> Iterator[Declared]:
    calls = [node for node in test.decorator_list if isinstance(node, ast.Call)]
    place = say("{file}, line {line}", file=file, line=test.lineno)
    for call in calls:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if _name(call.func) != "case" or "points" not in given:
            continue
        criterion, points = (_literal(arg) for arg in (*call.args[:1], given["points"]))
        if not isinstance(criterion, str) or type(points) is not int:
            raise Undeclared(
                '{place}: write @case("criterion", points=2) with a string and a whole number', place=place
            )
        if not test.name.startswith("test_"):
            raise Undeclared("{place}: the name of a case begins with test_", place=place)
        name = test.name.removeprefix("test_")
        for ids in itertools.product(
            *(_ids(item, place) for item in reversed(calls) if _name(item.func) == "parametrize")
        ):
            yield Declared(criterion, f"{name}[{'-'.join(ids)}]" if ids else name, points, place)


def _ids(call: ast.Call, place: Message) -> list[str]:
    """Return the ids that pytest gives the parameter sets of one decorator."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    ids = _literal(given["ids"]) if "ids" in given else None
    if isinstance(ids, (list, tuple)) and all(isinstance(item, str) for item in ids):
        return list(ids)
    names, values = (*call.args, None, None)[:2]
    arguments = _literal(names) if names is not None else None
    if isinstance(arguments, str):
        arguments = [word.strip() for word in arguments.split(",")]
    if not isinstance(arguments, (list, tuple)) or not isinstance(values, (ast.List, ast.Tuple)) or "ids" in given:
        raise Undeclared("{place}: give parametrize ids=[...], or give the points in rubric.toml", place=place)
    found = []
    for place_of, value in enumerate(values.elts):
        parts = value.elts if len(arguments) > 1 and isinstance(value, (ast.Tuple, ast.List)) else [value]
        found.append("-".join(_id(name, part, place_of) for name, part in zip(arguments, parts, strict=False)))
    if len({*found}) < len(found):
        raise Undeclared("{place}: give parametrize ids=[...], all different", place=place)
    return found


def _id(name: str, value: ast.expr, place: int) -> str:
    """Return pytest's id of one value: a number or string itself, else the parameter's name and index."""
    known = _literal(value)
    return str(known) if isinstance(known, (str, int, float, bool)) else f"{name}{place}"


def _name(function: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
