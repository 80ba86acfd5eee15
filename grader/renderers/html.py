"""The report as one HTML page: no network, no script; light, dark and print styles."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from grader.core.decisions import counting, is_lifted, override_of, verdict_of, was_run
from grader.core.figures import Grid
from grader.core.numbers import Number, Probe
from grader.core.outcomes import Evidence, Verdict
from grader.core.report import Report, Status
from grader.renderers import charts
from grader.renderers.markup import ENVIRONMENT, TEXT_CHARS, esc, shown, told
from grader.renderers.scores import decision_lines, most_extra, scaled_line, teller
from grader.renderers.text import SYMBOLS, case_place
from grader.renderers.words import VERDICTS, marked

PAGE_BYTES = 190_000
PRINTED_LINES = 20
MOST_LISTED = 40
KINDS = {Verdict.PASSED: "good", Verdict.PARTIAL: "part", **dict.fromkeys(
    (Verdict.BLOCKED, Verdict.NOT_RUN, Verdict.NOT_GRADABLE), "open"
)}  # fmt: skip
WORTH = 0.05  # part of the greatest difference below which a difference is not marked
WORDS = {**VERDICTS, Verdict.BLOCKED: marked("not graded yet")}
UNGRADED = {  # the note on a page without points: its kind, title and text
    Status.REJECTED: ("bad", marked("Not accepted"), marked("There was nothing to grade. Fix this and submit again.")),
    Status.NOT_GRADABLE: ("open", marked("Needs manual grading"), marked("This submission needs manual grading; everything that could be checked is below.")),
    Status.GRADER_ERROR: ("open", marked("The grader failed"), marked("This says nothing about your work: it must be graded again.")),
}  # fmt: skip


def render_html(report: Report) -> str:
    """Return the report as a page of less than 200 KB; shorten the text from the student's code if necessary."""
    template, context = ENVIRONMENT.get_template("report.html.j2"), context_of(report)
    for chars in (TEXT_CHARS, 240, 60):
        page = template.render(context, chars=chars, most_printed=min(PRINTED_LINES, max(2, chars // 40)))
        if len(page.encode()) <= PAGE_BYTES:
            break
    return page


def context_of(report: Report) -> dict[str, Any]:
    """Return the template's variables: the report, and functions on its parts."""
    lang, tell = report.lang, teller(report.lang)
    cases = [case for criterion in report.criteria for case in criterion.cases]
    remarks = [remark for criterion in report.criteria for remark in criterion.remarks]
    remarks += [remark for case in cases for remark in case.remarks]
    drawings = [(item, charts.drawn(item, lang)) for item in report.figures]
    return {
        "report": report,
        "lang": lang,
        "said": functools.partial(told, lang),
        "charts": charts,
        "was_run": was_run(report),
        "is_lifted": is_lifted(report),
        "counting": counting,
        "override_of": override_of,
        "verdict_of": functools.partial(verdict_of, report),
        "most_extra": most_extra,
        "scaled": scaled_line(report, tell),
        "decisions": decision_lines(report, tell),
        "places": {criterion.id: place for place, criterion in enumerate(report.criteria)},
        "kind": kind,
        "passed": [case for case in cases if case.verdict is Verdict.PASSED],
        "remarks": list({remark.text: remark for remark in remarks}.values()),
        "drawings": [(drawing, drawn) for drawing, drawn in drawings if drawn],
        "is_grid": lambda figure: isinstance(figure, Grid),
        "case_place": functools.partial(case_place, lang=lang),
        "table_of": functools.partial(table_of, lang=lang),
        "facts": list(facts(report)),
        "MOST_LISTED": MOST_LISTED,
        "SYMBOLS": SYMBOLS,
        "UNGRADED": UNGRADED,
        "WORDS": WORDS,
        "Verdict": Verdict,
    }


def facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield (name, value) for seed, versions and hash."""
    said, made = functools.partial(told, report.lang), report.environment
    yield said("Seed"), str(report.seed)
    if was_run(report):
        yield said("Sandbox"), esc(report.sandbox.level, 20)
    yield said("Grader"), esc(made.grader, 40)
    yield "Python", esc(made.python, 40)
    yield "numpy", esc(made.numpy, 40)
    yield said("Hash of the submission"), report.submission.sha256[:16]


class ComparisonTable(NamedTuple):
    """Expected and actual values side by side: a name for each row, the probe values that belong to it, and the other ones."""

    size: int
    names: Sequence[str]
    expected: Sequence[Number]
    actual: Sequence[Number]
    apart: set[int]
    beside: dict[str, list[Markup]]
    rest: dict[str, list[Markup]]


def table_of(evidence: Evidence, lang: str) -> ComparisonTable:
    """Return evidence as a table for the page."""
    expected, actual = _listed(evidence.expected), _listed(evidence.actual)
    size = max(len(expected), len(actual))
    beside = {name: rows for name, item in evidence.probe.items() if (rows := _beside(item, evidence.shape, size))}
    rest = {name: _rows(item, evidence.rows) for name, item in evidence.probe.items() if name not in beside}
    names = _row_names(evidence, size, lang)
    return ComparisonTable(size, names, expected, actual, _apart(expected, actual), beside, rest)


def kind(verdict: Verdict) -> str:
    """Return the class of a verdict in the style sheet."""
    return KINDS.get(verdict, "bad")


def _row_names(evidence: Evidence, size: int, lang: str) -> Sequence[str]:
    """Return a name for each number: its row and column, or its index."""
    if evidence.columns and len(evidence.rows) * len(evidence.columns) == size:
        return [
            Markup("{} · {}").format(esc(row, 40), esc(column, 40))
            for row in evidence.rows
            for column in evidence.columns
        ]
    if len(evidence.rows) == size:
        return [esc(row, 40) for row in evidence.rows]
    if size == 1:
        return [told(lang, "value")]
    if len(evidence.shape) == 2 and evidence.shape[1] and evidence.shape[0] * evidence.shape[1] == size:
        return [f"{number // evidence.shape[1] + 1}, {number % evidence.shape[1] + 1}" for number in range(size)]
    return [str(number + 1) for number in range(size)]


def _rows(value: Probe, names: Sequence[str]) -> list[Markup]:
    """Return the rows of a probe, with their names if every row has one."""
    rows = value if isinstance(value, list) and value and all(isinstance(item, list) for item in value) else [value]
    heads = [Markup("{}: ").format(esc(name, 40)) for name in names] if len(names) == len(rows) else [""] * len(rows)
    return [head + _text(row) for head, row in zip(heads, rows[:MOST_LISTED], strict=False)]


def _listed(value: Number | list[Number] | None) -> list[Number]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _text(value: Number | list[Any]) -> Markup:
    """Return a number or a list as text, at most MOST_LISTED numbers."""
    numbers = [item for item in (value if isinstance(value, list) else [value]) if not isinstance(item, list)]
    return Markup(", ").join(map(shown, numbers[:MOST_LISTED])) + (" …" if len(numbers) > MOST_LISTED else "")


def _beside(value: Probe, shape: Sequence[int], size: int) -> list[Markup]:
    """Return the value of a probe for each of size numbers, or [] if it has a different shape."""
    if size < 2 or not isinstance(value, list):
        return []
    if len(value) == size and len(shape) == 1:  # a number, or a row, for each
        return [_text(item) for item in value]
    rows = [item for item in value if isinstance(item, list)]
    is_alike = len(shape) == 2 and len(rows) == shape[0] and all(len(row) == shape[1] for row in rows)
    return [shown(item) for row in rows for item in row] if is_alike else []


def _apart(expected: Sequence[Number], actual: Sequence[Number]) -> set[int]:
    """Return the indices where two lists differ: numbers by at least WORTH of the greatest difference, or different strings."""
    pairs = list(enumerate(zip(expected, actual, strict=False)))
    off = {
        number: abs(pair - other)
        for number, (pair, other) in pairs
        if isinstance(pair, float) and isinstance(other, float) and shown(pair) != shown(other)
    }
    most = max(off.values(), default=0.0)
    odd = {number for number, (pair, other) in pairs if isinstance(pair, str) or isinstance(other, str)}
    return {number for number in odd if expected[number] != actual[number]} | {
        number for number, item in off.items() if item >= WORTH * most
    }
