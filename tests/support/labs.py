"""Small labs, written into a temporary folder and graded in the real sandbox."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from grader.core.report import Report
from grader.pipeline.grading import assignment, grade
from grader.sandbox.preload import BASE
from grader.sandbox.processes import Sandbox

ASSIGNMENT = """
title = "Small lab"
file = "work.py"

[limits]
total_time_s = 20
load_time_s = 5
call_time_s = {call_time_s}
"""


def lab(folder: Path, suite: str, cases: Mapping[str, int], *, call_time_s: float = 2, **files: str) -> Path:
    """Write a lab with one test file; cases are the points by "criterion.case", files other files by name.

    A name's double underscore is a slash, and it ends with .py: `suite__conftest` is suite/conftest.py.
    """
    rubric: dict[str, dict[str, int]] = {}
    for name, points in cases.items():
        criterion, _, case = name.partition(".")
        rubric.setdefault(criterion, {})[case] = points
    lines = []
    for criterion, found in rubric.items():
        lines += ["[[criteria]]", f'id = "{criterion}"', f'title = "{criterion}"', f"points = {sum(found.values())}"]
        shown = ", ".join(f'{{ id = "{case}", points = {most} }}' for case, most in found.items())
        lines.append(f"cases = [{shown}]")
    texts = {
        "assignment.toml": ASSIGNMENT.format(call_time_s=call_time_s),
        "rubric.toml": "\n".join(lines) + "\n",
        "suite/test_work.py": suite,
        **{f"{name.replace('__', '/')}.py": text for name, text in files.items()},
    }
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def graded(folder: Path, *sources: str, seed: int = 1, lang: str = "en") -> list[Report]:
    """Grade some texts as work.py by the lab in a folder, in one process and one sandbox."""
    read, reports = assignment(folder), []
    with Sandbox(modules=BASE) as sandbox:
        for number, source in enumerate(sources):
            place = folder.parent / f"submission{number}"
            place.mkdir(exist_ok=True)
            (place / "work.py").write_text(textwrap.dedent(source), encoding="utf-8")
            reports.append(grade(place, read, seed=seed, lang=lang, sandbox=sandbox))
    return reports


def verdicts(report: Report) -> dict[str, str]:
    """Return the verdict of each case by "criterion.case"."""
    return {
        f"{criterion.id}.{case.id}": case.verdict.value for criterion in report.criteria for case in criterion.cases
    }
