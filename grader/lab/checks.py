"""Comparisons for cases: numbers, values and conditions. A failed comparison ends the case with a sentence.

A sentence or hint is a string, or one string per language ({"en": ..., "ru": ...}); braces in it are ordinary text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.lab.answers import Answer, form_of
from grader.lab.cases import CaseStopped, Text, side_by_side, unmet
from grader.lab.values import Other, SuiteMistake, Table
from grader.sandbox.confined.values import TEXTED

SHOWN_CHARS = 300
BEFORE = 8  # characters before the first difference
STEP = 1e-6  # step of a central difference


def case(
    criterion: str, *, points: int | None = None, en: str = "", ru: str = "", fresh: bool = False
) -> pytest.MarkDecorator:
    """Mark a test as a case of a criterion; its id is the function's name without `test_`.

    Points can be given in rubric.toml instead; en and ru are the title (default: the docstring); fresh reloads the program first.
    """
    return pytest.mark.criterion(criterion, points=points, en=en, ru=ru, fresh=fresh)


def close(
    actual: Answer | Any,
    expected: Any,
    sentence: Text = "",
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    hint: Text | None = None,
    named: str | None = None,
    mistakes: Mapping[str, Any] | None = None,
    probe: Mapping[str, Any] | None = None,
) -> None:
    """Compare numbers of one shape: |actual - expected| <= atol + rtol |expected|; nan only where nan is expected.

    mistakes holds wrong values by the mistake's name; if exactly one of them matches, the report names it.
    """
    try:
        kind = complex if np.iscomplexobj(expected) else float
        wanted = np.asarray(expected, dtype=kind)
    except (TypeError, ValueError) as error:
        raise SuiteMistake(f"close: expected is not an array of numbers: {error}") from error
    if isinstance(actual, Answer):
        found = actual.complexes(*wanted.shape) if kind is complex else actual.array(*wanted.shape)
    else:
        found = np.asarray(actual, dtype=kind)

    def agrees(value: Any) -> bool:
        other = np.asarray(value, dtype=kind)
        return other.shape == found.shape and bool(np.allclose(found, other, rtol=rtol, atol=atol, equal_nan=True))

    if agrees(wanted):
        return
    explained = [name for name, value in (mistakes or {}).items() if agrees(value)]
    raise stopped(
        sentence,
        unmet("The numbers differ from the correct ones."),
        hint,
        explained[0] if len(explained) == 1 else named,
        {**evidence_of(wanted, found), **(probe or {})},
    )


def evidence_of(expected: NDArray[Any], actual: NDArray[Any]) -> dict[str, Any]:
    """Return numbers as evidence; complex ones as texts."""
    if expected.dtype.kind != "c":
        return {"expected": expected, "actual": actual}
    return apart(shown(expected.tolist()), shown(actual.tolist()))


def equal(
    actual: Answer | Any,
    expected: Any,
    sentence: Text = "",
    *,
    hint: Text | None = None,
    named: str | None = None,
    probe: Mapping[str, Any] | None = None,
) -> None:
    """Compare a value: the very same, and of the same type; in lists, dicts and tables, too.

    Scalars of numpy count as Python's, which is what answers hold. An index is compared if the expected table has one.
    """
    found, expected = plain(actual.value if isinstance(actual, Answer) else actual), plain(expected)
    if isinstance(expected, Table) and isinstance(found, Table) and expected.index is None:
        found = Table(found.columns)
    if not same(found, expected):
        seen = {**apart(shown(expected), shown(found)), **(probe or {})}
        raise stopped(sentence, unmet("The value differs from the correct one."), hint, named, seen)


def check(
    condition: bool,
    sentence: Text,
    *,
    hint: Text | None = None,
    named: str | None = None,
    probe: Mapping[str, Any] | None = None,
) -> None:
    """End the case unless the condition holds."""
    if not condition:
        raise stopped(sentence, unmet("This check did not pass."), hint, named, dict(probe or {}))


def slopes(function: Callable[[], float], parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the central differences of function() with respect to each element of parameters, which it reads; same shape."""
    found = np.zeros(parameters.shape)
    for place in np.ndindex(parameters.shape):
        kept = parameters[place]
        ends = []
        for shift in (STEP, -STEP):
            parameters[place] = kept + shift
            ends.append(float(function()))
        parameters[place] = kept
        found[place] = (ends[0] - ends[1]) / (2 * STEP)
    return found


def plain(value: Any) -> Any:
    """Return a value as an answer has it: scalars and containers of Python's own types; of others type and repr."""
    if isinstance(value, np.generic):
        return value.item()
    for container in (list, tuple, set, frozenset):
        if isinstance(value, container):
            return container(map(plain, value))
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, Table):
        return Table({plain(name): plain(column) for name, column in value.columns.items()}, plain(value.index))
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.ndarray, Other)):
        return np.asarray(value) if isinstance(value, np.ndarray) else value
    name = type(value).__name__
    if not any(name in names for names in TEXTED.values()):
        raise SuiteMistake(f"equal: no answer can be a {name}; see docs/assignments.md for what can")
    return Other(name, repr(value))


def same(actual: Any, expected: Any) -> bool:
    """Return whether two plain values are equal and of the same type, including their items."""
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, np.ndarray):
        is_inexact = expected.dtype.kind in "fc"
        return actual.dtype.kind == expected.dtype.kind and np.array_equal(actual, expected, equal_nan=is_inexact)
    if isinstance(expected, (list, tuple)):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(expected, dict):
        return {*map(typed, actual)} == {*map(typed, expected)} and all(
            same(actual[key], item) for key, item in expected.items()
        )
    if isinstance(expected, Table):
        columns = [*expected.columns]
        are_columns_same = [*actual.columns] == columns and all(
            same(actual.columns[name], expected.columns[name]) for name in columns
        )
        return are_columns_same and (expected.index is None or same(actual.index, expected.index))
    if isinstance(expected, (set, frozenset)):
        return {*map(typed, actual)} == {*map(typed, expected)}
    is_nan = isinstance(expected, (float, complex)) and expected != expected
    return bool(actual == expected) or (is_nan and actual != actual)


def typed(key: Any) -> tuple[type, Any]:
    """Return a key with its type, because 1 and True are the same key of a dict but different values."""
    return type(key), key


def shown(value: Any) -> str:
    """Return a value as text for a report, shortened if it is long."""
    if isinstance(value, Table):
        value = dict(value.columns) | ({} if value.index is None else {"index": value.index})
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({form_of(value)})"


def apart(expected: str, actual: str) -> dict[str, str]:
    """Return two texts as evidence, cut to start shortly before their first difference."""
    same_chars = next((at for at, (item, other) in enumerate(zip(expected, actual, strict=False)) if item != other), 0)
    start = same_chars - BEFORE
    if start <= BEFORE:
        return {"expected": expected, "actual": actual}
    return {"expected": f"…{expected[start:]}", "actual": f"…{actual[start:]}"}


def stopped(
    sentence: Text, default: CaseStopped, hint: Text | None, named: str | None, seen: dict[str, Any]
) -> CaseStopped:
    """Return a CaseStopped with the sentence, or with the default's if it is empty."""
    return unmet(sentence or default.feedback.id, hint=hint, named=named, seen=side_by_side(**seen) if seen else None)
