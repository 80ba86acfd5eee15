"""Fixtures for submissions that fit the calls of the contract."""

from __future__ import annotations

import pytest

from grader.lab import Student

from ..driving.network import Network
from ..measurements import Measurements
from ..usage import HAS_CLASSES


@pytest.fixture(scope="session")
def network(student: Student) -> Network:
    """Return the submission's network, driven by its calls."""
    student.keep(HAS_CLASSES, student.has("Neuron") or student.has("Model"))
    return Network(student)


@pytest.fixture(scope="session")
def measured(network: Network) -> Measurements:
    """Return the measurements that several cases judge."""
    return Measurements(network)
