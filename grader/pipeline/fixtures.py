"""Pytest plugin with the fixtures of every suite; their values come from the running session."""

from __future__ import annotations

from typing import Protocol

import pytest

from grader.lab import CaseEvidence, Student


class Running(Protocol):
    """The submission of a session, and the evidence of its running case."""

    student: Student
    evidence: CaseEvidence


RUNNING = pytest.StashKey[Running]()


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest) -> Student:
    """Return the submission."""
    return request.config.stash[RUNNING].student


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> CaseEvidence:
    """Return the evidence and remarks of the running case."""
    return request.config.stash[RUNNING].evidence
