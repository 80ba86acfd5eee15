"""The report as one page for a browser: no network, no script, light, dark and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.core.decisions import counting, is_lifted, override_of, was_run
from grader.core.figures import AnyFigure, Grid
from grader.core.messages import Message
from grader.core.numbers import Number, Probe
from grader.core.outcomes import Evidence, Verdict
from grader.core.report import CaseResult, CriterionResult, Report, Score, Status
from grader.renderers import charts
from grader.renderers.markup import TEXT_CHARS, esc, foot, head, shown, told
from grader.renderers.scores import Tell, decision_lines, most_extra, scaled_line, teller
from grader.renderers.text import SYMBOLS
from grader.renderers.words import VERDICTS, marked

PAGE_BYTES = 190_000
PRINTED_LINES, PRINTED_CHARS = 20, 160
MOST_LISTED = 40
KINDS = {Verdict.PASSED: "good", Verdict.PARTIAL: "part", **dict.fromkeys(
    (Verdict.BLOCKED, Verdict.NOT_RUN, Verdict.NOT_GRADABLE), "open"
)}  # fmt: skip
WORTH = 0.05  # of the greatest difference: less is not marked
WORDS = {**VERDICTS, Verdict.BLOCKED: marked("waits")}


def render_html(report: Report) -> str:
    """Return the report as a page of less than 200 KB; what a student's code said is cut shorter where it has to be."""
    for chars in (TEXT_CHARS, 240, 60):
        page = Page(report, chars).text()
        if len(page.encode()) <= PAGE_BYTES:
            break
    return page


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one report; chars is the most that is shown of one text."""

    report: Report
    chars: int

    def text(self) -> str:
        """Return the whole page."""
        report = self.report
        title = self.said("{name} - report", name=report.submission.name[:80])
        is_judged = was_run(report)
        parts = [
            head(report.lang, title),
            self.header(),
            '<main id="main" tabindex="-1">\n',
            self.notice(),
            self.overview() if is_judged else "",
            self.misses() if is_judged else "",
            self.figures(),
            self.remarks(),
            self.passed() if is_judged else "",
            "</main>\n",
            self.footer(),
            foot(),
        ]
        return "".join(parts)

    def said(self, template: str, /, **args: str | Score) -> str:
        """Return words of the page, escaped, in the report's language."""
        return told(self.report.lang, template, **args)

    @property
    def tell(self) -> Tell:
        """Return what makes a sentence, not escaped, in the report's language."""
        return teller(self.report.lang)

    def own(self, text: str) -> str:
        """Return a text of somebody else, escaped and capped."""
        return esc(text, self.chars)

    # --- the top -----------------------------------------------------------------------------

    def header(self) -> str:
        """Return name and score."""
        report = self.report
        if report.final_score is None:
            score = f'<p class="score none"><strong>{self.said("No score")}</strong></p>'
        else:
            of = self.said("of {most}", most=report.max_score)
            kind = "good" if report.final_score == report.max_score else "part" if report.final_score else "bad"
            score = (
                f'<p class="score"><strong>{report.final_score}</strong> <span>{of}</span></p>'
                f"{charts.bar(report.final_score, report.max_score, kind)}"
            )
        if scaled := scaled_line(report, self.tell):
            score += f'<p class="quiet">{esc(scaled)}</p>'
        if report.final_extra_score is not None:
            points = self.said("{points} of {most}", points=report.final_extra_score, most=most_extra(report))
            score += f'<p class="quiet">{self.said("Extra credit")}: {points}</p>'
        files = ", ".join(self.own(name) for name in report.submission.files[:6])
        more = len(report.submission.files) - 6
        files += f" {self.said('and {count} more', count=more)}" if more > 0 else ""
        return (
            f'<header class="top"><div><p class="kicker">{self.own(report.assignment)}</p>'
            f'<h1>{esc(report.submission.name, 120)}</h1><p class="quiet">{files}</p></div>'
            f'<div class="scored">{score}</div></header>\n'
        )

    def notice(self) -> str:
        """Return what must be known before the points: why there are none, or how they came about."""
        report = self.report
        given = self._decisions()
        reason = f'<p class="lead">{self.own(report.reason.text)}</p>' if report.reason is not None else ""
        if report.status is Status.REJECTED:
            body = self.said("There was nothing that could be graded. Correct this and hand in again.")
            return given + self._note("bad", self.said("Not accepted"), reason + f"<p>{body}</p>")
        if report.status is Status.NOT_GRADABLE:
            body = self.said("A person has to look at this hand-in; what could be judged is below.")
            return given + self._note("open", self.said("Not gradable automatically"), reason + f"<p>{body}</p>")
        if report.status is Status.GRADER_ERROR:
            body = self.said("This says nothing about your work: it has to be graded again.")
            return given + self._note("open", self.said("The grader broke"), reason + f"<p>{body}</p>")
        notes = given
        notes += self._note("open", self.said("Note"), reason) if reason else ""
        for gate in report.criteria:
            if gate.max_points == 0 and gate.verdict is Verdict.FAILED:
                notes += self._gate(gate)
        if report.notes:
            said = "".join(f"<p>{self.own(one.text)}</p>" for one in report.notes[:MOST_LISTED])
            notes += self._note("info", self.said("Note"), said)
        return notes

    def _decisions(self) -> str:
        lines = decision_lines(self.report, self.tell)
        said = "".join(f"<p>{self.own(line)}</p>" for line in lines[:MOST_LISTED])
        return self._note("info", self.said("Set by the teacher"), said) if lines else ""

    def _gate(self, gate: CriterionResult) -> str:
        without = sum(one.points_without_gate for one in self.report.counted)
        body = f'<p class="lead">{self.own(gate.feedback.text)}</p>' if gate.feedback is not None else ""
        if is_lifted(self.report):
            return self._note("info", self.said("A rule is violated: {rule}", rule=gate.title), body)
        body += "<p>" + self.said("All points are lost because of it. Without it: {points}.", points=without) + "</p>"
        if gate.hint is not None:
            body += f"<p>{self.own(gate.hint.text)}</p>"
        return self._note("bad", self.said("A rule is violated: {rule}", rule=gate.title), body)

    def _note(self, kind: str, title: str, body: str) -> str:
        return f'<section class="note {kind}"><h2>{title}</h2>{body}</section>\n'

    # --- criteria ----------------------------------------------------------------------------

    def overview(self) -> str:
        """Return the criteria with their points, bars and words, and those for extra points apart."""
        count = len(self.report.counted)
        tables = self._glance(self.report.counted, 0)
        if self.report.bonus:
            title = f"{self.said('Extra credit')} "
            tables += f'<h3>{title}<span class="quiet">{self.said("apart from the score")}</span></h3>\n'
            tables += self._glance(self.report.bonus, count)
        return f"<section><h2>{self.said('At a glance')}</h2>\n{tables}</section>\n"

    def _glance(self, criteria: Sequence[CriterionResult], first: int) -> str:
        rows = []
        for number, one in enumerate(criteria, first):
            name = self.own(one.title)
            if _missed(one) or _blocked(one):
                name = f'<a href="#c{number}">{name}</a>'
            points, drawn, counted = self.said("rule"), "", counting(self.report, one)
            if one.max_points:
                points = self.said("{points} of {most}", points=counted, most=one.max_points)
                drawn = charts.bar(counted, one.max_points, _kind(one.verdict))
            lost = ""
            if override_of(self.report, one.id) is not None:
                lost = f"<br><small>{self.said('set by the teacher')}</small>"
            elif one.points != one.points_without_gate and not is_lifted(self.report):
                lost = f"<br><small>{self.said('would be {points}', points=one.points_without_gate)}</small>"
            rows.append(
                f'<tr><th scope="row">{name}</th><td class="drawn">{drawn}</td><td class="number">{points}{lost}</td>'
                f"<td>{self._verdict(one.verdict)}</td></tr>\n"
            )
        columns = f'<th scope="col">{self.said("Criterion")}</th><td></td><th scope="col" class="number">{self.said("Points")}</th><th scope="col">{self.said("Result")}</th>'
        return f'<table class="glance"><thead><tr>{columns}</tr></thead><tbody>\n{"".join(rows)}</tbody></table>\n'

    def _verdict(self, verdict: Verdict) -> str:
        symbol = SYMBOLS.get(verdict, "✗")
        return f'<span class="verdict {_kind(verdict)}"><span aria-hidden="true">{symbol}</span> {self.said(WORDS[verdict])}</span>'

    def misses(self) -> str:
        """Return what did not pass, criterion by criterion."""
        parts = []
        for number, one in enumerate(self.report.criteria):
            missed, blocked = _missed(one), _blocked(one)
            if one.max_points and (missed or blocked):
                counted = counting(self.report, one)
                points = self.said("{points} of {most}", points=counted, most=one.max_points)
                parts.append(
                    f'<section class="criterion" id="c{number}"><h3>{self.own(one.title)} '
                    f'<span class="quiet">{points}</span></h3>\n'
                    f"{''.join(self._case(case) for case in missed)}{self._waiting(one, blocked)}</section>\n"
                )
        if not parts:
            return ""
        return f"<section><h2>{self.said('What to look at')}</h2>\n{''.join(parts)}</section>\n"

    def _case(self, case: CaseResult) -> str:
        points = self.said("{points} of {most}", points=case.points, most=case.max_points)
        parts = [
            f'<article class="miss {_kind(case.verdict)}"><h4>{self.own(case.title)}</h4>'
            f'<p class="state">{self._verdict(case.verdict)} <span class="quiet">{points}</span></p>'
        ]
        if case.feedback is not None:
            parts.append(f'<p class="lead">{self.own(case.feedback.text)}</p>')
        if case.exception is not None:
            parts.append(self._exception(case))
        parts += [self._evidence(one) for one in case.evidence]
        if case.hint is not None:
            parts.append(f'<p class="hint"><strong>{self.said("Hint.")}</strong> {self.own(case.hint.text)}</p>')
        if case.formula is not None:
            formula, _, place = case.formula.partition("  ")
            parts.append(
                f'<p class="reread"><strong>{self.said("Reread.")}</strong> <span class="formula">{self.own(formula)}</span> '
                f'<span class="quiet">{self.own(place)}</span></p>'
            )
        if case.stdout.strip():
            parts.append(self._printed(case.stdout))
        return "".join(parts) + "</article>\n"

    def _exception(self, case: CaseResult) -> str:
        error = case.exception
        assert error is not None
        message = f": {self.own(error.message)}" if error.message else ""
        place = self.own(error.file)
        if error.line is not None:
            place = self.said("{file}, line {line}", file=error.file, line=error.line)
        return (
            f'<p class="exception"><code>{esc(error.type, 120)}{message}</code> <span class="quiet">{place}</span></p>'
        )

    def _printed(self, stdout: str) -> str:
        lines = stdout.strip().splitlines()
        kept = min(PRINTED_LINES, max(2, self.chars // 40))
        text = "\n".join(esc(line, min(PRINTED_CHARS, self.chars)) for line in lines[:kept])
        more = len(lines) - kept
        text += f"\n{self.said('… and {count} more lines', count=more)}" if more > 0 else ""
        return (
            f'<details><summary>{self.said("What your code printed")}</summary><pre tabindex="0">{text}</pre></details>'
        )

    def _waiting(self, criterion: CriterionResult, blocked: Sequence[CaseResult]) -> str:
        if not blocked:
            return ""
        titles = {one.id: (number, one.title) for number, one in enumerate(self.report.criteria)}
        waits = []
        for case in blocked:
            cause = ""
            if case.blocked_by is not None and case.blocked_by != criterion.id and case.blocked_by in titles:
                number, title = titles[case.blocked_by]
                before, _, after = self.said("waits for {criterion}", criterion="\n").partition("\\n")
                cause = f' <span class="quiet">- {before}<a href="#c{number}">{self.own(title)}</a>{after}</span>'
            waits.append(f"<li>{self.own(case.title)}{cause}</li>")
        return f'<div class="waiting"><h4>{self.said("Not judged until then")}</h4><ul>{"".join(waits)}</ul></div>\n'

    # --- numbers -----------------------------------------------------------------------------

    def _evidence(self, evidence: Evidence) -> str:
        """Return expected and actual side by side, with what belongs to each row, and the rest of the probe."""
        expected, actual = _listed(evidence.expected), _listed(evidence.actual)
        size = max(len(expected), len(actual))
        beside = {name: rows for name, one in evidence.probe.items() if (rows := _beside(one, evidence.shape, size))}
        rest = "".join(self._probe(name, one, evidence) for name, one in evidence.probe.items() if name not in beside)
        rest = f'<dl class="probe">{rest}</dl>' if rest else ""
        if not size:
            return rest
        table, drawn = self._table(evidence, expected, actual, beside), charts.compared(evidence, self.report.lang)
        if not drawn:
            return table + rest
        key = (
            '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
            '<circle class="right" cx="8" cy="8" r="6"/></svg>'
            f"{self.said('expected')} &ensp;"
            '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
            '<path class="own" d="M3 8l5 -5 5 5 -5 5z"/></svg>'
            f"{self.said('yours')}"
        )
        drawn = f'<figure>{drawn}<figcaption class="quiet">{key}</figcaption></figure>'
        return f'<div class="pair">{table}{drawn}</div>{rest}'

    def _table(
        self, evidence: Evidence, expected: Sequence[Number], actual: Sequence[Number], beside: dict[str, list[str]]
    ) -> str:
        size = max(len(expected), len(actual))
        names, apart = self._row_names(evidence, size), _apart(expected, actual)
        head_cells = [f'<th scope="col">{esc(name, 40)}</th>' for name in beside]
        head_cells += [f'<th scope="col" class="number">{self.said("expected")}</th>'] if expected else []
        head_cells += [f'<th scope="col" class="number">{self.said("yours")}</th>'] if actual else []
        mark = f'<span class="apart" title="{self.said("differs")}">≠<span class="unseen"> {self.said("differs")}</span></span> '
        rows = []
        for number in range(min(size, MOST_LISTED)):
            cells = [f'<td class="number">{values[number]}</td>' for values in beside.values()]
            if expected:
                cells.append(f'<td class="number">{shown(expected[number]) if number < len(expected) else ""}</td>')
            if actual:
                kind, sign = (" differs", mark) if number in apart else ("", "")
                text = shown(actual[number]) if number < len(actual) else ""
                cells.append(f'<td class="number{kind}">{sign}{text}</td>')
            is_first = evidence.columns and number % len(evidence.columns) == 0
            group = ' class="first"' if is_first else ""
            rows.append(f'<tr{group}><th scope="row">{names[number]}</th>{"".join(cells)}</tr>')
        rows += ["<tr><td>…</td></tr>"] if size > MOST_LISTED else []
        caption = f'<caption class="quiet">{self.own(evidence.label)}</caption>' if evidence.label else ""
        return (
            f'<div class="wide"><table class="numbers">{caption}<thead><tr><td></td>{"".join(head_cells)}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _row_names(self, evidence: Evidence, size: int) -> list[str]:
        """Return a name for each number: of its row and column, or its place."""
        if evidence.columns and len(evidence.rows) * len(evidence.columns) == size:
            return [f"{esc(row, 40)} · {esc(column, 40)}" for row in evidence.rows for column in evidence.columns]
        if len(evidence.rows) == size:
            return [esc(row, 40) for row in evidence.rows]
        if size == 1:
            return [self.said("value")]
        if len(evidence.shape) == 2 and evidence.shape[1] and evidence.shape[0] * evidence.shape[1] == size:
            return [f"{number // evidence.shape[1] + 1}, {number % evidence.shape[1] + 1}" for number in range(size)]
        return [str(number + 1) for number in range(size)]

    def _probe(self, name: str, value: Probe, evidence: Evidence) -> str:
        rows = value if isinstance(value, list) and value and all(isinstance(one, list) for one in value) else [value]
        names = [f"{esc(one, 40)}: " for one in evidence.rows] if len(evidence.rows) == len(rows) else [""] * len(rows)
        told_ = [f"<dd>{head}{_text(one)}</dd>" for head, one in zip(names, rows[:MOST_LISTED], strict=False)]
        return f"<div><dt>{esc(name, 40)}</dt>{''.join(told_)}</div>"

    # --- figures -----------------------------------------------------------------------------

    def figures(self) -> str:
        """Return what the lab draws of the submission."""
        parts = [self._figure(one) for one in self.report.figures]
        tables = [self._grid(one) for one in self.report.figures if isinstance(one, Grid)]
        if not any(parts):
            return ""
        return (
            f'<section><h2>{self.said("Figures")}</h2>\n<div class="figures">{"".join(parts)}</div>'
            f"{''.join(tables)}</section>\n"
        )

    def _figure(self, figure: AnyFigure) -> str:
        lang = self.report.lang
        drawn = charts.surface(figure) if isinstance(figure, Grid) else charts.points(figure, lang)
        if not drawn:
            return ""
        ramp = charts.ramp(figure, lang) + " " if isinstance(figure, Grid) else ""
        return (
            f"<figure><h3>{self.own(figure.title)}</h3>{drawn}"
            f'<figcaption class="quiet">{ramp}{self.own(figure.caption)}</figcaption></figure>'
        )

    def _grid(self, figure: Grid) -> str:
        across, up = len(figure.values), len(figure.values[0])
        columns = "".join(
            f'<th scope="col" class="number">{charts.at_of(figure.x_extent, number, across):.3g}</th>'
            for number in range(across)
        )
        rows = "".join(  # the first row is the highest, as in the picture
            f'<tr><th scope="row" class="number">{charts.at_of(figure.y_extent, number, up):.3g}</th>'
            + "".join(f'<td class="number">{charts.short(charts.finite(row[number]))}</td>' for row in figure.values)
            + "</tr>"
            for number in reversed(range(up))
        )
        title = self.said("{title}: the values as numbers", title=figure.title)
        corner = self.said("{x} to the right, {y} up", x=figure.x_label or "x", y=figure.y_label or "y")
        return (
            f'<details class="screen"><summary>{title}</summary>'
            f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'
            f'<table class="numbers grid"><caption class="quiet">{corner}</caption>'
            f"<thead><tr><td></td>{columns}</tr></thead><tbody>{rows}</tbody></table></div></details>"
        )

    # --- the rest ----------------------------------------------------------------------------

    def remarks(self) -> str:
        """Return what costs nothing but should be known: findings in the files, remarks of cases."""
        parts = []
        found = [finding.message for finding in self.report.findings]
        if found:
            parts.append(f"<h3>{self.said('In your files')}</h3>{self._list(found)}")
        remarks = [one for criterion in self.report.criteria for one in criterion.remarks]
        remarks += [one for criterion in self.report.criteria for case in criterion.cases for one in case.remarks]
        remarks = list({one.text: one for one in remarks}.values())
        if remarks:
            parts.append(f"<h3>{self.said('Remarks')}</h3>{self._list(remarks)}")
        if not parts:
            return ""
        return f"<section><h2>{self.said('Good to know')}</h2>\n{''.join(parts)}</section>\n"

    def _list(self, messages: Sequence[Message]) -> str:
        items = "".join(f"<li>{self.own(one.text)}</li>" for one in messages[:MOST_LISTED])
        more = len(messages) - MOST_LISTED
        items += f"<li>{self.said('and {count} more', count=more)}</li>" if more > 0 else ""
        return f'<ul class="notes">{items}</ul>'

    def passed(self) -> str:
        """Return the titles of what passed, folded."""
        items = [
            f'<li><span class="good" aria-hidden="true">✓</span> {self.own(case.title)}</li>'
            for criterion in self.report.criteria
            for case in criterion.cases
            if case.verdict is Verdict.PASSED
        ]
        if not items:
            return ""
        title = self.said("What passed: {count}", count=len(items))
        return f'<details class="passed"><summary>{title}</summary><ul class="plain">{"".join(items)}</ul></details>\n'

    def footer(self) -> str:
        """Return what made this report."""
        report = self.report
        facts = [
            (self.said("Seed"), str(report.seed)),
            (self.said("Sandbox"), esc(report.sandbox.level, 20)),
            (self.said("Grader"), esc(report.environment.grader, 40)),
            ("Python", esc(report.environment.python, 40)),
            ("numpy", esc(report.environment.numpy, 40)),
            (self.said("Hash of the hand-in"), esc(report.submission.sha256[:16], 16)),
        ]
        items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts if value)
        return f'<footer><dl class="facts">{items}</dl></footer>\n'


def _kind(verdict: Verdict) -> str:
    return KINDS.get(verdict, "bad")


def _missed(criterion: CriterionResult) -> list[CaseResult]:
    return [one for one in criterion.cases if one.verdict not in (Verdict.PASSED, Verdict.BLOCKED)]


def _blocked(criterion: CriterionResult) -> list[CaseResult]:
    return [one for one in criterion.cases if one.verdict is Verdict.BLOCKED]


def _listed(value: Number | list[Number] | None) -> list[Number]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _text(value: Number | list[Any]) -> str:
    """Return a number or a list, capped."""
    numbers = [one for one in (value if isinstance(value, list) else [value]) if not isinstance(one, list)]
    return ", ".join(shown(one) for one in numbers[:MOST_LISTED]) + (" …" if len(numbers) > MOST_LISTED else "")


def _beside(value: Probe, shape: Sequence[int], size: int) -> list[str]:
    """Return what a probe gives for each of size numbers; nothing where it does not go with them."""
    if size < 2 or not isinstance(value, list):
        return []
    if len(value) == size and len(shape) == 1:  # a number, or a row, for each
        return [_text(one) for one in value]
    rows = [one for one in value if isinstance(one, list)]
    is_alike = len(shape) == 2 and len(rows) == shape[0] and all(len(row) == shape[1] for row in rows)
    return [shown(one) for row in rows for one in row] if is_alike else []


def _apart(expected: Sequence[Number], actual: Sequence[Number]) -> set[int]:
    """Return where two lists differ: by a part of their greatest difference that is worth looking at, or as texts."""
    pairs = list(enumerate(zip(expected, actual, strict=False)))
    off = {
        number: abs(one - other)
        for number, (one, other) in pairs
        if isinstance(one, float) and isinstance(other, float) and shown(one) != shown(other)
    }
    most = max(off.values(), default=0.0)
    odd = {number for number, (one, other) in pairs if isinstance(one, str) or isinstance(other, str)}
    return {number for number in odd if expected[number] != actual[number]} | {
        number for number, one in off.items() if one >= WORTH * most
    }
