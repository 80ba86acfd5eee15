"""The fixtures that every suite has, as a plugin of pytest: what they hand out belongs to the session that runs."""

from __future__ import annotations

from typing import Protocol

import pytest

from grader.lab import Case, Student


class Running(Protocol):
    """The submission and the case of a session."""

    student: Student
    case: Case


RUNNING = pytest.StashKey[Running]()


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest) -> Student:
    """Return the submission."""
    return request.config.stash[RUNNING].student


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return the case that is running, for remarks and for what it shows."""
    return request.config.stash[RUNNING].case
