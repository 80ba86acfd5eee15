"""The class as one page: scores, criteria, mistakes, and a table of hand-ins to sort and filter.

It is made piece by piece from entries that come one at a time. The script holds no data: what it sorts and
filters it reads from the table, which is whole without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from grader.classroom.tables import Entry
from grader.core.decisions import is_zeroed, points_of
from grader.core.report import Score, Status
from grader.core.rubric import Rubric
from grader.renderers import charts
from grader.renderers.markup import esc, foot, head, shown, told
from grader.renderers.words import STATUSES, marked

SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8").strip()
NAMES_SHOWN = 12
NAME_CHARS = 120
REASON_CHARS = 200
CHOICE_CHARS = 90
MISTAKES_SHOWN = 4


def render_class(
    entries: Iterable[Entry],
    numbers: Mapping[str, Any],
    rubric: Rubric,
    names: Mapping[str, str],
    titles: Mapping[str, str],
    *,
    lang: str = "en",
    ending: str = "json",
) -> Iterator[str]:
    """Yield index.html; numbers are those of class.json, names and titles say whose a key is and what a criterion is called."""
    yield head(lang, told(lang, "Class report"), script=SCRIPT)
    yield _header(numbers, lang)
    yield '<main id="main" tabindex="-1">\n'
    yield _scores(numbers, lang)
    yield _criteria(numbers, rubric, lang)
    yield from _mistakes(numbers, names, lang, ending)
    yield _table_head(numbers, rubric, titles, lang)
    messages = {one["id"]: one["message"] or one["id"] for one in numbers["misconceptions"]}
    for entry in entries:
        yield _row(entry, rubric, messages, lang, ending, numbers)
    yield "</tbody></table></div></section>\n"
    yield _missing(numbers, lang)
    yield "</main>\n"
    yield _footer(numbers, lang)
    yield foot(SCRIPT)


def _header(numbers: Mapping[str, Any], lang: str) -> str:
    statuses = ", ".join(
        f"{count} {told(lang, STATUSES.get(status, status))}" for status, count in numbers["statuses"].items()
    )
    scores, mean = numbers["scores"], ""
    if scores["mean"] is not None:
        facts = told(
            lang, "median {median}, {least} to {most}", median=shown(scores["median"]), least=scores["least"],
            most=scores["most"],
        )  # fmt: skip
        of = told(lang, "of {most} on average", most=numbers["max_score"])
        mean = (
            f'<div class="scored mean"><p class="score"><strong>{shown(round(scores["mean"], 1))}</strong> <span>{of}</span></p>'
            f'<p class="quiet number">{facts}</p></div>'
        )
    count = told(lang, "Hand-ins: {count}", count=numbers["hand_ins"])
    return (
        f'<header class="top"><div><p class="kicker">{told(lang, numbers["assignment"])}</p>'
        f'<h1>{told(lang, "Class report")}</h1><p class="quiet">{count} ({statuses})</p></div>{mean}</header>\n'
    )


def _scores(numbers: Mapping[str, Any], lang: str) -> str:
    drawn = charts.histogram(numbers["scores"]["tenths"], numbers["max_score"], lang)
    return f"<section><h2>{told(lang, 'Scores')}</h2><figure>{drawn}</figure></section>\n" if drawn else ""


def _criteria(numbers: Mapping[str, Any], rubric: Rubric, lang: str) -> str:
    """Return how the class did in each criterion, and its cases folded."""
    rows, cases = [], []
    for criterion in rubric.criteria:
        made = numbers["criteria"].get(criterion.id)
        if made is None:
            continue
        title, rate = esc(made["title"]), made["full_rate"]
        number = told(lang, "{mean} of {most}", mean=shown(made["mean_points"]), most=criterion.points)
        rows.append(
            f'<tr><th scope="row">{title}</th><td class="drawn">{charts.bar(rate, 1, "plain")}</td>'
            f'<td class="number">{_percent(rate)}</td><td class="number">{number}</td></tr>\n'
        )
        names = [f"{criterion.id}.{case.id}" for case in criterion.cases]
        cases += [_case_row(title, numbers["cases"][name]) for name in names if name in numbers["cases"]]
    if not rows:
        return ""
    columns = (
        f'<th scope="col">{told(lang, "Criterion")}</th><td></td><th scope="col" class="number">{told(lang, "Full points")}'
        f'</th><th scope="col" class="number">{told(lang, "Mean points")}</th>'
    )
    titles = "".join(
        f'<th scope="col"{kind}>{told(lang, title)}</th>'
        for title, kind in (
            (marked("Case"), ""),
            (marked("Passed"), ' class="number"'),
            (marked("Discrimination"), ' class="number"'),
        )
    )
    of = told(lang, "All numbers are of the submissions with a score: {count}.", count=numbers["counted"])
    return (
        f'<section><h2>{told(lang, "Criteria")}</h2><p class="quiet">{of}</p><table class="glance"><thead><tr>{columns}</tr></thead><tbody>\n'
        f"{''.join(rows)}</tbody></table>\n<details><summary>{told(lang, 'Case by case')}</summary>"
        f'<table class="numbers cases"><thead><tr>{titles}</tr></thead><tbody>{"".join(cases)}</tbody></table></details>'
        "</section>\n"
    )


def _case_row(criterion: str, numbers: Mapping[str, Any]) -> str:
    told_apart = numbers["discrimination"]
    return (
        f'<tr><th scope="row">{criterion} · {esc(numbers["title"])}</th>'
        f'<td class="number">{_percent(numbers["pass_rate"])}</td>'
        f'<td class="number">{"" if told_apart is None else shown(told_apart)}</td></tr>'
    )


def _mistakes(numbers: Mapping[str, Any], names: Mapping[str, str], lang: str, ending: str) -> Iterator[str]:
    """Yield the named mistakes, the most common first, with whose they are."""
    if not numbers["misconceptions"]:
        return
    yield f'<section><h2>{told(lang, "Most common mistakes")}</h2><ol class="mistakes">\n'
    for mistake in numbers["misconceptions"]:
        people = [_link(key, names.get(key, key), ending) for key in mistake["keys"]]
        first, rest = people[:NAMES_SHOWN], people[NAMES_SHOWN:]
        more = ""
        if rest:
            title = told(lang, "and {count} more", count=len(rest))
            more = f"<details><summary>{title}</summary><p>{', '.join(rest)}</p></details>"
        count = told(lang, "Hand-ins: {count}", count=mistake["hand_ins"])
        yield (
            f'<li><p class="lead">{esc(mistake["message"] or mistake["id"], 240)}</p>'
            f'<p class="quiet"><b>{count}</b> · <code>{esc(mistake["id"])}</code></p>'
            f"<p>{', '.join(first)}</p>{more}</li>\n"
        )
    yield "</ol></section>\n"


def _mistake_choices(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["id"], esc(one["message"] or one["id"], CHOICE_CHARS)) for one in numbers["misconceptions"]]


def _table_head(numbers: Mapping[str, Any], rubric: Rubric, titles: Mapping[str, str], lang: str) -> str:
    controls = (
        f'<div class="controls" hidden><label>{told(lang, "Name or id")} <input type="search" id="find" autocomplete="off">'
        f"</label>{_choice('group', told(lang, 'Group'), [(one, esc(one)) for one in numbers['groups']], lang)}"
        f"{_choice('status', told(lang, 'Status'), _statuses(numbers, lang), lang)}"
        f"{_choice('mistake', told(lang, 'Mistake'), _mistake_choices(numbers), lang)}"
        f'<p id="count" role="status" data-text="{told(lang, "{shown} of {all} shown", shown="#", all="##")}"></p></div>\n'
    )
    columns = [
        ("text", told(lang, "Hand-in")),
        *([("text", told(lang, "Group"))] if numbers["groups"] else []),
        ("text", told(lang, "Status")),
        ("number", told(lang, "Score")),
        *([("number", told(lang, "Extra"))] if numbers["extra"]["hand_ins"] else []),
        *(("number", esc(titles[one.id])) for one in rubric.criteria if not (one.is_gate or one.bonus)),
        ("text", told(lang, "Mistakes")),
    ]
    cells = "".join(f'<th scope="col" class="{kind}" data-sort="{kind}">{title}</th>' for kind, title in columns)
    return (
        f"<section><h2>{told(lang, 'Hand-ins')}</h2>\n{controls}"
        f'<div class="wide" tabindex="0" role="region" aria-label="{told(lang, "Table of hand-ins")}">'
        f'<table class="class" id="class"><thead><tr>{cells}</tr></thead><tbody>\n'
    )


def _statuses(numbers: Mapping[str, Any], lang: str) -> Sequence[tuple[str, str]]:
    return [(status, told(lang, STATUSES.get(status, status))) for status in numbers["statuses"]]


def _choice(name: str, label: str, values: Sequence[tuple[str, str]], lang: str) -> str:
    options = "".join(f'<option value="{esc(value)}">{text}</option>' for value, text in values)
    hidden = "" if values else " hidden"
    return f'<label{hidden}>{label} <select id="{name}"><option value="">{told(lang, "all")}</option>{options}</select></label>'


def _row(
    entry: Entry, rubric: Rubric, messages: Mapping[str, str], lang: str, ending: str, numbers: Mapping[str, Any]
) -> str:
    status = entry.report.status
    cells = []
    if numbers["extra"]["hand_ins"]:
        cells.append(f'<td class="number">{_given(entry.report.final_extra_score)}</td>')
    for criterion in rubric.criteria:
        if criterion.is_gate or criterion.bonus:
            continue
        points = points_of(entry.report, criterion.id)
        kind = "" if points is None or points == criterion.points else " none" if not points else " some"
        cells.append(f'<td class="number{kind}">{_given(points)}</td>')
    found = (case.misconception for one in entry.report.criteria for case in one.cases if case.misconception)
    mistakes = list(dict.fromkeys(found))
    changed = ""
    if entry.report.overrides:
        changed = f' <span class="quiet more">{told(lang, "changed by the teacher")}</span>'
    if entry.is_late:
        changed += f' <span class="bad more">{told(lang, "late")}</span>'
    if entry.is_outdated:
        changed += f' <span class="bad more">{told(lang, "earlier result")}</span>'
    if entry.attempts > 1 and not entry.is_last:
        changed += f' <span class="quiet more">{told(lang, "earlier attempt")}</span>'
    if is_zeroed(entry.report):
        changed += f' <span class="bad more">{told(lang, "rule violated")}</span>'
    who = entry.student if entry.student != (entry.name or entry.key) else ""
    group = f"<td>{esc(entry.group, NAME_CHARS)}</td>" if numbers["groups"] else ""
    reason = ""
    if status is not Status.GRADED and entry.report.reason is not None:
        reason = f' <span class="quiet more">{esc(entry.report.reason.text, REASON_CHARS)}</span>'
    ids = f'<span class="quiet">{esc(who, NAME_CHARS)}</span>' if who else ""
    return (
        f'<tr data-status="{esc(status.value)}" data-group="{esc(entry.group, NAME_CHARS)}" data-mistakes="{esc(" ".join(mistakes), 2_000)}">'
        f'<th scope="row">{_link(entry.key, entry.name or entry.key, ending)} {ids}</th>'
        f"{group}<td>{told(lang, STATUSES[status.value])}{changed}{reason}</td>"
        f'<td class="number total">{_given(entry.report.final_score)}</td>{"".join(cells)}'
        f'<td class="ids">{"<br>".join(esc(messages.get(one, one), CHOICE_CHARS) for one in mistakes[:MISTAKES_SHOWN])}</td></tr>\n'
    )


def _given(points: Score | None) -> str:
    return "" if points is None else str(points)


def _link(key: str, name: str, ending: str) -> str:
    return f'<a href="reports/{quote(key, safe="")}.{ending}">{esc(name, NAME_CHARS)}</a>'


def _missing(numbers: Mapping[str, Any], lang: str) -> str:
    missing = numbers["not_in_the_class"]
    if not missing:
        return ""
    items = ", ".join(esc(one, NAME_CHARS) for one in missing)
    title = told(lang, "No hand-in: {count}", count=len(missing))
    return f"<section><h2>{title}</h2><p>{items}</p></section>\n"


def _footer(numbers: Mapping[str, Any], lang: str) -> str:
    levels = esc(", ".join(numbers["levels"]), 80)
    return f'<footer><dl class="facts"><div><dt>{told(lang, "Sandbox")}</dt><dd>{levels}</dd></div></dl></footer>\n'


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f} %"
