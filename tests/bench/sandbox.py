"""What the sandbox itself costs, measured within one process."""

from __future__ import annotations

import statistics
import time

import numpy as np

from grader.core.limits import Limits
from grader.pipeline.grading import assignment, grade
from grader.sandbox.client import Worker
from grader.sandbox.loading import Program
from grader.sandbox.preload import BASE
from grader.sandbox.processes import LAYERS, Sandbox
from tests.support.command import ROOT

REFERENCE = ROOT / "reference" / "network.py"
CALLS = 20


def sandbox_times(workers: int, runs: int) -> list[str]:
    """Say what a confined worker and a call cost, and the reference at `strict` beside the same at `process`."""
    program = Program(file="network.py", text="def f(x): return x")
    spawned, called = [], []
    with Sandbox(modules=BASE) as sandbox:
        for _ in range(workers):
            began = time.perf_counter()
            with Worker(sandbox, Limits(), 1, program=program) as worker:
                worker.wait_loaded()
                spawned.append(1000 * (time.perf_counter() - began))
                for _ in range(CALLS):
                    began = time.perf_counter()
                    worker.request("call", {"name": "f", "object": None}, {"arguments": np.zeros((1, 1))})
                    called.append(1000 * (time.perf_counter() - began))
    task, levels = assignment(), {"strict": LAYERS, "process": ("session", "limits")}
    times: dict[str, list[float]] = {name: [] for name in levels}
    for _ in range(runs):
        for name, layers in levels.items():
            began = time.perf_counter()
            with Sandbox(layers=layers) as sandbox:
                report = grade(REFERENCE, task, seed=1, sandbox=sandbox)
            if report.sandbox.level == name:
                times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) for name, taken in times.items() if taken}
    return [
        f"A confined worker, started and loaded: {statistics.median(spawned):.1f} ms; a call: {statistics.median(called):.2f} ms.",
        "The reference graded in a warm process, zygote included: "
        + ", ".join(f"`{name}` {median:.3f} s" for name, median in medians.items())
        + ".",
    ]
