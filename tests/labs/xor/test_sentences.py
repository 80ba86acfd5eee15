"""No report contradicts its own numbers or the submission's text, in either language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from grader.core.language import LANGUAGES, report_in
from grader.pipeline.grading import assignment
from grader.renderers.json import render_json
from tests.forms import forms
from tests.support.command import ROOT, graded
from tests.support.contradictions import contradictions
from tests.support.mutants import ARRAYS, mutants
from tests.support.student_programs import student_programs

Write = Callable[..., Path]
EVERY_FOURTH = slice(1, None, 4)  # of the mistakes, in each form
FAST = ("globals_raises", "weights_not_updated.template", "all_multiplied.template")


def programs() -> Iterator[tuple[str, str]]:
    """Yield the programs to walk over: those of students, free-form ones, all mistakes, and some in each form."""
    yield from student_programs().items()
    for path in sorted((ROOT / "tests" / "freeform").glob("*.py")):
        yield path.stem, path.read_text(encoding="utf-8")
    for name, mutant in mutants().items():
        yield f"{name}.template", mutant.text(0.3)
    names = [name for name, mutant in mutants().items() if mutant.base == ARRAYS]
    for name in names[EVERY_FOURTH]:
        for form, text in islice(forms(mutants()[name]), 1, None):
            yield f"{name}.{form}", text


@pytest.mark.parametrize(
    ("name", "text"),
    [pytest.param(*program, id=program[0], marks=() if program[0] in FAST else pytest.mark.soak) for program in programs()],
)  # fmt: skip
def test_nothing_untrue_is_said(name: str, text: str, write: Write) -> None:
    """A report of any program says nothing that its numbers, its verdicts or the program contradict."""
    lab = assignment(None)

    english = graded(write(text), seed=7)

    for lang in LANGUAGES:
        report = json.loads(render_json(report_in(english, lang, lab.place, lab.words)))
        assert [] == contradictions(report, text)
