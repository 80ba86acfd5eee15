"""Grades every correct style in many seeds, in two processes: `make seeds`. Ends with 1 on any lost point."""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from grader.pipeline.grading import assignment, grade
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Sandbox
from tests.support.command import SUBMISSIONS

SEEDS = range(50)


def scores_of(path: Path) -> tuple[str, list[int | None], float]:
    """Return a style's name, its score for each seed and the median seconds of a grade."""
    task = assignment()
    scores, seconds = [], []
    with Sandbox(modules=EVERY) as sandbox:
        for seed in SEEDS:
            began = time.monotonic()
            scores.append(grade(path, task, seed=seed, sandbox=sandbox).score)
            seconds.append(time.monotonic() - began)
    return path.name, scores, statistics.median(seconds)


def main() -> int:
    """Print a line a style; return 1 if any grade of correct work is not 100."""
    styles = sorted(path for path in SUBMISSIONS.iterdir() if path.name.startswith("style_"))
    failures = 0
    with ProcessPoolExecutor(max_workers=2) as pool:
        for name, scores, seconds in pool.map(scores_of, styles):
            lost = [(seed, score) for seed, score in zip(SEEDS, scores, strict=True) if score != 100]
            failures += len(lost)
            print(
                f"{name:<24} {len(scores)} runs, {len(lost)} below 100 {lost or ''} median {seconds:.3f} s", flush=True
            )
    print(f"{len(styles) * len(SEEDS)} runs of correct work, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
