"""The report as JUnit XML, for GitLab and for actions that show test results.

Each body repeats its message, because GitLab shows only bodies. JUnit has no points, so they are properties.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from grader.core.outcomes import Verdict
from grader.core.report import Report, Status
from grader.core.text import printable
from grader.renderers.parts import ReportRow, checks, notes, reason_line, told
from grader.renderers.scores import Tell, score_line, teller
from grader.renderers.words import VERDICTS

# Element for each verdict; a case that was not run or not graded is no failure.
ELEMENTS = {
    Verdict.PARTIAL: "failure",
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.TIMEOUT: "error",
    Verdict.MEMORY_LIMIT: "error",
    Verdict.OUTPUT_LIMIT: "error",
    Verdict.BLOCKED: "skipped",
    Verdict.NOT_GRADABLE: "skipped",
    Verdict.NOT_RUN: "skipped",
}
STATUSES = {Status.REJECTED: "failure", Status.NOT_GRADABLE: "skipped", Status.GRADER_ERROR: "error"}


def render_junit(report: Report) -> str:
    """Return the report as XML with one test suite."""
    tell = teller(report.lang)
    root = Element("testsuites")
    suite = SubElement(root, "testsuite", name=printable(report.submission.name))
    _properties(
        suite,
        status=report.status.value,
        score="" if report.final_score is None else str(report.final_score),
        max_score=str(report.max_score),
        **({} if report.final_extra_score is None else {"extra_score": str(report.final_extra_score)}),
        seed=str(report.seed),
        route=report.submission.route,
        sandbox=report.sandbox.level,
    )
    _whole(suite, report, tell)
    for check in checks(report):
        _check(suite, report, check, tell)
    for element in (root, suite):
        element.set("tests", str(len(suite.findall("testcase"))))
        for counter, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(counter, str(len(suite.findall(f"testcase/{tag}"))))
        element.set("time", f"{report.timing.total_s:.3f}")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _whole(suite: Element, report: Report, tell: Tell) -> None:
    """Add a test case for the whole submission, which passes if the submission could be graded."""
    case = SubElement(
        suite, "testcase", classname=tell("The whole submission"), name=tell("It can be graded"), time="0"
    )
    if report.status in STATUSES:
        lines = [line for line in (reason_line(report), score_line(report, tell), *notes(report, tell)) if line]
        _ended(case, STATUSES[report.status], report.status.value, lines)
    else:
        SubElement(case, "system-out").text = "\n".join([score_line(report, tell), *notes(report, tell)])


def _check(suite: Element, report: Report, check: ReportRow, tell: Tell) -> None:
    row, titles = check.row, [printable(check.criterion.title), check.name]
    if check.case is not None:
        titles[1] = printable(check.case.title)
    case = SubElement(suite, "testcase", classname=titles[0], name=titles[1])
    file, line = check.place or (printable(report.submission.files[0]) if report.submission.files else "", None)
    if file:
        case.set("file", file)
    if line is not None:
        case.set("line", str(line))
    case.set("time", f"{report.timing.cases_s.get(check.id, 0):.3f}")
    kind = "extra_" if check.criterion.bonus else ""
    points = {f"{kind}points": str(check.points), f"{kind}max_points": str(check.max_points)}
    _properties(case, **points, verdict=row.verdict.value)
    lines = told(report, check, tell)
    if row.verdict in ELEMENTS and check.decision is None:
        tag = "skipped" if check.criterion.bonus else ELEMENTS[row.verdict]  # extra credit never fails a pipeline
        _ended(case, tag, row.misconception or row.verdict.value, lines or [tell(VERDICTS[row.verdict])])
    elif lines:
        SubElement(case, "system-out").text = "\n".join(lines)


def _ended(case: Element, tag: str, kind: str, lines: list[str]) -> None:
    element = SubElement(case, tag, message=lines[0], type=printable(kind))
    element.text = "\n".join(lines)


def _properties(parent: Element, **values: str) -> None:
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=value)
