"""Reports and sentences in Russian: the catalogue is complete, and nothing English is left."""

from __future__ import annotations

import html
import json
import re
import string
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo

from grader.core.errors import BrokenGrader
from grader.core.language import LANGUAGES, from_locale, message_in, report_in, word
from grader.core.messages import listed, say
from grader.core.report import Report
from grader.pipeline.assignment import DEFAULT_LAB, read_assignment
from grader.renderers import RENDERERS
from grader.renderers.json import render_json
from grader.renderers.text import render_text
from grader.sandbox.source import SourceFile
from tests import messages
from tests.pipeline.test_samples import NAMES, expected_of, limits_of, place_of
from tests.renderers.test_renderers import hostile_report
from tests.support.command import ROOT, RUSSIAN, grade, grade_class, graded
from tests.support.labs import graded as graded_by
from tests.support.labs import lab

CATALOGUES = list(product(messages.PLACES, LANGUAGES[1:]))
FREEFORM = ROOT / "tests" / "freeform"
ENGLISH = re.compile(
    r"\b[A-Za-z]{2,} [a-z]{2,}\b|\b(?:the|is|are|of|not|with|and|has|it|by|from|to|should|must|expected|actual|hint)\b"
    r"|\b(?:Expected|Actual|Hint|Score|Points|PassedParameters|Failed|Criterion|Criteria|Case|Verdict|Status|Note|Feedback|Printed|"
    r"Training|Epochs?|Weights|Seed|Sandbox|Total|Blocked|Partial|Error)\b"
)
MARKUP = re.compile(
    r'(?s)<(style|script)\b.*?</\1>|<meta.*?>|<!.*?>|(?:class|style|id)="[^"]*"|</?[\w:-]+|[\w:-]+=(?=")'
    r"|::(?:error|warning|notice) (?:file=[^,]*,)?(?:line=\d+,)?title="
)
FORMULAS = ["dw = E grad + alpha dw"]  # no English: E, alpha and grad of the lecture
STUDENTS = ("error", "type", "text", "declared")  # arguments in the student's own words
# Samples whose reports have much to say; the others are read by `make seeds`.
TELLING = """
extra_partly fails_shapes minor_order_defect torch_import
""".split()


@pytest.mark.parametrize(("domain", "lang"), CATALOGUES)
def test_every_message_is_translated(domain: str, lang: str) -> None:
    """The catalogue has every message of the code; `python -m tests.messages` adds those that are missing, empty."""
    known = {(message.context, message.id): message.string for message in messages.read(domain, lang)}

    assert [key for key in messages.messages(domain) if not known.get(key)] == []


@pytest.mark.parametrize(("domain", "lang"), CATALOGUES)
def test_no_message_is_unused(domain: str, lang: str) -> None:
    """The catalogue has no message that the code has not; `python -m tests.messages` drops it."""
    known = {(message.context, message.id) for message in messages.read(domain, lang) if message.id}

    assert known - set(messages.messages(domain)) == set()


def text_of(context: str | bytes | None) -> str | None:
    """Return a context as text: old versions of Babel read bytes."""
    return context.decode() if isinstance(context, bytes) else context


@pytest.mark.parametrize(("domain", "lang"), CATALOGUES)
def test_the_compiled_catalogue_is_current(domain: str, lang: str) -> None:
    """The .mo in the package says what the .po says; `python -m tests.messages` writes it."""
    with messages.source_of(domain, lang).with_suffix(".mo").open("rb") as file:
        compiled = {(text_of(item.context), item.id): item.string for item in read_mo(file) if item.id}

    read = messages.read(domain, lang)
    assert compiled == {(item.context, item.id): item.string for item in read if item.id and item.string}


@pytest.mark.parametrize(("domain", "lang"), CATALOGUES)
def test_translations_have_the_arguments_of_their_messages(domain: str, lang: str) -> None:
    """A translation is filled with the same arguments."""
    pairs = [(str(message.id), str(message.string)) for message in messages.read(domain, lang) if message.id]

    assert [pair for pair in pairs if fields(pair[0]) != fields(pair[1])] == []


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize(
    "name", [name if name in TELLING else pytest.param(name, marks=pytest.mark.soak) for name in NAMES]
)
def test_no_english_is_left_in_a_sample(name: str) -> None:
    """A sample's report in Russian has no English sentence, in any format, and the same points."""
    expected = expected_of(name)

    report = graded(place_of(name), seed=7, limits=limits_of(name), lang="ru")

    assert (expected["status"], expected.get("score")) == (report.status.value, report.score)
    check(report)


@pytest.mark.parametrize(
    "name",
    [
        "right_layers_rows",
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ("wrong_derivative_of_output", "wrong_index_slip", "right_cross_entropy")
        ),
    ],
)
def test_no_english_is_left_in_what_was_observed(name: str) -> None:
    """Neither is there in the report of a submission that was graded by observation."""
    report = graded(FREEFORM / f"{name}.py", seed=7, lang="ru")

    assert report.submission.route == "observed"
    check(report)


def check(made: Report) -> None:
    """Fail with the English that is left in a report, and in what is made of it."""
    report = json.loads(render_json(made))
    own = [report["submission"]["name"]]
    own += [student for message in said_in(report) for student in (message["args"].get(name, "") for name in STUDENTS)]
    own += [item["args"]["reason"] for item in said_in(report) if "valid Python" in item["id"]]  # Python's words
    own += [line for item in cases_of(report) for line in item["stdout"].splitlines()]
    own += [item["exception"]["message"] for item in cases_of(report) if item["exception"]]
    own += FORMULAS
    texts = [message["text"] for message in said_in(report)]
    texts += [item["title"] for item in (*criteria_of(report), *cases_of(report))]
    assert english(texts, own) == []
    for kind, render in RENDERERS.items():
        if kind != "json":
            assert english(html.unescape(MARKUP.sub(" ", render(made))).splitlines(), own) == [], kind


def english(texts: list[str], own: list[str]) -> list[str]:
    """Return the texts that have English in them, apart from the student's own words."""
    for word_of_own in sorted({item.strip() for item in own if isinstance(item, str)} - {""}, key=len, reverse=True):
        texts = [text.replace(word_of_own, "…") for text in texts]
    return [text for text in texts if ENGLISH.search(text)]


def said_in(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the messages of a report."""
    if isinstance(part, dict):
        if {"id", "args", "text"} == set(part):
            yield part
        for element in part.values():
            yield from said_in(element)
    elif isinstance(part, list):
        for item in part:
            yield from said_in(item)


def criteria_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    return list(report["criteria"])


def cases_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [case for criterion in criteria_of(report) for case in criterion["cases"]]


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ru"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "ru", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": ""}, "ru"),
        ({"LANG": "de_DE@euro"}, "en"),
    ],
)
def test_language_of_the_locale(environment: dict[str, str], lang: str) -> None:
    """LC_ALL comes before LC_MESSAGES, and that before LANG; what has no catalogue is English."""
    assert lang == from_locale(environment)


def test_option_comes_before_the_locale(tmp_path: Any) -> None:
    """--lang decides; without it the locale does."""
    here = {"cwd": tmp_path, **RUSSIAN}

    assert grade("none.py", **here).err == "grade: none.py: такого файла или папки нет.\n"
    assert grade("none.py", "--lang", "en", **here).err == "grade: none.py does not exist.\n"


def test_a_class_speaks_the_language_of_its_locale(tmp_path: Any) -> None:
    """grade-class follows the locale, in its reports and in what it says of submissions."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "anna.py").write_text("class Neuron:\n  def", encoding="utf-8")
    (folder / "notes.txt").write_text("-", encoding="utf-8")

    ran = grade_class(folder, "--out", "out", cwd=tmp_path, **RUSSIAN)

    reason = json.loads((tmp_path / "out" / "reports" / "anna.json").read_text(encoding="utf-8"))["reason"]["text"]
    assert (0, "anna.py, строка 2: это не Python: invalid syntax.") == (ran.code, reason)
    assert "примечание: notes.txt: это не работа, пропущено.\n" in ran.out
    assert english(ran.out.splitlines(), []) == []


def test_only_our_words_are_translated() -> None:
    """An argument that is a message is translated: the student's own words stay, also those that are ours elsewhere."""
    notebook = SourceFile(name="a, line 1.ipynb", text="", cells=(1, 5))
    raised = say(
        "{what} raised {type}: {error} ({place}).", what="train", type="E", error="bias", place=notebook.place(8)
    )

    assert raised.text == "train raised E: bias (a, line 1.ipynb, cell 2, line 4)."
    assert message_in(raised, "ru").text == "train: исключение E: bias (a, line 1.ipynb, ячейка 2, строка 4)."


def test_words_are_listed_in_a_language() -> None:
    """Several words in one argument are joined as the language joins them."""
    said = say("No file in {name} defines {classes}.", name="a and b", classes=listed("ABC", "{one} and {other}"))

    assert said.text == "No file in a and b defines A and B and C."
    assert message_in(said, "ru").text == "a and b: ни в одном файле не определено A и B и C."


def test_a_message_in_a_message_is_translated() -> None:
    """A message may have another as an argument."""
    inner = say("Loading {file}", file="lab.py")
    outer = say("{what} did not finish within {seconds} s.", what=inner, seconds=3)

    assert outer.text == "Loading lab.py did not finish within 3 s."
    assert message_in(outer, "ru").text == "Загрузка lab.py: выполнение не закончилось за 3 с."


SUITE = """
import pytest
from grader.lab import side_by_side, unmet
from grader.core.messages import say

@pytest.mark.criterion("sums")
def test_total(student):
    'total adds up.'
    got = student.run("total", [1, 2]).number()
    if got != 3:
        seen = side_by_side(expected=3, actual=got, drawn=[1, 2]).labelled((), label="total")
        raise unmet("{what} gives {got}.", what=say("The total"), got=got, hint="Add them.", seen=seen)
"""
IN_RUSSIAN = {
    "Small lab": "Малая работа",
    "sums": "Суммы",
    "total adds up.": "total складывает.",
    "{what} gives {got}.": "{what} равна {got}.",
    "The total": "Сумма",
    "Add them.": "Сложите {count}.",
    "drawn": "числа",
}


def compiled(folder: Path, translations: dict[str, str]) -> Path:
    """Write the catalogue of a lab."""
    path = folder / "locale" / "ru" / "LC_MESSAGES" / "lab.mo"
    path.parent.mkdir(parents=True)
    catalog = Catalog(locale="ru", charset="utf-8")
    for text, translation in translations.items():
        catalog.add(text, translation)
    with path.open("wb") as file:
        write_mo(file, catalog)
    return path


def test_a_lab_brings_its_own_catalogue(tmp_path: Path) -> None:
    """Its words are looked up there, then in the grader's; a translation with other arguments is passed over."""
    folder = lab(tmp_path / "lab", SUITE, {"sums.total": 1})
    compiled(folder, IN_RUSSIAN)

    (wrong, missing) = graded_by(folder, "def total(xs): return 4", "x = 1", lang="ru")

    (criterion,) = wrong.criteria
    (case,) = criterion.cases
    (evidence,) = case.evidence
    assert ("Малая работа", "Суммы", "total складывает.") == (wrong.assignment, criterion.title, case.title)
    assert [str(case.feedback), str(case.hint)] == ["Сумма равна 4.", "Add them."]
    assert (evidence.label, list(evidence.probe)) == ("total", ["числа"])
    assert str(missing.criteria[0].cases[0].feedback) == "В файле work.py нет total."
    assert "для числа" in render_text(wrong)


def test_a_lab_without_a_catalogue_stays_english(tmp_path: Path) -> None:
    """What nobody translated is told in English, in a report that is Russian apart from that."""
    (report,) = graded_by(lab(tmp_path / "lab", SUITE, {"sums.total": 1}), "def total(xs): return 4", lang="ru")

    assert str(report.criteria[0].cases[0].feedback) == "The total gives 4."
    assert "ожидалось" in render_text(report)


def test_a_broken_catalogue_is_the_labs_fault(tmp_path: Path) -> None:
    """A lab whose catalogue cannot be read is refused in one sentence."""
    folder = lab(tmp_path / "lab", SUITE, {"sums.total": 1})
    compiled(folder, IN_RUSSIAN).write_bytes(b"no catalogue")

    with pytest.raises(BrokenGrader, match=r"^lab\.mo is not valid: "):
        read_assignment(folder)


BLOCKED = """
from grader.lab import Student, blocked, case, unmet


@case("sums")
def test_total(student: Student) -> None:
    raise unmet("It is wrong.", criterion="sums")


@case("other")
def test_waits(student: Student) -> None:
    raise blocked("sums.total")
"""


def test_a_criterion_is_named_by_its_title(tmp_path: Path) -> None:
    """A sentence in another language names a criterion as the report does."""
    folder = lab(tmp_path / "lab", BLOCKED, {"sums.total": 1, "other.waits": 1})
    rubric = (folder / "rubric.toml").read_text(encoding="utf-8")
    titled = rubric.replace('title = "sums"', 'title = { en = "Sums", ru = "Суммы" }')
    (folder / "rubric.toml").write_text(titled, encoding="utf-8")

    said = {}
    for lang in LANGUAGES:
        (report,) = graded_by(folder, "x = 1\n", lang=lang)
        feedback = report.criteria[1].cases[0].feedback
        assert feedback is not None
        said[lang] = feedback.text

    assert "under Sums first" in said["en"]
    assert "«Суммы»" in said["ru"]


def test_hostile_text_survives_translation() -> None:
    """Braces and percent signs of the student's are no templates."""
    message = say("{file} has no {error}.", file="{0}%s{x}.py", error="{name}")

    assert message_in(message, "ru").text == "В файле {0}%s{x}.py нет {name}."
    assert word("ru", "no such text {of ours}") == "no such text {of ours}"
    assert report_in(hostile_report(), "ru", DEFAULT_LAB, {}).lang == "ru"
