"""Fixtures shared by the tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.command import SUBMISSIONS

settings.register_profile(  # the same examples every day, however slow the machine is
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

SKIPS = Path(__file__).with_name("skips.txt")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where NO_SKIPS is set, fail for a test that was skipped for a reason that skips.txt does not have."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("NO_SKIPS") or reporter is None:
        return
    allowed = SKIPS.read_text(encoding="utf-8").splitlines()
    reasons = {item.longrepr[2].removeprefix("Skipped: ") for item in reporter.stats.get("skipped", [])}
    for reason in sorted(reasons - set(allowed)):
        reporter.write_line(f"not in {SKIPS.name}: {reason}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left() -> Iterator[None]:
    """Find what a module leaves open or running while its own tests are to blame, not those of the next."""
    yield
    gc.collect()


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
