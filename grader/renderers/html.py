"""The report as one page for a browser: no network, no script, light, dark and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.models import CaseResult, CriterionResult, Message, Number, Report, Status, Verdict
from grader.renderers import charts
from grader.renderers.markup import TEXT_CHARS, esc, foot, head, shown, told
from grader.renderers.parts import VERDICTS, marked
from grader.renderers.text import SYMBOLS

PAGE_BYTES = 190_000
PRINTED_LINES, PRINTED_CHARS = 20, 160
MOST_LISTED = 40
KINDS = {Verdict.PASSED: "good", Verdict.PARTIAL: "part", **dict.fromkeys(
    (Verdict.BLOCKED, Verdict.NOT_RUN, Verdict.NOT_GRADABLE), "open"
)}  # fmt: skip
XOR_NEAR = 0.25
WORDS = {**VERDICTS, Verdict.BLOCKED: marked("waits")}
PROBES = {
    "weights": marked("weights"),
    "x": marked("inputs x"),
    "err": marked("error err"),
    "y": marked("y"),
    "label": marked("label"),
    "epochs": marked("epochs"),
    "calls": marked("calls"),
    "holders": marked("holders"),
    "start": marked("weights at the start"),
}


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
        is_judged = any(one.verdict is not Verdict.NOT_RUN for one in report.criteria)
        parts = [
            head(report.lang, title),
            self.header(),
            '<main id="main" tabindex="-1">\n',
            self.notice(),
            self.overview() if is_judged else "",
            self.misses() if is_judged else "",
            self.network(),
            self.remarks(),
            self.passed() if is_judged else "",
            "</main>\n",
            self.footer(),
            foot(),
        ]
        return "".join(parts)

    def said(self, template: str, /, **args: str | int) -> str:
        """Return words of the page, escaped, in the report's language."""
        return told(self.report.lang, template, **args)

    def own(self, text: str) -> str:
        """Return a text of somebody else, escaped and capped."""
        return esc(text, self.chars)

    # --- the top -----------------------------------------------------------------------------

    def header(self) -> str:
        """Return name and score."""
        report = self.report
        if report.score is None:
            score = f'<p class="score none"><strong>{self.said("No score")}</strong></p>'
        else:
            of = self.said("of {most}", most=report.max_score)
            kind = "good" if report.score == report.max_score else "part" if report.score else "bad"
            score = (
                f'<p class="score"><strong>{report.score}</strong> <span>{of}</span></p>'
                f"{charts.bar(report.score, report.max_score, kind)}"
            )
        if report.extra is not None:
            points = self.said("{points} of {most}", points=report.extra_score, most=report.extra.max_score)
            score += f'<p class="quiet">{self.own(report.extra.title)}: {points}</p>'
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
        reason = f'<p class="lead">{self.own(report.reason.text)}</p>' if report.reason is not None else ""
        if report.status is Status.REJECTED:
            body = self.said("There was nothing that could be graded. Correct this and hand in again.")
            return self._note("bad", self.said("Not accepted"), reason + f"<p>{body}</p>")
        if report.status is Status.NOT_GRADABLE:
            body = self.said("A person has to look at this hand-in; what could be judged is below.")
            return self._note("open", self.said("Not gradable automatically"), reason + f"<p>{body}</p>")
        if report.status is Status.GRADER_ERROR:
            body = self.said("This says nothing about your work: it has to be graded again.")
            return self._note("open", self.said("The grader broke"), reason + f"<p>{body}</p>")
        notes = self._note("open", self.said("Note"), reason) if reason else ""
        for gate in report.criteria:
            if gate.max_points == 0 and gate.verdict is Verdict.FAILED:
                notes += self._gate(gate)
        if report.submission.route == "observed":
            body = self.said(
                "Your code does not keep to the template's calls, so its own training was watched. Criteria and points "
                "are the same."
            )
            notes += self._note("info", self.said("Graded by watching"), f"<p>{body}</p>")
        return notes

    def _gate(self, gate: CriterionResult) -> str:
        without = sum(one.points_without_gate for one in self.report.criteria)
        body = f'<p class="lead">{self.own(gate.feedback.text)}</p>' if gate.feedback is not None else ""
        body += "<p>" + self.said("All points are lost because of it. Without it: {points}.", points=without) + "</p>"
        if gate.hint is not None:
            body += f"<p>{self.own(gate.hint.text)}</p>"
        return self._note("bad", self.said("A rule is violated: {rule}", rule=gate.title), body)

    def _note(self, kind: str, title: str, body: str) -> str:
        return f'<section class="note {kind}"><h2>{title}</h2>{body}</section>\n'

    # --- criteria ----------------------------------------------------------------------------

    def overview(self) -> str:
        """Return the criteria with their points, bars and words, and those for extra points apart."""
        count = len(self.report.criteria)
        tables = self._glance(self.report.every_criterion[:count], 0)
        if self.report.extra is not None:
            title = f"{self.own(self.report.extra.title)} "
            tables += f'<h3>{title}<span class="quiet">{self.said("apart from the score")}</span></h3>\n'
            tables += self._glance(self.report.every_criterion[count:], count)
        return f"<section><h2>{self.said('At a glance')}</h2>\n{tables}</section>\n"

    def _glance(self, criteria: Sequence[CriterionResult], first: int) -> str:
        rows = []
        for number, one in enumerate(criteria, first):
            name = self.own(one.title)
            if _missed(one) or _blocked(one):
                name = f'<a href="#c{number}">{name}</a>'
            points, drawn = self.said("rule"), ""
            if one.max_points:
                points = self.said("{points} of {most}", points=one.points, most=one.max_points)
                drawn = charts.bar(one.points, one.max_points, _kind(one.verdict))
            lost = ""
            if one.points != one.points_without_gate:
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
        for number, one in enumerate(self.report.every_criterion):
            missed, blocked = _missed(one), _blocked(one)
            if one.max_points and (missed or blocked):
                points = self.said("{points} of {most}", points=one.points, most=one.max_points)
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
        parts.append(self._numbers(case))
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
        titles = {one.id: (number, one.title) for number, one in enumerate(self.report.every_criterion)}
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

    def _numbers(self, case: CaseResult) -> str:
        """Return expected and actual side by side, with what belongs to each row, and the rest of the probe."""
        expected, actual = _listed(case.expected), _listed(case.actual)
        size = max(len(expected), len(actual))
        if not size and not case.probe:
            return ""
        is_step = size == 9 and "err" in case.probe and len(_listed(case.probe.get("weights"))) == 9
        beside = {name: rows for name, value in case.probe.items() if (rows := _beside(name, value, size, is_step))}
        rest = "".join(self._probe(name, value) for name, value in case.probe.items() if name not in beside)
        rest = f'<dl class="probe">{rest}</dl>' if rest else ""
        if not size:
            return rest
        table = self._table(case, expected, actual, beside, is_step)
        drawn = charts.steps(expected, actual, self.report.lang) if is_step else ""
        if drawn:
            key = (
                '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
                '<circle class="right" cx="8" cy="8" r="6"/></svg>'
                f"{self.said('right step')} &ensp;"
                '<svg class="key" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
                '<path class="own" d="M3 8l5 -5 5 5 -5 5z"/></svg>'
                f"{self.said('your step')}"
            )
            drawn = f'<figure>{drawn}<figcaption class="quiet">{key}</figcaption></figure>'
            return f'<div class="pair">{table}{drawn}</div>{rest}'
        return table + rest

    def _table(
        self,
        case: CaseResult,
        expected: Sequence[Number],
        actual: Sequence[Number],
        beside: dict[str, list[str]],
        is_step: bool,
    ) -> str:
        size = max(len(expected), len(actual))
        names = self._row_names(case, size, is_step)
        near = XOR_NEAR if _is_answers(case, size) else None
        head_cells = [f'<th scope="col">{self._probe_name(name)}</th>' for name in beside]
        head_cells += [f'<th scope="col" class="number">{self.said("expected")}</th>'] if expected else []
        head_cells += [f'<th scope="col" class="number">{self.said("yours")}</th>'] if actual else []
        rows = []
        for number in range(size):
            cells = [f'<td class="number">{values[number]}</td>' for values in beside.values()]
            one = expected[number] if number < len(expected) else None
            other = actual[number] if number < len(actual) else None
            apart = one is not None and other is not None and _is_apart(one, other, near)
            cells += [f'<td class="number">{"" if one is None else shown(one)}</td>'] if expected else []
            mark = f'<span class="apart" title="{self.said("differs")}">≠<span class="unseen"> {self.said("differs")}</span></span> '
            if actual:
                text = "" if other is None else shown(other)
                cells.append(f'<td class="number{" differs" if apart else ""}">{mark if apart else ""}{text}</td>')
            group = ' class="first"' if is_step and number % 3 == 0 else ""
            rows.append(f'<tr{group}><th scope="row">{names[number]}</th>{"".join(cells)}</tr>')
        return (
            f'<div class="wide"><table class="numbers"><thead><tr><td></td>{"".join(head_cells)}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _row_names(self, case: CaseResult, size: int, is_step: bool) -> list[str]:
        if is_step or (size == 9 and case.probe.get("start") is not None):
            names = [(charts.NEURONS[number // 3], charts.PARTS[number % 3]) for number in range(9)]
            return [f"{self.said(neuron)} · {self.said(part)}" for neuron, part in names]
        if _is_answers(case, size):
            return [self.said("answer to ({x1}, {x2})", x1=x1, x2=x2) for x1, x2, _ in charts.XOR]
        if size == 1:
            return [self.said("value")]
        return [str(number + 1) for number in range(size)]

    def _probe(self, name: str, value: Number | list[Number]) -> str:
        values = _listed(value)
        label = self._probe_name(name)
        if name in ("weights", "start") and len(values) == 9:
            told_ = [
                f"<dd>{self.said(charts.NEURONS[row])}: {', '.join(shown(one) for one in values[3 * row : 3 * row + 3])}</dd>"
                for row in range(3)
            ]
            return f"<div><dt>{label}</dt>{''.join(told_)}</div>"
        text = ", ".join(shown(one) for one in values[:MOST_LISTED])
        return f"<div><dt>{label}</dt><dd>{text}{' …' if len(values) > MOST_LISTED else ''}</dd></div>"

    def _probe_name(self, name: str) -> str:
        return self.said(PROBES[name]) if name in PROBES else esc(name, 40)

    # --- the network -------------------------------------------------------------------------

    def network(self) -> str:
        """Return what the network answers on the unit square, and how its loss fell."""
        report = self.report
        square = charts.surface(report.training, report.lang)
        curve = charts.loss_curve(report.training.losses, _epochs(report), report.lang)
        if not square and not curve:
            return ""
        parts = []
        if square:
            key = self.said("Line: output 0.5. Circle: should be 0. Square: should be 1.")
            parts.append(
                f"<figure><h3>{self.said('What it answers')}</h3>{square}"
                f'<figcaption class="quiet">{charts.ramp(report.lang)} {key}</figcaption></figure>'
            )
        if curve:
            key = self.said("Mean squared error of an epoch, logarithmic scale.")
            parts.append(
                f"<figure><h3>{self.said('How it learned')}</h3>{curve}"
                f'<figcaption class="quiet">{key} {self._source()}</figcaption></figure>'
            )
        return (
            f'<section><h2>{self.said("Your network")}</h2>\n<div class="figures">{"".join(parts)}</div>'
            f"{self._rate()}{self._grid()}</section>\n"
        )

    def _source(self) -> str:
        if self.report.training.source == "train":
            return self.said("Trained by your own train, from a set start.")
        return self.said("Trained by the grader's loop with your steps, from a set start.")

    def _rate(self) -> str:
        rate = self.report.training.rate
        if rate is None:
            return ""
        return f"<p>{self.said('Your learning rate, as measured with its factor 2: {rate}', rate=shown(rate))}</p>"

    def _grid(self) -> str:
        grid = charts.grid_of(self.report.training)
        if not grid:
            return ""
        last = len(grid) - 1
        columns = "".join(f'<th scope="col" class="number">{number / last:.2g}</th>' for number in range(len(grid)))
        rows = "".join(
            f'<tr><th scope="row" class="number">{number / last:.2g}</th>'
            + "".join(f'<td class="number">{"?" if one is None else f"{one:.2f}"}</td>' for one in row)
            + "</tr>"
            for number, row in enumerate(grid)
        )
        corner = self.said("x₁ down, x₂ across")
        return (
            f'<details class="screen"><summary>{self.said("The outputs as numbers")}</summary>'
            f'<div class="wide" tabindex="0" role="region" aria-label="{self.said("The outputs as numbers")}">'
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
        remarks = [one for criterion in self.report.every_criterion for one in criterion.remarks]
        remarks += [
            one for criterion in self.report.every_criterion for case in criterion.cases for one in case.remarks
        ]
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
            for criterion in self.report.every_criterion
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


def _beside(name: str, value: Number | list[Number], size: int, is_step: bool) -> list[str]:
    """Return what a probe gives for each of size rows; nothing where it does not go with them."""
    values = _listed(value)
    if size > 1 and len(values) == size and (name not in ("weights", "start") or is_step):
        return [shown(one) for one in values]
    if size > 2 and name == "x" and len(values) == 2 * size:
        return [f"{shown(one)}, {shown(other)}" for one, other in zip(values[::2], values[1::2], strict=True)]
    return []


def _is_answers(case: CaseResult, size: int) -> bool:
    """Say whether the numbers are the network's four answers."""
    return size == 4 and "epochs" in case.probe


def _is_apart(one: Number, other: Number, near: float | None) -> bool:
    if near is None or isinstance(one, str) or isinstance(other, str):
        return shown(one) != shown(other)
    return not abs(one - other) <= near


def _epochs(report: Report) -> int | None:
    """Return how many epochs the drawn training had, where a case says so."""
    wanted = "train" if report.training.source == "train" else "convergence"
    cases: Iterable[CaseResult] = (
        case for criterion in report.criteria for case in criterion.cases if case.id == wanted
    )
    for case in cases:
        epochs = case.probe.get("epochs")
        if isinstance(epochs, (int, float)):
            return round(epochs)
    return None
