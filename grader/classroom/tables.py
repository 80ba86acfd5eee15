"""Tables of a class: one row per student, and one row per case."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from grader.classroom.uploads import Submission
from grader.core.decisions import is_gate, points_of, was_run
from grader.core.report import Overridden, Report, Score
from grader.core.rubric import Rubric
from grader.core.text import printable

TEXT_CHARS = 2_000

# Where a spreadsheet may find a formula: at the start of a cell, and after a character that separates cells in another locale.
FORMULA = re.compile('(?:^|([;,]))[\\s"]*(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])')
NUMBERS = re.compile("-?[0-9]+(?:[.][0-9]+)?(?:, -?[0-9]+(?:[.][0-9]+)?)*(?:;|$)")

Row = Sequence[str | Score | None]


class Entry(Submission, frozen=True, kw_only=True):
    """One student's submission with a report that includes the teacher's decisions.

    is_outdated: the report is of an earlier lab, limit, version or submission, because the run was interrupted or the grader
    failed. is_last: the report is of the last attempt.
    """

    report: Report
    is_outdated: bool = False
    attempts: int = 1
    is_last: bool = True


def gradebook(entries: Iterable[Entry], rubric: Rubric) -> Iterator[Row]:
    """Yield the titles, then one row per student; the column of a gate has its verdict, score excludes extra_score."""
    header = ["key", "student", "name", "email", "group", "team", "status", "score", "max_score"]
    header += ["scaled_score", "scaled_max", "extra_score"]
    header += [criterion.id for criterion in rubric.criteria]
    header += ["misconceptions", "route", "notes", "reason", "overridden", "late", "attempt", "outdated"]
    yield header
    for entry in entries:
        yield _gradebook_row(entry, rubric)


def _gradebook_row(entry: Entry, rubric: Rubric) -> Row:
    report = entry.report
    results = {criterion.id: criterion for criterion in report.criteria}
    gates = {criterion.id for criterion in rubric.criteria if criterion.is_gate and criterion.id in results}
    cells = [
        results[criterion.id].verdict.value if criterion.id in gates else points_of(report, criterion.id)
        for criterion in rubric.criteria
    ]
    return [
        entry.key, entry.student, entry.name, entry.email, entry.group, entry.team,
        report.status.value, report.final_score, report.max_score,
        *([report.scaled.score, report.scaled.max_score] if report.scaled is not None else [None, None]),
        report.final_extra_score, *cells,
        " ".join(report.mistakes),
        report.submission.route,
        " / ".join(note.text for note in report.notes),
        report.reason.text if report.reason is not None else "",
        " / ".join(map(_override_shown, report.overrides)),
        "yes" if entry.is_late else "",
        f"{'last' if entry.is_last else 'earlier'} of {entry.attempts}" if entry.attempts > 1 else "",
        "yes" if entry.is_outdated else "",
    ]  # fmt: skip


def _override_shown(override: Overridden) -> str:
    was = f" (was {override.measured})" if override.measured is not None else ""
    reason = f" {override.reason}" if override.reason else ""
    return f"{override.criterion}: {override.points}{was}{reason}"


def cases(entries: Iterable[Entry]) -> Iterator[Row]:
    """Yield the titles, then one row per case with its measured points; a gate has a row without a case.

    A submission that was not run has one row, with the reason.
    """
    yield ["student", "criterion", "case", "verdict", "points", "max_points", "misconception", "feedback"]
    for entry in entries:
        if not was_run(entry.report):
            reason = entry.report.reason.text if entry.report.reason is not None else ""
            yield [entry.student, "", "", entry.report.status.value, None, entry.report.max_score, "", reason]
            continue
        for criterion in entry.report.criteria:
            for case in criterion.cases:
                feedback = case.feedback.text if case.feedback is not None else ""
                yield [
                    entry.student, criterion.id, case.id, case.verdict.value, case.points, case.max_points,
                    case.misconception or "", feedback,
                ]  # fmt: skip
            if is_gate(criterion):
                feedback = criterion.feedback.text if criterion.feedback is not None else ""
                yield [entry.student, criterion.id, "", criterion.verdict.value, 0, 0, "", feedback]


def write(file: TextIO, rows: Iterable[Row]) -> None:
    """Write rows as CSV (RFC 4180); text is made inert and put on one line."""
    csv.writer(file).writerows([inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def inert(text: str) -> str:
    """Return text for a cell: on one line, printable, and with nothing that a spreadsheet takes for a formula.

    Puts an apostrophe before what may start a formula, also after a separator of another locale (`a;=1`, opened where
    semicolons separate cells). Plain numbers after such a separator are left alone if they fill their cell in that
    locale too: not after a quote, and not if the next column would be joined to them.
    """
    line = printable(" ".join(text.split()), TEXT_CHARS)

    def marked(start: re.Match[str]) -> str:
        number = NUMBERS.match(line, start.end()) if start[1] and '"' not in start[0] else None
        ends = number is not None and (start[1] == "," or number[0].endswith(";"))
        return start[0] + ("" if ends else "'")

    return FORMULA.sub(marked, line)
