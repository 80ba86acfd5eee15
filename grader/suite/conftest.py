"""Fixtures of the suite: the student's network, what is measured of it, and the case at hand."""

from __future__ import annotations

import pytest

from grader.cases import Case
from grader.measurements import Measurements
from grader.student import Student
from grader.suite_run import SuitePlugin


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return the case that is running, for remarks and for what it shows."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    return plugin.case


@pytest.fixture
def student(request: pytest.FixtureRequest) -> Student:
    """Return the submission."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    return plugin.student


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measurements:
    """Return the measurements of this run."""
    plugin: SuitePlugin = request.config.stash[SuitePlugin.KEY]
    return plugin.measured
