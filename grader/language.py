"""Reports and sentences in other languages: gettext catalogues in locale/; English is the source.

The id of a message is its English template. An argument that is a word of ours - "hidden neuron 1", a place
in a file - is in PHRASES under its name, which is its context in the catalogue. Names, numbers and the
student's own words are never translated.
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

# The words of ours that stand in sentences, by the argument's name; with braces: patterns that an argument may fit.
PHRASES: dict[str, tuple[str, ...]] = {
    "neuron": ("hidden neuron 1", "hidden neuron 2", "the output neuron"),
    "number": ("first weight", "second weight", "bias"),
    "form": ("list", "tuple", "row", "column"),
    "place": ("{file}, cell {cell}, line {line}", "{file}, line {line}"),
    "what": ("Your program", "Loading {file}"),
    "given": ("{kind} of shape {shape}",),
    "action": (
        "use the file", "use the network", "start a program", "start a thread", "use shared memory", "use the system",
    ),
    "accepted": ("a .py file, a notebook, a .zip or .tar.gz archive, or a folder with one",),
    "why": ("takes too long", "is too much"),
    "classes": ("{one} and {other}",),
    "reason": (
        "is empty or too long", "has control characters", "is absolute", "has backslashes", "leads out of its folder",
        "is not a regular file", "appears twice", "too deeply nested", "unknown error", "Permission denied", "No such file or directory",
        "Is a directory", "Not a directory", "File exists", "File name too long", "Too many levels of symbolic links",
        "Input/output error", "No space left on device", "Read-only file system", "something that is no report stands there",
        "a link inside the submission leads there",
    ),
    "problem": (
        "does not exist", "is neither a folder nor a .zip archive of hand-ins", "is not on the roster",
        "is one student of the roster by id and another by name", "appears twice", "is missing",
    ),
    "origin": (
        "a path of this machine", "an index, by its name alone", "an address with a user name or password",
        "an address without a commit or a hash", "an address that no workflow can use",
    ),
    "kind": ("a link, which is not followed", "no regular file"),
    "columns": ("none",),
    "verdict": (
        "passed", "partial", "failed", "error", "timeout", "memory limit", "output limit", "blocked", "not gradable",
        "not run",
    ),
    "status": ("graded", "rejected", "not gradable", "grader error"),
    "case": (  # the title of a case that did not report
        "three neurons", "wiring", "bias", "purity", "start", "neuron", "model", "function", "used", "weights",
        "returned error", "output step", "hidden step", "order", "loss", "convergence", "train",
        "elementwise", "softmax", "large values", "regression", "percentage", "cross entropies", "zeros", "momentum", "exponential",
        "half norm",
    ),
    "probe": ("weights", "epochs", "calls", "holders", "start"),
}  # fmt: skip
NO_TITLES: Mapping[str, str] = {}
LISTS = {"neurons": "neuron"}  # arguments that are several words, joined by commas


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


def phrase(lang: str, name: str, text: str) -> str:
    """Return an argument of a message, named as there, in a language; what is no word of ours stays as it is."""
    if lang == "en":
        return text
    if name in LISTS:
        return ", ".join(phrase(lang, LISTS[name], one) for one in text.split(", "))
    if text in PHRASES.get(name, ()):
        return catalogue(lang).pgettext(name, text)
    for pattern, template in _patterns(name):
        found = pattern.fullmatch(text)
        if found:
            return catalogue(lang).pgettext(name, template).format(**found.groupdict())
    return text


@functools.cache
def _patterns(name: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the phrases with braces as patterns; a number of a line or cell is digits."""
    found = []
    for template in PHRASES.get(name, ()):
        if "{" in template:
            pattern = re.sub(r"\\\{(line|cell)\\\}", r"(?P<\1>[0-9]+)", re.escape(template))
            found.append((re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", pattern), re.DOTALL), template))
    return tuple(found)


def message_in(message: Message, lang: str, titles: Mapping[str, str] = NO_TITLES) -> Message:
    """Return a message with its text in a language; titles are those of the criteria, by id."""
    if lang == "en":
        return message
    args = {
        name: one if isinstance(one, (str, int)) else message_in(one, lang, titles)
        for name, one in message.args.items()
    }
    shown: dict[str, str | int] = {}
    for name, one in args.items():
        if isinstance(one, str):
            shown[name] = titles[one] if name == "criterion" and one in titles else phrase(lang, name, one)
        else:
            shown[name] = one if isinstance(one, int) else one.text
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
            title=phrase(lang, "case", translated(case.title, lang)),
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
