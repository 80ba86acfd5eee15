"""The fixtures of every suite."""

from __future__ import annotations

import pytest

from grader.lab import RunningCase, Student


class Fixtures:
    """Part of a plugin of pytest: the submission, and the evidence of the running case, as fixtures.

    They do without pytest's own fixture `request`, which is created anew each time that a fixture with it is looked up.
    """

    student: Student
    evidence: RunningCase

    @pytest.fixture(scope="session", name="student")
    def _student(self) -> Student:
        """Return the submission."""
        return self.student

    @pytest.fixture(name="evidence")
    def _evidence(self) -> RunningCase:
        """Return the evidence and remarks of the running case."""
        return self.evidence
