"""What the formats share: their fixed sentences, and a report as a list of checks with what is told of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grader.core.language import word
from grader.core.messages import carried
from grader.core.outcomes import BANNED_IMPORT, Finding, StudentError, Verdict
from grader.core.report import CaseResult, CriterionResult, Report, Status
from grader.core.text import printable
from grader.renderers.text import STDOUT_LINES, evidence_lines
from grader.renderers.words import marked

Tell = Callable[..., str]
LINE_CHARS = 120


def teller(lang: str) -> Tell:
    """Return what makes a sentence in a language of an English template and its arguments."""
    return functools.partial(word, lang)


SCORES = {
    Status.GRADED: marked("Score: {score} of {max_score}"),
    Status.REJECTED: marked("Score: {score} of {max_score}, rejected: there is nothing to grade in it"),
    Status.NOT_GRADABLE: marked("No score: it could not be graded automatically, a person has to look at it"),
    Status.GRADER_ERROR: marked("No score: the grader itself failed, which says nothing about the hand-in"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One row of a report: a case, or a criterion that has none. place is a file and, where one is known, a line."""

    id: str
    number: str
    criterion: CriterionResult
    case: CaseResult | None
    place: tuple[str, int | None] | None

    @property
    def row(self) -> CaseResult | CriterionResult:
        """Return what has the points and the verdict."""
        return self.criterion if self.case is None else self.case

    @property
    def name(self) -> str:
        """Return the titles of the criterion and the case."""
        titles = [self.criterion.title] if self.case is None else [self.criterion.title, self.case.title]
        return ": ".join(printable(title) for title in titles)

    @property
    def is_full(self) -> bool:
        """Say whether it passed and kept its points: a violated gate takes them from what passed."""
        return self.row.verdict is Verdict.PASSED and self.row.points == self.row.max_points


def checks(report: Report) -> Iterator[Check]:
    """Yield the rows of a report, numbered 1, 2.1, 2.2, ...; those for extra points come last."""
    for number, criterion in enumerate(report.criteria, 1):
        for part, case in enumerate(criterion.cases, 1):
            error = case.exception
            yield Check(
                id=f"{criterion.id}.{case.id}",
                number=f"{number}.{part}",
                criterion=criterion,
                case=case,
                place=None if error is None else place(error.file, error.line),
            )
        if not criterion.cases:
            found = next(iter(violations(report)), None)
            yield Check(
                id=criterion.id,
                number=str(number),
                criterion=criterion,
                case=None,
                place=place(found.file, found.line)
                if found is not None and criterion.verdict is Verdict.FAILED
                else None,
            )


def place(file: str, line: int | None) -> tuple[str, int | None]:
    """Return a place for a machine: the lines of a notebook are those of its cells, not of its file."""
    return printable(file), None if file.lower().endswith(".ipynb") else line


def score_line(report: Report, tell: Tell) -> str:
    """Return the score in a sentence, or that there is none."""
    score = 0 if report.score is None else report.score
    return tell(SCORES[report.status], score=score, max_score=report.max_score)


def extra_line(report: Report, tell: Tell) -> str:
    """Return the extra points in a sentence, "" where nothing was handed in for them."""
    if not report.bonus:
        return ""
    return tell(
        "Extra points: {points} of {most}, apart from the score", points=report.extra_score, most=report.max_extra
    )


def violations(report: Report) -> list[Finding]:
    """Return the banned imports that took all points, for what a violated gate says; others are only told."""
    is_violated = any(one.verdict is Verdict.FAILED for one in report.criteria if not one.cases)
    return [one for one in report.findings if one.rule == BANNED_IMPORT] if is_violated else []


def reason_line(report: Report) -> str:
    """Return why there is no grade, "" where there is one."""
    return "" if report.reason is None else printable(report.reason.text)


def notes(report: Report, tell: Tell) -> list[str]:
    """Return what is said of the whole hand-in beside its score."""
    lines = [extra_line(report, tell)] if report.bonus else []
    lines += [printable(one.message.text) for one in report.findings if one not in violations(report)]
    return lines + [printable(one.text) for one in report.notes]


def origin(report: Report, tell: Tell) -> str:
    """Return what was graded and how it can be graded again."""
    return tell(
        "{name}, seed {seed}, sandbox: {level}",
        name=printable(report.submission.name),
        seed=report.seed,
        level=report.sandbox.level,
    )


def feedback(report: Report, check: Check, tell: Tell) -> list[str]:
    """Return the sentences on what is wrong."""
    row = check.row
    if row.verdict is Verdict.PASSED:
        lost = check.criterion.points != check.criterion.points_without_gate
        return [tell("Right, but the violated rule takes the points.")] if lost else []
    if row.verdict is Verdict.BLOCKED and row.blocked_by is not None:
        title = next((one.title for one in report.criteria if one.id == row.blocked_by), row.blocked_by)
        return [tell("Waits for: {criterion}", criterion=printable(title))]
    said = [] if row.feedback is None else [row.feedback.text]
    if check.case is None:
        said = [one.message.text for one in violations(report)] or said
    elif check.case.exception is not None and not _is_told(check.case.exception, said):
        said.append(tell("{type}: {error}", type=check.case.exception.type, error=check.case.exception.message))
    return [printable(text) for text in said]


def _is_told(error: StudentError, said: list[str]) -> bool:
    return any(carried(error.message) in text for text in said)


def measured(report: Report, check: Check) -> list[str]:
    """Return expected, actual and probe of what did not pass, aligned."""
    case = check.case
    if case is None or case.verdict is Verdict.PASSED:
        return []
    return [line for one in case.evidence for line in evidence_lines(one, report.lang)]


def advice(check: Check, tell: Tell) -> list[str]:
    """Return hint, formula, the mistake's name and remarks."""
    row, lines = check.row, []
    if row.verdict is not Verdict.PASSED:
        if row.hint is not None:
            lines.append(tell("Hint: {hint}", hint=printable(row.hint.text)))
        if check.case is not None and check.case.formula is not None:
            lines.append(tell("Reread: {formula}", formula=printable(check.case.formula)))
        if row.misconception is not None:
            lines.append(tell("Mistake: {mistake}", mistake=printable(row.misconception)))
    return lines + [tell("Note: {remark}", remark=printable(remark.text)) for remark in row.remarks]


def printed(check: Check, tell: Tell) -> list[str]:
    """Return the first lines that the student's code printed in a check that did not pass."""
    if check.case is None or check.case.verdict is Verdict.PASSED:
        return []
    every = check.case.stdout.strip().splitlines()
    more = len(every) - STDOUT_LINES
    lines = [printable(line, LINE_CHARS) for line in every[:STDOUT_LINES]]
    return [*lines, tell("… and {count} more lines", count=more)] if more > 0 else lines


def told(report: Report, check: Check, tell: Tell) -> list[str]:
    """Return all that is told of a check, as lines of plain text."""
    lines = feedback(report, check, tell) + measured(report, check) + advice(check, tell)
    lines += [tell("Printed: {line}", line=line) for line in printed(check, tell)]
    if check.criterion.bonus:
        points, most = check.row.points, check.row.max_points
        lines.append(tell("Extra points: {points} of {most}, apart from the score", points=points, most=most))
    return lines
