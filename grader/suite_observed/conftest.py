"""Fixtures of the suite for submissions that are graded by observation."""

from __future__ import annotations

import pytest

from grader.cases import Case
from grader.observed import Observed
from grader.student import Student
from grader.suite_run import SuitePlugin


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return the case that is running, for remarks and for what it shows."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    return plugin.case


@pytest.fixture
def student(request: pytest.FixtureRequest) -> Student:
    """Return the submission, for its functions."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    return plugin.student


@pytest.fixture
def observed(request: pytest.FixtureRequest) -> Observed:
    """Return what was observed of the submission's own training."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    assert plugin.observed is not None
    return plugin.observed
