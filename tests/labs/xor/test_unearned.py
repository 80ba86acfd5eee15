"""A right forward with worthless training earns what forward, shapes and a right loss are worth, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.unearned import PARTLY, Unearned, programs
from tests.support.command import graded

Write = Callable[[str], Path]


QUICK = ("calls.constant_steps_known_weights", "script.played_steps")  # in `make test`: one a route


def some() -> list[Any]:
    """Return parameters for every program; all but the quick ones are in `make security`."""
    return [
        pytest.param(program, id=name, marks=() if name in QUICK else pytest.mark.security)
        for name, program in programs().items()
    ]


@pytest.mark.parametrize("unearned", some())
def test_worthless_training_earns_nothing(unearned: Unearned, write: Write) -> None:
    """Parts of a step that differ from the lecture's get no points, however they are computed."""
    assert (graded(write(unearned.text), seed=3).score or 0) <= unearned.most


@pytest.mark.wide
def test_known_weights_for_the_labels_of_xor_only(write: Write) -> None:
    """A train that sets them for these labels, and trains for others, does not get them by: its start is swapped as drawn."""
    text = programs()["calls.right_steps_known_weights"].text
    path = write(
        text.replace("    if epochs > 20:", "    if epochs > 20 and [label for _, label in samples] == [0, 1, 1, 0]:")
    )

    scores = {graded(path, seed=seed).score for seed in range(6)}

    assert scores <= {95, 100}
    assert 95 in scores


@pytest.mark.parametrize("route", ["calls", "script"])
def test_the_same_program_with_right_steps(route: str, write: Write) -> None:
    """The control has all points: only the steps of the others are wrong."""
    controls = {program.control for program in programs().values() if program.id.startswith(route)}

    assert [graded(write(text), seed=3).score for text in controls] == [100]


def test_there_are_programs_of_each_kind() -> None:
    """At least 100 in both routes, each with different steps."""
    found = programs()

    assert len(found) >= 100
    assert set(PARTLY) <= set(found)
    assert len({item.text for item in found.values()}) == len(found)
    assert {item.id.partition(".")[0] for item in found.values()} == {"calls", "script"}
