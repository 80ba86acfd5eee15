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

import numpy as np

from grader.pipeline import assignment, grade
from grader.sandbox.client import Limits, Program, Worker
from grader.sandbox.preload import BASE
from grader.sandbox.processes import LAYERS, Sandbox
from tests.command import ENVIRONMENT, GRADE, ROOT

REFERENCE = ROOT / "reference" / "network.py"
RUNS = 15
SPAWNED = 200
CALLS = 20
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


def sandbox_times() -> None:
    """Print what a confined worker and a call cost, and the reference at `strict` beside the same at `process`."""
    program = Program(file="network.py", text="def f(x): return x")
    spawned, called = [], []
    with Sandbox() as sandbox:
        sandbox.preload(BASE)
        for _ in range(SPAWNED):
            began = time.perf_counter()
            with Worker(sandbox, program, Limits(), 1) as worker:
                worker.load()
                spawned.append(1000 * (time.perf_counter() - began))
                for _ in range(CALLS):
                    began = time.perf_counter()
                    worker.request("call", {"name": "f", "object": None}, {"arguments": np.zeros((1, 1))})
                    called.append(1000 * (time.perf_counter() - began))
    print(
        f"confined worker, started and loaded: median {statistics.median(spawned):.1f} ms; a call: {statistics.median(called):.2f} ms"
    )
    task, levels = assignment(), {"strict": LAYERS, "process": ("session", "limits")}
    times: dict[str, list[float]] = {name: [] for name in levels}
    for _ in range(RUNS):
        for name, layers in levels.items():
            began = time.perf_counter()
            with Sandbox(layers=layers) as sandbox:
                assert grade(REFERENCE, task, seed=1, sandbox=sandbox).sandbox.level == name
            times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(
        f"reference, zygote included: strict {medians['strict']:.3f} s, process {medians['process']:.3f} s, ratio {medians['strict'] / medians['process']:.2f}"
    )


def main() -> None:
    """Print the median of each command and the ratio to plain pytest with training, then the sandbox's own times."""
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
    sandbox_times()


if __name__ == "__main__":
    main()
