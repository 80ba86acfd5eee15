"""The report as Markdown: the step summary of GitHub Actions, a comment on a merge request, a wiki.

Text from the submission stays text everywhere: it cannot become HTML, a link or a mention, or end a block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.core.decisions import counting, verdict_of, was_run
from grader.core.outcomes import Verdict
from grader.core.report import CriterionResult, Report
from grader.core.text import printable
from grader.renderers.parts import ReportRow, advice, checks, feedback, measured, notes, origin, printed, reason_line
from grader.renderers.scores import Tell, extra_line, points_text, score_line, teller, verdict_text
from grader.renderers.text import SYMBOLS

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
NUMBER = "|".join(rf"(?<=^\d{{{digits}}})[.)]" for digits in range(1, 10))  # list numbers have at most 9 digits
ACTIVE = re.compile(r"[\\`*_\[\]<>&|~$#]|^[-+=]|" + NUMBER)
# A word joiner is inserted here, so that a URL, a mention or an issue number does not become a link.
LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=[@#!%&~$])(?=\w)|(?<=\w)(?=@)", re.IGNORECASE)
JOINER = "\u2060"


def render_markdown(report: Report) -> str:
    """Return the report as Markdown with tables, for GitHub and GitLab."""
    tell = teller(report.lang)
    blocks = [f"## {escaped(score_line(report, tell))}"]
    if report.reason is not None:
        blocks.append(f"> {escaped(reason_line(report))}")
    if was_run(report):
        blocks.append(_table(report, report.counted, tell))
        if report.bonus:
            blocks += [f"**{escaped(extra_line(report, tell))}**", _table(report, report.bonus, tell)]
        for check in checks(report):
            blocks += _check(report, check, tell)
    if noted := [note for note in notes(report, tell) if note != extra_line(report, tell)]:
        blocks.append("\n".join(f"- {escaped(note)}" for note in noted))
    blocks.append(f"*{escaped(origin(report, tell))}*")
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Return text escaped for Markdown, on one line."""
    joined = LINKED.sub(JOINER, " ".join(printable(text, len(text)).split()))
    return ACTIVE.sub(lambda found: ENTITIES.get(found[0], "\\" + found[0]), joined)


def fenced(lines: list[str]) -> str:
    """Return lines in a code block with a fence that they cannot close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _table(report: Report, criteria: Sequence[CriterionResult], tell: Tell) -> str:
    head = f"| | {tell('Criterion')} | {tell('Points')} | {tell('Result')} |"
    rows = [_row(report, criterion, tell) for criterion in criteria]
    return "\n".join([head, "|---|---|--:|---|", *rows])


def _row(report: Report, criterion: CriterionResult, tell: Tell) -> str:
    most, symbol = criterion.max_points, SYMBOLS.get(verdict_of(report, criterion), "✗")
    points = points_text(counting(report, criterion), most, tell) if most else tell("gate")
    return f"| {symbol} | {escaped(criterion.title)} | {points} | {escaped(verdict_text(report, criterion, tell))} |"


def _check(report: Report, check: ReportRow, tell: Tell) -> list[str]:
    """Return the blocks about one check, or none if it needs no comment."""
    if check.case is None and check.criterion.cases:  # the notes have it
        return []
    is_passed = check.row.verdict is Verdict.PASSED
    said = [] if is_passed or check.row.verdict is Verdict.BLOCKED else feedback(report, check, tell)
    advised = advice(check, tell)
    if not said and not advised and (is_passed or check.row.verdict is Verdict.BLOCKED):
        return []
    points = points_text(check.points, check.max_points, tell)
    blocks = [f"### {escaped(check.name)}{f' ({points})' if check.max_points else ''}"]
    blocks += [escaped(line) for line in said]
    if numbers := measured(report, check):
        blocks.append(fenced(numbers))
    blocks += [escaped(line) for line in advised]
    if lines := printed(check, tell):
        blocks += [escaped(tell("Printed:")), fenced(lines)]
    return blocks
