"""The report for a terminal: what a student reads first."""

from __future__ import annotations

import re

from grader.models import CaseResult, CriterionResult, Number, Report, Status, Verdict

SYMBOLS = {
    Verdict.PASSED: "✓",
    Verdict.PARTIAL: "~",
    Verdict.BLOCKED: "-",
    Verdict.NOT_RUN: "-",
    Verdict.NOT_GRADABLE: "?",
}
ROW_NAMES = ("hidden 1", "hidden 2", "output")
STDOUT_LINES = 5
TEXT_CHARS = 500
INDENT = " " * 7
COMMAND = re.compile(r"^\s*:(?=:)|#(?=#\[)")


def printable(text: str, limit: int = TEXT_CHARS) -> str:
    """Return student-controlled text on one line: control, bidi and unpaired characters made visible.

    Nothing in it is a command to a CI runner that reads the log: "::" at the start of a line, "##[" anywhere.
    """
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text[:limit])
    return COMMAND.sub(r"\g<0> ", shown) + ("…" if len(text) > limit else "")


def render_text(report: Report) -> str:
    """Return the report as plain text with a final newline."""
    lines = [f"{printable(report.submission.name)}  (seed {report.seed}, sandbox: {report.sandbox.level})", ""]
    if report.reason is not None:
        lines += [f"{report.status.value.replace('_', ' ').upper()}: {printable(report.reason.text)}", ""]
    if report.status is not Status.REJECTED:
        titles = {criterion.id: printable(criterion.title) for criterion in report.criteria}
        for criterion in report.criteria:
            lines += _criterion(criterion, titles)
        lines.append("")
    lines += [f"! {printable(finding.message.text)}" for finding in report.findings]
    if report.training.rate is not None:
        lines.append(f"Your learning rate, as measured with its factor 2: {_number(report.training.rate)}")
    lines.append(_total(report))
    return "\n".join(lines) + "\n"


def _total(report: Report) -> str:
    if report.score is None:
        return f"Score: none (of {report.max_score})"
    return f"Score: {report.score} of {report.max_score}"


def _criterion(criterion: CriterionResult, titles: dict[str, str]) -> list[str]:
    symbol = SYMBOLS.get(criterion.verdict, "✗")
    word = criterion.verdict.value.replace("_", " ")
    points = f"{criterion.points:>3} of {criterion.max_points}" if criterion.max_points else "gate"
    without_gate = (
        f" ({criterion.points_without_gate} without the violated rule)"
        if criterion.points != criterion.points_without_gate
        else ""
    )
    lines = [f" {symbol} {printable(criterion.title):<40} {points:>9}  {word}{without_gate}"]
    if not criterion.cases and criterion.feedback is not None:
        lines.append(f"     {printable(criterion.feedback.text)}")
    blocked = {case.blocked_by for case in criterion.cases if case.verdict is Verdict.BLOCKED and case.blocked_by}
    for case in criterion.cases:
        if case.verdict is not Verdict.BLOCKED:
            lines += _case(case)
        lines += [f"     note: {printable(remark.text)}" for remark in case.remarks]
    others = sorted(blocked - {criterion.id})
    if others:
        lines.append(f"     waits for: {', '.join(titles.get(other, printable(other)) for other in others)}")
    return lines


def _case(case: CaseResult) -> list[str]:
    if case.verdict is Verdict.PASSED:
        return []
    lines = [f"     {case.points} of {case.max_points}: {printable(case.title)}"]
    if case.feedback is not None:
        lines.append(f"       {printable(case.feedback.text)}")
    for name, value in (("expected", case.expected), ("actual", case.actual)):
        lines += [INDENT + line for line in labelled(name, value)]
    for name, value in case.probe.items():
        lines += [INDENT + line for line in labelled(f"for {name}", value)]
    if case.hint is not None:
        lines.append(f"       hint: {printable(case.hint.text)}")
    if case.formula is not None:
        lines.append(f"       reread: {printable(case.formula)}")
    if case.stdout.strip():
        printed = case.stdout.strip().splitlines()
        lines += [f"       printed: {printable(line, 120)}" for line in printed[:STDOUT_LINES]]
        if len(printed) > STDOUT_LINES:
            lines.append(f"       … and {len(printed) - STDOUT_LINES} more lines")
    return lines


def labelled(name: str, value: Number | list[Number] | None) -> list[str]:
    """Return a value as lines; nine parameters become a line a neuron."""
    label = f"{name + ':':<13}"
    if value is None or value == []:
        return []
    if not isinstance(value, list):
        return [label + _number(value)]
    if len(value) == 9:
        rows = [", ".join(_number(one) for one in value[start : start + 3]) for start in (0, 3, 6)]
        indents = [label, " " * len(label), " " * len(label)]
        return [f"{indent}{row_name:<9} {row}" for indent, row_name, row in zip(indents, ROW_NAMES, rows, strict=True)]
    return [label + ", ".join(_number(one) for one in value)]


def _number(value: Number) -> str:
    return printable(value, 20) if isinstance(value, str) else f"{value + 0.0:.4g}"
