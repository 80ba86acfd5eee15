"""The report as plain text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from grader.core.decisions import counting, verdict_of, was_run
from grader.core.language import word
from grader.core.numbers import Number, Probe
from grader.core.outcomes import Evidence, Verdict
from grader.core.report import CaseResult, CriterionResult, Report
from grader.core.text import printable
from grader.renderers.scores import (
    SCORE,
    Tell,
    decision_lines,
    extra_line,
    points_text,
    scaled_line,
    teller,
    verdict_text,
)
from grader.renderers.words import STATUSES, VERDICTS

SYMBOLS = {
    Verdict.PASSED: "✓",
    Verdict.PARTIAL: "~",
    Verdict.BLOCKED: "-",
    Verdict.NOT_RUN: "-",
    Verdict.NOT_GRADABLE: "?",
}
STDOUT_LINES = 5
MOST_ROWS, MOST_NUMBERS = 12, 40  # rows of a matrix, numbers of a row or list
INDENT = " " * 7


def render_text(report: Report) -> str:
    """Return the report as plain text with a final newline."""
    tell = teller(report.lang)
    made = tell("seed {seed}, sandbox: {level}", seed=report.seed, level=report.sandbox.level)
    lines = [f"{printable(report.submission.name)}  ({made})", ""]
    if report.reason is not None:
        status = tell(STATUSES[report.status.value]).upper()
        lines += [f"{status}: {printable(report.reason.text)}", ""]
    if was_run(report):
        titles = {criterion.id: printable(criterion.title) for criterion in report.criteria}
        for title, criteria in ("", report.counted), (tell("Extra credit"), report.bonus):
            lines += [title] if title and criteria else []
            lines += [line for criterion in criteria for line in _criterion(report, criterion, titles, tell)]
            lines += [""] if criteria else []
    lines += [f"! {printable(finding.message.text)}" for finding in report.findings]
    lines += [printable(note.text) for note in report.notes]
    score, most = report.final_score, report.max_score
    total = tell("Score: none (of {most})", most=most) if score is None else tell(SCORE, score=score, max_score=most)
    told = [extra_line(report, tell), *decision_lines(report, tell), scaled_line(report, tell)]
    lines += [*(line for line in told if line), total]
    return "\n".join(lines) + "\n"


def _criterion(report: Report, criterion: CriterionResult, titles: dict[str, str], tell: Tell) -> list[str]:
    most, symbol = criterion.max_points, SYMBOLS.get(verdict_of(report, criterion), "✗")
    points = points_text(counting(report, criterion), most, tell) if most else tell("gate")
    lines = [f" {symbol} {printable(criterion.title):<40} {points:>9}  {verdict_text(report, criterion, tell)}"]
    if not criterion.cases and criterion.feedback is not None:
        lines.append(f"     {printable(criterion.feedback.text)}")
    blocked = {case.blocked_by for case in criterion.cases if case.verdict is Verdict.BLOCKED and case.blocked_by}
    for case in criterion.cases:
        if case.verdict is not Verdict.BLOCKED:
            lines += _case(case, report.lang, tell)
        elif case.blocked_by == criterion.id:  # blocked by a case above
            points = points_text(case.points, case.max_points, tell)
            lines.append(f"     {points}: {printable(case.title)} ({tell(VERDICTS[case.verdict])})")
        lines += [f"     {tell('note')}: {printable(remark.text)}" for remark in case.remarks]
    others = sorted(blocked - {criterion.id})
    if others:
        waited = ", ".join(titles.get(other, printable(other)) for other in others)
        lines.append(f"     {tell('not graded yet, fix first')}: {waited}")
    return lines


def _case(case: CaseResult, lang: str, tell: Tell) -> list[str]:
    if case.verdict is Verdict.PASSED:
        return []
    lines = [f"     {points_text(case.points, case.max_points, tell)}: {printable(case.title)}"]
    if case.feedback is not None:
        lines.append(f"       {printable(case.feedback.text)}")
    if case.file and case.exception is None:
        lines.append(f"       {tell('code')}: {case_place(case, lang)}")
    lines += [INDENT + line for item in case.evidence for line in evidence_lines(item, lang)]
    if case.hint is not None:
        lines.append(f"       {tell('hint')}: {printable(case.hint.text)}")
    if case.formula is not None:
        lines.append(f"       {tell('reread')}: {printable(case.formula)}")
    if case.stdout.strip():
        printed = case.stdout.strip().splitlines()
        lines += [f"       {tell('printed')}: {printable(line, 120)}" for line in printed[:STDOUT_LINES]]
        if len(printed) > STDOUT_LINES:
            lines.append(f"       {tell('… and {count} more lines', count=len(printed) - STDOUT_LINES)}")
    return lines


def case_place(case: CaseResult, lang: str) -> str:
    """Return where the code of a case is written, as a terminal finds it: file:line, of a notebook file:cell:line."""
    place = ":".join(printable(str(part)) for part in (case.file, case.cell, case.line) if part is not None)
    if case.expression is None:
        return place
    return word(lang, "{place}, the expression in line {line}", place=place, line=case.expression)


def evidence_lines(evidence: Evidence, lang: str) -> list[str]:
    """Return expected, actual and probe as aligned lines; a matrix has one line per row."""
    lines = [f"{printable(evidence.label)}:"] if evidence.label else []
    for name, value in ((word(lang, "expected"), evidence.expected), (word(lang, "actual"), evidence.actual)):
        lines += labelled(name, in_rows(value, evidence.shape), evidence.rows)
    for name, probe in evidence.probe.items():
        lines += labelled(word(lang, "for {name}", name=name), probe, evidence.rows)
    return lines


def in_rows(value: Number | list[Number] | None, shape: Sequence[int]) -> Probe | None:
    """Return a flat list as the rows of a matrix if shape has two dimensions or more; any other value unchanged."""
    if not isinstance(value, list):
        return value
    if len(shape) < 2 or math.prod(shape) != len(value) or not value:
        return [*value]
    return [value[start : start + shape[-1]] for start in range(0, len(value), shape[-1])]


def labelled(name: str, value: Probe | None, rows: Sequence[str] = ()) -> list[str]:
    """Return a value as lines; the rows of a matrix get names if there is one for each."""
    label = f"{printable(name) + ':':<12} "
    if value is None or value == []:
        return []
    if not isinstance(value, list):
        return [label + number_text(value)]
    if not all(isinstance(item, list) for item in value):
        return [label + _joined(value)]
    names = [f"{printable(row, 40)} " for row in rows] if len(rows) == len(value) else [""] * len(value)
    width = max(map(len, names))
    lines = [f"{item:<{width}}{' ' if width else ''}{_joined([row])}" for item, row in zip(names, value, strict=True)]
    more = ["…"] if len(lines) > MOST_ROWS else []
    return [(" " * len(label) if number else label) + line for number, line in enumerate([*lines[:MOST_ROWS], *more])]


def _joined(values: list[Any]) -> str:
    values = [item for part in values for item in (part if isinstance(part, list) else [part])]
    numbers = [number_text(value) for value in values[:MOST_NUMBERS]]
    return ", ".join(numbers) + (" …" if len(values) > MOST_NUMBERS else "")


def number_text(value: Number) -> str:
    """Return a number with four significant digits."""
    return printable(value, 20) if isinstance(value, str) else f"{value + 0.0:.4g}"
