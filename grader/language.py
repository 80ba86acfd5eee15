"""Reports and sentences in other languages: gettext catalogues in locale/; English is the source.

The id of a message is its English template. An argument that is a word of ours - "hidden neuron 1", a place
in a file - is a message itself. Names, numbers and the student's own words are texts, and never translated.
"""

from __future__ import annotations

import functools
import gettext
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.models import AnyFigure, CaseResult, CriterionResult, Evidence, Message, Report

LANGUAGES = ("en", "ru")
LOCALE = Path(__file__).with_name("locale")
DOMAIN = "grader"

NO_TITLES: Mapping[str, str] = {}


def from_locale(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language that LC_ALL, LC_MESSAGES or LANG asks for, the first that is set; English for others."""
    wanted = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    language = re.split("[_.@]", wanted)[0].lower()
    return language if language in LANGUAGES else "en"


@functools.cache
def catalogue(lang: str) -> gettext.NullTranslations:
    """Return the translations of a language; what is missing there stays English."""
    return gettext.translation(DOMAIN, LOCALE, [lang], fallback=True)


def translated(template: str, lang: str) -> str:
    """Return a template in a language."""
    return catalogue(lang).gettext(template) if template else template


def word(lang: str, template: str, /, **args: str | int) -> str:
    """Return a renderer's own words, filled with args as they are: word(report.lang, "Score: {score}", score=1)."""
    return translated(template, lang).format(**args) if args else translated(template, lang)


def message_in(message: Message, lang: str, titles: Mapping[str, str] = NO_TITLES) -> Message:
    """Return a message with its text in a language; titles are those of the criteria, by id."""
    if lang == "en":
        return message
    args = {
        name: one if isinstance(one, (str, int)) else message_in(one, lang, titles)
        for name, one in message.args.items()
    }
    shown = {name: titles.get(str(one), one) if name == "criterion" else one for name, one in args.items()}
    return replace(message, args=args, text=translated(message.id, lang).format(**shown))


def report_in(report: Report, lang: str) -> Report:
    """Return a report that was made in English with all titles and sentences in a language."""
    report = replace(report, lang=lang)
    if lang == "en":
        return report
    titles = {criterion.id: translated(criterion.title, lang) for criterion in report.criteria}

    def told(message: Message | None) -> Message | None:
        return None if message is None else message_in(message, lang, titles)

    def remarks(messages: list[Message]) -> list[Message]:
        return [message_in(one, lang, titles) for one in messages]

    def case_in(case: CaseResult) -> CaseResult:
        return replace(
            case,
            title=translated(case.title, lang),
            feedback=told(case.feedback),
            hint=told(case.hint),
            remarks=remarks(case.remarks),
            evidence=[evidence_in(one, lang) for one in case.evidence],
        )

    def criterion_in(criterion: CriterionResult) -> CriterionResult:
        return replace(
            criterion,
            title=titles[criterion.id],
            feedback=told(criterion.feedback),
            hint=told(criterion.hint),
            remarks=remarks(criterion.remarks),
            cases=[case_in(case) for case in criterion.cases],
        )

    return replace(
        report,
        assignment=translated(report.assignment, lang),
        reason=told(report.reason),
        criteria=[criterion_in(criterion) for criterion in report.criteria],
        findings=[replace(one, message=message_in(one.message, lang, titles)) for one in report.findings],
        figures=[figure_in(one, lang) for one in report.figures],
        notes=remarks(report.notes),
    )


def evidence_in(evidence: Evidence, lang: str) -> Evidence:
    """Return evidence with its names in a language."""
    rows, columns = ([translated(one, lang) for one in names] for names in (evidence.rows, evidence.columns))
    return evidence.labelled(rows, columns, translated(evidence.label, lang))


def figure_in(figure: AnyFigure, lang: str) -> AnyFigure:
    """Return a figure with its words in a language: those of its fields that are text, and of its marks."""
    from msgspec import structs  # `--help` does without

    made = structs.asdict(figure)
    texts = {name: translated(one, lang) for name, one in made.items() if isinstance(one, str)}
    marks = [structs.replace(one, label=translated(one.label, lang)) for one in made.get("marks", ())]
    return structs.replace(figure, **texts, **({"marks": marks} if marks else {}))
