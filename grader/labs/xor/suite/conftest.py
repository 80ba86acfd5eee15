"""What the cases of a submission share that fits the calls of the contract."""

from __future__ import annotations

import pytest

from grader.lab import Student

from ..driving.network import Network
from ..measurements import Measurements
from ..usage import HAS_CLASSES
from ..watched.observed import OwnTraining


@pytest.fixture(scope="session")
def network(student: Student) -> Network:
    """Return the submission's network, to be driven by its calls."""
    student.keep(HAS_CLASSES, student.has("Neuron") or student.has("Model"))
    return Network(student)


@pytest.fixture(scope="session")
def measured(network: Network) -> Measurements:
    """Return what is measured once and judged by several cases."""
    return Measurements(network)


@pytest.fixture(scope="session")
def own_training(student: Student) -> OwnTraining:
    """Return the submission's own training, for what its functions do not show."""
    return OwnTraining(student)
