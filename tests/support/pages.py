"""Reports and classes to look at as pages: `python -m tests.support.pages DIR` writes one of each kind, and a class of 1,000."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from grader.classroom.page import render_class
from grader.classroom.statistics import statistics_of
from grader.classroom.tables import Entry
from grader.classroom.warm import GradingRequest, Task, broken
from grader.core.figures import AnyFigure, Grid, Mark, Pairs, Series
from grader.core.messages import say
from grader.core.numbers import Number
from grader.core.report import CriterionResult, Report
from grader.pipeline.grading import assignment
from grader.renderers.html import render_html
from tests.support.command import ROOT, SUBMISSIONS, graded
from tests.support.mutants import mutants

HOSTILE = "</script></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'`&amp;\n\r\0\x1b[2J\u202e\ud800{x}"
GRADED = {
    "passed": ROOT / "reference",
    "missed": SUBMISSIONS / "fails_model_update",
    "extra": SUBMISSIONS / "extra_partly",
    "unwritten": ROOT / "student_template",
    "crashed": SUBMISSIONS / "segfault",
    "gated": SUBMISSIONS / "torch_import",
    "observed": ROOT / "tests" / "freeform" / "wrong_hidden_sign.py",
    "rejected": SUBMISSIONS / "syntax_error",
    "not_gradable": SUBMISSIONS / "nothing_trains",
}
KINDS = (*GRADED, "many_mistakes", "grader_error", "hostile")


def task() -> Task:
    """Return the task of a class in this lab."""
    return Task(lab=assignment(), lang="en", required="process")


@cache
def report(kind: str) -> Report:
    """Return a report of one kind, graded here with seed 1."""
    if kind == "hostile":
        return hostile(report("missed"))
    if kind == "grader_error":
        return broken(task(), GradingRequest(name="submission", seed=7), "The suite did not end")
    if kind == "many_mistakes":
        return wrong("bias_frozen", "loss_squared")
    return graded(GRADED[kind], seed=1)


def wrong(*names: str) -> Report:
    """Return a report of several mistakes: the criteria of each where they are worse."""
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, "network.py")
            path.write_text(mutants()[name].text(0.3), encoding="utf-8")
            reports.append(graded(path, seed=1))
    both = zip(*(report.criteria for report in reports), strict=True)
    criteria = [min(several, key=lambda part: part.points) for several in both]
    return replace(reports[0], criteria=criteria, score=sum(criterion.points for criterion in criteria))


def hostile(base: Report) -> Report:
    """Return a report in which all that a student can say is hostile, and as long as it can be."""
    said = say("{x}", x=HOSTILE + "<&'\"" * 1_000)

    def spoiled(criterion: CriterionResult) -> CriterionResult:
        cases = [
            replace(
                case,
                feedback=said,
                hint=said,
                stdout=f"{HOSTILE}<'&\n" * 200,
                remarks=[said] * 3,
                evidence=[
                    replace(
                        item,
                        label=HOSTILE,
                        actual=["nan"] * 9,
                        rows=[HOSTILE] * 3,
                        probe={**item.probe, HOSTILE: "<inf>"},
                    )
                    for item in case.evidence
                ],
            )
            for case in criterion.cases
        ]
        return replace(criterion, cases=cases, remarks=[said], feedback=said)

    shown = replace(base.submission, name=HOSTILE, files=[HOSTILE] * 50)
    odd: list[Number] = ["nan", 0.0, -1.0, 1e-300, 1e300, "inf"]
    series = Series(title=HOSTILE, caption=HOSTILE, x_label=HOSTILE, x=range(6), values=odd, is_logarithmic=True)  # type: ignore[arg-type]
    pairs = Pairs(title=HOSTILE, y_unit=HOSTILE, x=[0.0, 1.0, "nan", 2.0, 3.0, 4.0], values=odd)
    grid = next(figure for figure in base.figures if isinstance(figure, Grid))
    marks = [Mark(x=0, y=1, value="nan", label=HOSTILE)]
    grid = structs.replace(grid, title=HOSTILE, unit=HOSTILE, values=[["nan"] * 11, *grid.values[1:]], marks=marks)
    figures: list[AnyFigure] = [series, pairs, grid]
    criteria = [spoiled(item) for item in base.criteria]
    return replace(base, submission=shown, criteria=criteria, figures=figures, notes=[said], reason=said)


UNREAD: dict[str, Any] = {
    "shown": "",
    "source": Path(),
    "parts": (),
}  # of an entry, whose submission nobody reads again


def a_class(size: int) -> Iterator[Entry]:
    """Yield a class: every kind of report in turn, and one hostile name."""
    kinds = [kind for kind in KINDS if kind not in ("hostile", "crashed")]
    yield Entry(key="hostile", student=HOSTILE, name=HOSTILE, email=HOSTILE, report=report("hostile"), **UNREAD)
    for number in range(1, size):
        name = f"Student {number * 7919 % size:04d}"
        yield Entry(
            key=f"student-{number:04d}",
            student=str(number),
            name=name,
            email="",
            report=report(kinds[number % len(kinds)]),
            **UNREAD,
        )


def numbers(size: int) -> dict[str, Any]:
    """Return the numbers of that class."""
    return statistics_of(a_class(size), task(), [HOSTILE])


def class_page(size: int) -> Iterator[str]:
    """Yield the page of that class."""
    names = {item.key: item.name for item in a_class(size)}
    return render_class(a_class(size), numbers(size), task(), names, ending="html")


def main() -> None:
    """Write the pages."""
    folder = Path(sys.argv[1])
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / f"{kind}.html").write_text(render_html(report(kind)), encoding="utf-8")
    with (folder / "index.html").open("w", encoding="utf-8") as file:
        file.writelines(class_page(1_000))


if __name__ == "__main__":
    main()
