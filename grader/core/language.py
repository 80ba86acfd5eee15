"""Reports and sentences in other languages: gettext catalogues in locale/, here and in a lab's folder; English is the source.

The id of a message is its English template. An argument in the grader's own words ("line 3", a place
in a file) is itself a message. Names, numbers and the student's own words are strings and are never translated.
"""

from __future__ import annotations

import functools
import gettext
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import msgspec

    from grader.core.figures import AnyFigure
    from grader.core.messages import Message
    from grader.core.outcomes import Evidence
    from grader.core.report import CaseResult, CriterionResult, Report

    Row = TypeVar("Row", CaseResult, CriterionResult)
    Value = TypeVar("Value", bound=msgspec.Struct)

LANGUAGES = ("en", "ru")
EACH = "{en}"  # the id of a sentence that brings its text in every language, each as an argument
LOCALE = Path(__file__).parents[1] / "locale"
DOMAIN, LAB_DOMAIN = "grader", "lab"  # locale/<language>/LC_MESSAGES/grader.mo here, lab.mo in the folder of a lab


def from_locale(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language set by LC_ALL, LC_MESSAGES or LANG (the first that is set), or "en" if it is not supported."""
    wanted = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    language = re.split("[_.@]", wanted)[0].lower()
    return language if language in LANGUAGES else "en"


@functools.cache
def catalogue(lang: str) -> gettext.NullTranslations:
    """Return the translations of a language; missing ones stay English."""
    return gettext.translation(DOMAIN, LOCALE, [lang], fallback=True)


@functools.cache
def catalogue_of(lab: Path, lang: str) -> gettext.NullTranslations:
    """Return the translations of the lab in a folder, falling back to the grader's."""
    path = lab / "locale" / lang / "LC_MESSAGES" / f"{LAB_DOMAIN}.mo"
    if not path.is_file():
        return catalogue(lang)
    with path.open("rb") as file:
        found = gettext.GNUTranslations(file)
    found.add_fallback(catalogue(lang))
    return found


def word(lang: str, template: str, /, **args: str | float) -> str:
    """Return a translated template filled with args, which are not translated: word(report.lang, "Score: {score}", score=1)."""
    found = catalogue(lang).gettext(template) if template else template
    return found.format(**args) if args else found


def message_in(message: Message, lang: str) -> Message:
    """Return a message of the grader with its text translated."""
    return message if lang == "en" else Words(catalogue(lang)).message(message)


def report_in(report: Report, lang: str, lab: Path, words: Mapping[str, Mapping[str, str]]) -> Report:
    """Return an English report with all titles and sentences translated.

    lab is the lab's folder; words holds the lab's translations by language and English text.
    """
    report = replace(report, lang=lang)
    if lang == "en":
        return report
    known = catalogue_of(lab, lang)
    own = {EACH: f"{{{lang}}}", **words.get(lang, {})}
    return Words(known, own).report(report)


def replace(value: Value, **changed: Any) -> Value:
    """Return a struct with some fields changed."""
    from msgspec import structs  # not needed for `--help`

    return structs.replace(value, **changed)


class Words:
    """Translator of a report: a gettext catalogue, and the lab's own translations by English text."""

    def __init__(self, known: gettext.NullTranslations, own: Mapping[str, str] = {}) -> None:
        self.known, self._own = known, own

    def text(self, template: str) -> str:
        """Return a template in the language."""
        return self._own.get(template) or self.known.gettext(template) if template else template

    def message(self, message: Message) -> Message:
        """Return a message in the language; it stays English if its translation has different arguments."""
        args = {name: arg if isinstance(arg, (str, int)) else self.message(arg) for name, arg in message.args.items()}
        try:
            text = self.text(message.id).format(**args)
        except (LookupError, ValueError, AttributeError):
            text = message.text
        return replace(message, args=args, text=text)

    def report(self, report: Report) -> Report:
        """Return a report in the language."""
        return replace(
            report,
            assignment=self.text(report.assignment),
            reason=self._optional(report.reason),
            criteria=[
                replace(
                    self._row(criterion),
                    title=self.text(criterion.title),
                    cases=list(map(self.case, criterion.cases)),
                )
                for criterion in report.criteria
            ],
            findings=[replace(finding, message=self.message(finding.message)) for finding in report.findings],
            figures=list(map(self.figure, report.figures)),
            notes=list(map(self.message, report.notes)),
        )

    def case(self, case: CaseResult) -> CaseResult:
        """Return a case in the language. A case that did not report has its id as title, with the context "case" in the catalogue."""
        is_id = case.title == case.id.replace("_", " ")
        title = self.known.pgettext("case", case.title) if is_id else self.text(case.title)
        return replace(self._row(case), title=title, evidence=list(map(self.evidence, case.evidence)))

    def evidence(self, evidence: Evidence) -> Evidence:
        """Return evidence with its label, row and column names and probe names in the language."""
        rows, columns = (list(map(self.text, names)) for names in (evidence.rows, evidence.columns))
        probe = {self.text(name): item for name, item in evidence.probe.items()}
        return replace(evidence, label=self.text(evidence.label), rows=rows, columns=columns, probe=probe)

    def figure(self, figure: AnyFigure) -> AnyFigure:
        """Return a figure with its text fields and the labels of its marks in the language."""
        made = {name: getattr(figure, name) for name in figure.__struct_fields__}
        texts = {name: self.text(item) for name, item in made.items() if isinstance(item, str)}
        marks = [replace(item, label=self.text(item.label)) for item in made.get("marks", ())]
        return replace(figure, **texts, **({"marks": marks} if marks else {}))

    def _row(self, row: Row) -> Row:
        """Return a case or criterion with its feedback, hint and remarks in the language."""
        remarks = list(map(self.message, row.remarks))
        return replace(row, feedback=self._optional(row.feedback), hint=self._optional(row.hint), remarks=remarks)

    def _optional(self, message: Message | None) -> Message | None:
        return None if message is None else self.message(message)
