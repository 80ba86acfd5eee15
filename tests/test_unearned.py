"""A right forward with worthless training earns what forward, shapes and a right loss are worth, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.unearned import MOST, Unearned, programs
from tests.command import graded

Write = Callable[[str], Path]


def some() -> list[Any]:
    """Return every program, of each kind and route one for `make test`."""
    met: set[tuple[str, str]] = set()
    parameters = []
    for one in programs().values():
        key = (one.kind, one.id.partition(".")[0])
        marks = [pytest.mark.security] if key in met else []
        met.add(key)
        parameters.append(pytest.param(one, id=one.id, marks=marks))
    return parameters


@pytest.mark.parametrize("one", some())
def test_worthless_training_earns_nothing(one: Unearned, write: Write) -> None:
    """Steps that are not those of the lecture in any part get no points, however they are made."""
    assert (graded(write(one.text), seed=3).score or 0) <= MOST


@pytest.mark.parametrize("route", ["calls", "script"])
def test_the_same_program_with_right_steps(route: str, write: Write) -> None:
    """The control has all points: nothing but the steps is wrong with the others."""
    controls = {one.control for one in programs().values() if one.id.startswith(route)}

    assert [graded(write(text), seed=3).score for text in controls] == [100]


def test_there_are_programs_of_each_kind() -> None:
    """At least 40 in both routes, each with steps of its own."""
    found = programs()

    assert len(found) >= 40
    assert len({one.text for one in found.values()}) == len(found)
    assert {one.id.partition(".")[0] for one in found.values()} == {"calls", "script"}
