"""The report as the log of a GitHub Actions step: the text report, and annotations on the student's lines.

It is for standard output. The step summary is a separate file, in the format `markdown`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from grader.core.outcomes import BANNED_IMPORT, Verdict
from grader.core.report import Report, Status
from grader.core.text import printable
from grader.renderers.parts import ReportRow, advice, checks, feedback, measured, place, reason_line, violations
from grader.renderers.scores import Tell, decision_lines, extra_line, scaled_line, score_line, teller
from grader.renderers.text import render_text
from grader.renderers.words import marked

ANNOTATIONS = 10  # GitHub shows at most this many of each kind per step
SEVERITIES = ("error", "warning", "notice")
SOFTER = {Verdict.PARTIAL: "warning", Verdict.NOT_GRADABLE: "warning"}
TITLES = {
    Status.REJECTED: marked("Rejected"),
    Status.NOT_GRADABLE: marked("Needs manual grading"),
    Status.GRADER_ERROR: marked("The grader failed"),
}
TOLD_ELSEWHERE = (Verdict.PASSED, Verdict.BLOCKED, Verdict.NOT_RUN)


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """Annotation command for the runner; lost are the points lost by the problem."""

    severity: str
    title: str
    lines: tuple[str, ...]
    place: tuple[str, int | None] | None = None
    lost: int = 0

    def command(self) -> str:
        """Return the command line."""
        file, line = self.place or ("", None)
        fields = {"file": file, "line": "" if line is None else str(line), "title": printable(self.title)}
        properties = ",".join(f"{name}={escaped(value, ':,')}" for name, value in fields.items() if value)
        return f"::{self.severity} {properties}::{escaped(chr(10).join(self.lines))}"


def render_github(report: Report) -> str:
    """Return the text report with the runner's commands disabled, then at most ten annotations, the worst first."""
    tell = teller(report.lang)
    text = render_text(report)
    token = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()  # no text can contain its own hash
    found = dict.fromkeys(_annotations(report, tell))
    worst = sorted(found, key=lambda item: (-item.lost, SEVERITIES.index(item.severity)))
    shown = worst[: ANNOTATIONS - 1]
    score = [
        score_line(report, tell),
        extra_line(report, tell),
        scaled_line(report, tell),
        *decision_lines(report, tell),
    ]
    score = [line for line in score if line]
    if len(worst) > len(shown):
        score.append(tell("{count} more are in the log.", count=len(worst) - len(shown)))
    shown.append(Annotation(severity="notice", title=tell("Grade"), lines=tuple(score)))
    commands = "".join(element.command() + "\n" for element in shown)
    return f"::stop-commands::{token}\n{text}::{token}::\n{commands}"


def escaped(text: str, more: str = "") -> str:
    """Return text escaped for a command: on one line, and without the characters in more."""
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _annotations(report: Report, tell: Tell) -> Iterator[Annotation]:
    """Yield an annotation for each finding, check that lost points, and remark."""
    is_of_a_check = any(check.row.feedback == report.reason for check in checks(report))
    if report.status in TITLES and not is_of_a_check:
        yield Annotation(
            severity="warning" if report.status is Status.NOT_GRADABLE else "error",
            title=tell(TITLES[report.status]),
            lines=(reason_line(report),),
            place=_reason_place(report),
            lost=report.max_score + 1,
        )
    for finding in report.findings:
        is_banned = finding.rule == BANNED_IMPORT
        is_violation = finding in violations(report)
        yield Annotation(
            severity="error" if is_violation else "warning" if is_banned else "notice",
            title=tell("Forbidden import") if is_banned else tell("Note"),
            lines=(printable(finding.message.text),),
            place=place(finding.file, finding.line),
            lost=report.max_score if is_violation else 0,
        )
    for check in checks(report):
        if check.case is not None and check.row.verdict not in TOLD_ELSEWHERE:
            yield _of_check(report, check, tell)
        for remark in check.row.remarks if check.decision is None else ():
            yield Annotation(severity="notice", title=check.name, lines=(printable(remark.text),))


def _of_check(report: Report, check: ReportRow, tell: Tell) -> Annotation:
    remarks = len(check.row.remarks)
    advised = advice(check, tell)
    return Annotation(
        severity="notice" if check.criterion.bonus else SOFTER.get(check.row.verdict, "error"),
        title=check.name,
        lines=(*feedback(report, check, tell), *measured(report, check), *advised[: len(advised) - remarks]),
        place=check.place,
        lost=_lost(report, check),
    )


def _lost(report: Report, check: ReportRow) -> int:
    """Return the points that a check lost; one that is not gradable counts as all points."""
    if check.criterion.bonus:
        return 0
    return report.max_score if check.row.verdict is Verdict.NOT_GRADABLE else check.row.max_points - check.row.points


def _reason_place(report: Report) -> tuple[str, int | None] | None:
    """Return the place in a rejected file that the reason names, or None."""
    args = {} if report.reason is None else report.reason.args
    name, line = args.get("file", args.get("name")), args.get("line")
    if not isinstance(name, str) or not isinstance(line, int) or "cell" in args:
        return None
    return place(name, line)
