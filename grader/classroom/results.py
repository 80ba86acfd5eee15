"""Combines reports of a class with the teacher's decisions, and writes tables from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import asdict

from grader.classroom.results_folder import ResultsFolder
from grader.classroom.tables import Entry, cases, gradebook
from grader.classroom.uploads import Submission
from grader.classroom.warm import Task
from grader.core.decisions import decided
from grader.core.report import Overridden, Report
from grader.core.rubric import Rubric


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of the teacher: overrides by key, whether rejected submissions get 0, and the points to scale to.

    absent are students who have overrides and no submission now.
    """

    overrides: Mapping[str, tuple[Overridden, ...]] = {}
    absent: tuple[str, ...] = ()
    is_rejected_zero: bool = False
    scale: Decimal | None = None

    def of(self, key: str, report: Report) -> Report:
        """Return a report with these decisions applied."""
        return decided(
            report, self.overrides.get(key, ()), is_rejected_zero=self.is_rejected_zero, scale=self.scale
        )  # fmt: skip


def entries(
    submissions: Iterable[Submission], task: Task, results_folder: ResultsFolder, decisions: Decisions
) -> Iterator[Entry]:
    """Yield an entry for each submission with a report: the report with the teacher's decisions."""
    for submission in submissions:
        report = results_folder.report(submission.key)
        if report is None:
            continue
        mark, others = results_folder.mark(submission, task), len(results_folder.attempts(submission.key, report))
        is_last = report.environment.fingerprint in ("", mark)
        yield Entry(
            **asdict(submission), report=decisions.of(submission.key, report), attempts=1 + others, is_last=is_last,
            is_outdated=not is_last and not results_folder.has(submission.key, mark),
        )  # fmt: skip


def write_tables(results_folder: ResultsFolder, entries: Callable[[], Iterable[Entry]], rubric: Rubric) -> None:
    """Write gradebook.csv and cases.csv."""
    results_folder.table("gradebook.csv", gradebook(entries(), rubric))
    results_folder.table("cases.csv", cases(entries()))


def keep_decisions(submissions: Iterable[Submission], results_folder: ResultsFolder, decisions: Decisions) -> None:
    """Store the reports again whose decisions have changed."""
    for key in (submission.key for submission in submissions):
        report = None if key in results_folder.unkept else results_folder.report(key)
        if report is not None and (decided_on := decisions.of(key, report)) != report:
            results_folder.keep(key, decided_on)
