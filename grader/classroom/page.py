"""The class page: scores, criteria, mistakes, and a table of submissions to sort and filter.

The page is generated in parts, from entries that are read one at a time. The script holds no data: it sorts and
filters the rows of the table, which is complete without it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from grader.classroom.tables import Entry
from grader.classroom.warm import Task
from grader.core.decisions import is_zeroed, points_of
from grader.renderers import charts
from grader.renderers.markup import ENVIRONMENT, TEXT_CHARS, esc, told
from grader.renderers.words import STATUSES

SCRIPT = Markup(Path(__file__).with_name("page.js").read_text(encoding="utf-8").strip())  # noqa: S704 - ours
CHOICE_CHARS = 90


def render_class(
    entries: Iterable[Entry], numbers: Mapping[str, Any], task: Task, names: Mapping[str, str], *, ending: str = "json"
) -> Iterator[str]:
    """Yield index.html in parts: numbers are those of class.json, and names has the student's name by key."""
    rubric, lang = task.lab.rubric, task.lang
    said = functools.partial(told, lang)
    messages = {number["id"]: number["message"] or number["id"] for number in numbers["misconceptions"]}
    return ENVIRONMENT.get_template("class.html.j2").generate(
        entries=entries,
        numbers=numbers,
        rubric=rubric,
        names=names,
        titles=task.lab.titles(lang),
        lang=lang,
        ending=ending,
        said=said,
        messages=messages,
        columns=[criterion for criterion in rubric.criteria if not (criterion.is_gate or criterion.bonus)],
        group_choices=[(number, number) for number in numbers["groups"]],
        status_choices=[(status, said(STATUSES[status])) for status in numbers["statuses"]],
        mistake_choices=[(name, esc(message, CHOICE_CHARS)) for name, message in messages.items()],
        facts=[(said("Sandbox"), esc(", ".join(level for level in numbers["levels"] if level != "none"), 80))],
        script=SCRIPT,
        chars=TEXT_CHARS,
        charts=charts,
        is_zeroed=is_zeroed,
        points_of=points_of,
        quote=functools.partial(quote, safe=""),
        CHOICE_CHARS=CHOICE_CHARS,
        NAMES_SHOWN=12,
        NAME_CHARS=120,
        STATUSES=STATUSES,
    )
