"""The fixtures that every suite has, as a plugin of pytest: what they hand out belongs to the session that runs."""

from __future__ import annotations

from typing import Protocol

import pytest

from grader.lab import CaseEvidence, Student


class Running(Protocol):
    """The submission of a session, and what its running case shows."""

    student: Student
    evidence: CaseEvidence


RUNNING = pytest.StashKey[Running]()


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest) -> Student:
    """Return the submission."""
    return request.config.stash[RUNNING].student


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> CaseEvidence:
    """Return what the running case shows and remarks."""
    return request.config.stash[RUNNING].evidence
