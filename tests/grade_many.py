"""Grades many files in one process: `python -m tests.grade_many SEED FILE...`, a JSON line for each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from grader.models import Verdict
from grader.pipeline import assignment, grade


def main() -> None:
    """Write name, score and the criteria that did not pass."""
    task = assignment()
    for name in sys.argv[2:]:
        report = grade(Path(name), task, seed=int(sys.argv[1]))
        missed = [criterion.id for criterion in report.criteria if criterion.verdict is not Verdict.PASSED]
        named = {criterion.misconception for criterion in report.criteria} - {None}
        line = {"name": Path(name).stem, "score": report.score, "missed": missed, "named": sorted(map(str, named))}
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
