"""Fixtures shared by the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.command import SUBMISSIONS

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture
def student_code() -> str:
    """Return a correct submission, to be broken by replacing a line."""
    return (SUBMISSIONS / "no_train" / "network.py").read_text(encoding="utf-8") + TRAIN


TRAIN = """

def train(model, samples, epochs):
    for _ in range(epochs):
        for x, label in samples:
            model.backward(x, loss(model.forward(x), label))
    return [0.0] * epochs
"""


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return a function that writes a submission and returns its path."""

    def write_file(text: str | bytes, name: str = "network.py") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_file
