"""Whole-process times of `grade` and of plain pytest on the reference: `make bench`.

Runs go in turn (ours, plain, ours, ...), so that a change of the machine's speed hits all alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.command import ENVIRONMENT, GRADE, ROOT

REFERENCE = ROOT / "reference" / "network.py"
RUNS = 15
ORDINARY_EPOCHS = 3000  # what a grader needs that trains from a random start
SET_START_EPOCHS = 300  # what ours drives from its set starts, both loops together


def plain(epochs: int) -> list[str]:
    """Return the command of plain pytest with pytest-json-report, in one process and without other plugins."""
    return [
        *(
            "env",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1",
            f"SUBMISSION={REFERENCE}",
            f"EPOCHS={epochs}",
            sys.executable,
            "-m",
            "pytest",
            "-q",
        ),
        *(
            "-p",
            "pytest_jsonreport.plugin",
            "-p",
            "pytest_metadata.plugin",
            "--json-report",
            "--json-report-file=plain.json",
            "-c",
            os.devnull,
            "--rootdir",
            str(ROOT / "tests"),
        ),
        *("-p", "no:cacheprovider", str(ROOT / "tests" / "plain_checks.py")),
    ]


def seconds(command: list[str], cwd: str) -> float:
    """Run a command that must succeed and return its wall time in seconds."""
    began = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the median of each command and the ratio to plain pytest with training."""
    commands = {
        f"plain pytest, {ORDINARY_EPOCHS} epochs": plain(ORDINARY_EPOCHS),
        f"plain pytest, {SET_START_EPOCHS} epochs": plain(SET_START_EPOCHS),
        "grade": [str(GRADE), str(REFERENCE)],
        "grade --help": [str(GRADE), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS + 1):
            for name, command in commands.items():
                wall = seconds(command, folder)
                if number:  # the first round warms the caches
                    times[name].append(wall)
        assert (Path(folder) / "grade-report.json").exists()
    base = statistics.median(times[next(iter(commands))])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:<28} median {median:.3f} s ({min(taken):.3f} to {max(taken):.3f})  ratio {median / base:.2f}")


if __name__ == "__main__":
    main()
