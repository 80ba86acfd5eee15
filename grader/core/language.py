"""Reports and sentences in other languages: gettext catalogues in locale/, here and in a lab's folder; English is the source.

The id of a message is its English template. An argument that is a word of ours - "line 3", a place
in a file - is a message itself. Names, numbers and the student's own words are texts, and never translated.
"""

from __future__ import annotations

import functools
import gettext
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from grader.core.figures import AnyFigure
    from grader.core.messages import Message
    from grader.core.outcomes import Evidence
    from grader.core.report import CaseResult, CriterionResult, Report
    from grader.core.rubric import Rubric

    Row = TypeVar("Row", CaseResult, CriterionResult)

LANGUAGES = ("en", "ru")
EACH = "{en}"  # the id of a sentence that comes in every language, each an argument
LOCALE = Path(__file__).parents[1] / "locale"
DOMAIN, LAB_DOMAIN = "grader", "lab"  # locale/<language>/LC_MESSAGES/grader.mo here, lab.mo in the folder of a lab


def from_locale(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language that LC_ALL, LC_MESSAGES or LANG asks for, the first that is set; English for others."""
    wanted = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    language = re.split("[_.@]", wanted)[0].lower()
    return language if language in LANGUAGES else "en"


@functools.cache
def catalogue(lang: str) -> gettext.NullTranslations:
    """Return the translations of a language; what is missing there stays English."""
    return gettext.translation(DOMAIN, LOCALE, [lang], fallback=True)


@functools.cache
def catalogue_of(lab: Path, lang: str) -> gettext.NullTranslations:
    """Return the translations of a lab in a folder, and the grader's for what it has none for."""
    path = lab / "locale" / lang / "LC_MESSAGES" / f"{LAB_DOMAIN}.mo"
    if not path.is_file():
        return catalogue(lang)
    with path.open("rb") as file:
        found = gettext.GNUTranslations(file)
    found.add_fallback(catalogue(lang))
    return found


def word(lang: str, template: str, /, **args: str | float) -> str:
    """Return a renderer's own words, filled with args as they are: word(report.lang, "Score: {score}", score=1)."""
    found = catalogue(lang).gettext(template) if template else template
    return found.format(**args) if args else found


def titles_in(rubric: Rubric, lab: Path, lang: str) -> dict[str, str]:
    """Return the titles of criteria in a language, by id; lab is the lab's folder."""
    known = catalogue_of(lab, lang)
    return {criterion.id: known.gettext(criterion.title) if criterion.title else "" for criterion in rubric.criteria}


def message_in(message: Message, lang: str) -> Message:
    """Return a message of the grader with its text in a language."""
    return message if lang == "en" else Words(catalogue(lang)).message(message)


def report_in(report: Report, lang: str, lab: Path, words: Mapping[str, Mapping[str, str]]) -> Report:
    """Return a report that was made in English with all titles and sentences in a language.

    lab is the lab's folder, words its texts in other languages, by language and English text.
    """
    report = replace(report, lang=lang)
    if lang == "en":
        return report
    known = catalogue_of(lab, lang)
    own = {EACH: f"{{{lang}}}", **words.get(lang, {})}
    return Words(known, own).report(report)


@dataclass(frozen=True, slots=True)
class Words:
    """A catalogue, texts of the lab beside it, and what a report has in them."""

    known: gettext.NullTranslations
    own: Mapping[str, str] = field(default_factory=dict)

    def text(self, template: str) -> str:
        """Return a template."""
        return self.own.get(template) or self.known.gettext(template) if template else template

    def message(self, message: Message) -> Message:
        """Return a message; it stays English where its translation has other arguments."""
        args = {name: arg if isinstance(arg, (str, int)) else self.message(arg) for name, arg in message.args.items()}
        try:
            text = self.text(message.id).format(**args)
        except (LookupError, ValueError, AttributeError):
            text = message.text
        return replace(message, args=args, text=text)

    def report(self, report: Report) -> Report:
        """Return a report."""
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
        """Return a case; the title of one that did not report is its id, which stands under "case" in the catalogue."""
        is_id = case.title == case.id.replace("_", " ")
        title = self.known.pgettext("case", case.title) if is_id else self.text(case.title)
        return replace(self._row(case), title=title, evidence=list(map(self.evidence, case.evidence)))

    def evidence(self, evidence: Evidence) -> Evidence:
        """Return evidence: its names and those of its probe."""
        rows, columns = (list(map(self.text, names)) for names in (evidence.rows, evidence.columns))
        probe = {self.text(name): item for name, item in evidence.probe.items()}
        return replace(evidence, label=self.text(evidence.label), rows=rows, columns=columns, probe=probe)

    def figure(self, figure: AnyFigure) -> AnyFigure:
        """Return a figure: those of its fields that are text, and the labels of its marks."""
        from msgspec import structs  # `--help` does without

        made = structs.asdict(figure)
        texts = {name: self.text(item) for name, item in made.items() if isinstance(item, str)}
        marks = [structs.replace(item, label=self.text(item.label)) for item in made.get("marks", ())]
        return structs.replace(figure, **texts, **({"marks": marks} if marks else {}))

    def _row(self, row: Row) -> Row:
        """Return what a case or a criterion says."""
        remarks = list(map(self.message, row.remarks))
        return replace(row, feedback=self._optional(row.feedback), hint=self._optional(row.hint), remarks=remarks)

    def _optional(self, message: Message | None) -> Message | None:
        return None if message is None else self.message(message)
