"""Parts that the formats share: fixed sentences, and the report as a list of rows with their lines of text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from grader.core.decisions import counting, is_lifted, override_of, was_run
from grader.core.messages import carried
from grader.core.outcomes import BANNED_IMPORT, Finding, Verdict
from grader.core.report import CaseResult, CriterionResult, Overridden, Report, Score
from grader.core.text import printable
from grader.renderers.scores import Tell, decision_line, decision_lines, extra_line, scaled_line
from grader.renderers.text import STDOUT_LINES, evidence_lines

LINE_CHARS = 120


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """Row of a report: a case, or a criterion without cases. place is a file and its line, if known.

    points are those that count. If a teacher overrides a criterion, its cases have no points, and an extra row has them with
    the override as its decision.
    """

    id: str
    number: str
    criterion: CriterionResult
    case: CaseResult | None
    place: tuple[str, int | None] | None
    points: Score
    max_points: int
    decision: Overridden | None = None

    @property
    def row(self) -> CaseResult | CriterionResult:
        """Return the case, or the criterion if there is none."""
        return self.criterion if self.case is None else self.case

    @property
    def name(self) -> str:
        """Return the titles of the criterion and the case."""
        titles = [self.criterion.title] if self.case is None else [self.criterion.title, self.case.title]
        return ": ".join(printable(title) for title in titles)

    @property
    def is_full(self) -> bool:
        """Return whether it passed and kept its points: a violated gate takes them from what passed."""
        if self.case is None and self.max_points:
            return self.points == self.max_points
        return self.row.verdict is Verdict.PASSED and self.points == self.max_points


def checks(report: Report) -> Iterator[ReportRow]:
    """Yield the rows of a report, numbered 1, 2.1, 2.2, ...; those for extra points come last.

    There are none if nothing was run: the reason says all.
    """
    if not was_run(report):
        return
    found = next(iter(violations(report)), None)
    for number, criterion in enumerate(report.criteria, 1):
        points, decision = counting(report, criterion), override_of(report, criterion.id)
        is_decided = decision is not None or points != criterion.points
        for part, case in enumerate(criterion.cases, 1):
            yield ReportRow(
                id=f"{criterion.id}.{case.id}",
                number=f"{number}.{part}",
                criterion=criterion,
                case=case,
                place=_place_of(case),
                points=0 if is_decided else case.points,
                max_points=0 if is_decided else case.max_points,
            )
        if not criterion.cases or is_decided:
            is_at_fault = found is not None and criterion.verdict is Verdict.FAILED and not criterion.cases
            yield ReportRow(
                id=criterion.id,
                number=str(number),
                criterion=criterion,
                case=None,
                place=place(found.file, found.line) if found is not None and is_at_fault else None,
                points=points,
                max_points=criterion.max_points,
                decision=decision,
            )


def _place_of(case: CaseResult) -> tuple[str, int | None] | None:
    """Return where the student's code raised, or else the place of the code that did not pass."""
    if case.exception is not None:
        return place(case.exception.file, case.exception.line)
    return place(case.file, case.expression or case.line) if case.file and case.verdict is not Verdict.PASSED else None


def place(file: str, line: int | None) -> tuple[str, int | None]:
    """Return a file and line for an editor; the lines of a notebook are lines of cells, so it gets None."""
    return printable(file), None if file.lower().endswith(".ipynb") else line


def violations(report: Report) -> list[Finding]:
    """Return the banned imports that cost all points; imports that violate no gate are only remarks."""
    is_violated = any(criterion.verdict is Verdict.FAILED for criterion in report.criteria if not criterion.cases)
    return [finding for finding in report.findings if finding.rule == BANNED_IMPORT] if is_violated else []


def reason_line(report: Report) -> str:
    """Return the reason why there is no score, or ""."""
    return "" if report.reason is None else printable(report.reason.text)


def notes(report: Report, tell: Tell) -> list[str]:
    """Return the remarks about the whole submission, except its score line."""
    lines = [scaled_line(report, tell), *decision_lines(report, tell), extra_line(report, tell)]
    lines = [line for line in lines if line]
    lines += [printable(finding.message.text) for finding in report.findings if finding not in violations(report)]
    return lines + [printable(note.text) for note in report.notes]


def origin(report: Report, tell: Tell) -> str:
    """Return the submission's name with the seed and the sandbox level that reproduce the grade."""
    return tell(
        "{name}, seed {seed}, sandbox: {level}",
        name=printable(report.submission.name),
        seed=report.seed,
        level=report.sandbox.level,
    )


def feedback(report: Report, check: ReportRow, tell: Tell) -> list[str]:
    """Return the sentences that explain why a row did not pass."""
    row = check.row
    if check.decision is not None:
        return [decision_line(check.decision, tell)]
    if check.case is None and check.criterion.cases:
        return [tell("The teacher lifted the violated rule: these points count again.")]
    if row.verdict is Verdict.PASSED:
        lost = check.criterion.points != check.criterion.points_without_gate and not is_lifted(report)
        return [tell("Correct, but the violated rule costs all points.")] if lost else []
    if row.verdict is Verdict.BLOCKED and row.blocked_by is not None:
        title = next(
            (criterion.title for criterion in report.criteria if criterion.id == row.blocked_by), row.blocked_by
        )
        return [tell("Not graded yet: fix {criterion} first", criterion=printable(title))]
    said = [] if row.feedback is None else [row.feedback.text]
    if check.case is None:
        said = [violation.message.text for violation in violations(report)] or said
    elif (error := check.case.exception) is not None and not any(carried(error.message) in text for text in said):
        said.append(tell("{type}: {error}", type=error.type, error=error.message))
    return [printable(text) for text in said]


def measured(report: Report, check: ReportRow) -> list[str]:
    """Return expected, actual and probe of a case that did not pass, as aligned lines."""
    case = check.case
    if case is None or case.verdict is Verdict.PASSED:
        return []
    return [line for item in case.evidence for line in evidence_lines(item, report.lang)]


def advice(check: ReportRow, tell: Tell) -> list[str]:
    """Return hint, formula, the mistake's name and remarks."""
    row, lines = check.row, []
    if check.case is None and check.criterion.cases:
        return []
    if row.verdict is not Verdict.PASSED:
        if row.hint is not None:
            lines.append(tell("Hint: {hint}", hint=printable(row.hint.text)))
        if check.case is not None and check.case.formula is not None:
            lines.append(tell("Reread: {formula}", formula=printable(check.case.formula)))
        if row.misconception is not None:
            lines.append(tell("Mistake: {mistake}", mistake=printable(row.misconception)))
    return lines + [tell("Note: {remark}", remark=printable(remark.text)) for remark in row.remarks]


def printed(check: ReportRow, tell: Tell) -> list[str]:
    """Return the first lines that the student's code printed in a case that did not pass."""
    if check.case is None or check.case.verdict is Verdict.PASSED:
        return []
    every = check.case.stdout.strip().splitlines()
    more = len(every) - STDOUT_LINES
    lines = [printable(line, LINE_CHARS) for line in every[:STDOUT_LINES]]
    return [*lines, tell("… and {count} more lines", count=more)] if more > 0 else lines


def told(report: Report, check: ReportRow, tell: Tell) -> list[str]:
    """Return all lines of text about a row."""
    lines = feedback(report, check, tell) + measured(report, check) + advice(check, tell)
    lines += [tell("Printed: {line}", line=line) for line in printed(check, tell)]
    if check.criterion.bonus:
        points, most = check.points, check.max_points
        lines.append(tell("Extra points: {points} of {most}, not part of the score", points=points, most=most))
    return lines
