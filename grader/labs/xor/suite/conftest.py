"""What the cases of a submission share that fits the calls of the contract."""

from __future__ import annotations

import pytest

from grader.lab import Student

from ..measurements import Measurements
from ..network import Network


@pytest.fixture(scope="session")
def network(student: Student) -> Network:
    """Return the submission's network, to be driven by its calls."""
    return Network(student)


@pytest.fixture(scope="session")
def measured(network: Network) -> Measurements:
    """Return what is measured once and judged by several cases."""
    return Measurements(network)
