"""Grades many files in one process: `python -m tests.grade_many SEED FILE...`, a JSON line for each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from grader.models import Verdict
from grader.pipeline import assignment, grade
from grader.sandbox.processes import Sandbox


def main() -> None:
    """Write name, score and the criteria that did not pass."""
    task = assignment()
    with Sandbox() as sandbox:
        for name in sys.argv[2:]:
            report = grade(Path(name), task, seed=int(sys.argv[1]), sandbox=sandbox)
            missed = [criterion.id for criterion in report.criteria if criterion.verdict is not Verdict.PASSED]
            named = {criterion.misconception for criterion in report.criteria} - {None}
            line = {"name": Path(name).stem, "score": report.score, "missed": missed, "named": sorted(map(str, named))}
            sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
