"""The documentation says what the program does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from grader import exits
from grader.cli import FORMATS
from grader.renderers import RENDERERS
from grader.rubric import read_rubric
from tests import mistakes
from tests.command import ROOT, SUBMISSIONS, grade, grade_class, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
HANDOUT = (ROOT / "student_template" / "README.md").read_text(encoding="utf-8")


def test_help_in_the_readme(tmp_path: Path) -> None:
    """The README shows --help as it is."""
    ran = grade("--help", cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert ran.out.rstrip() in README


def test_help_of_the_class_in_the_readme(tmp_path: Path) -> None:
    """The README shows grade-class --help as it is."""
    ran = grade_class("--help", cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert ran.out.rstrip() in README


def test_help_of_the_packer_in_the_docs(tmp_path: Path) -> None:
    """docs/ci.md shows grade-package gradescope --help as it is."""
    command = Path(sys.executable).with_name("grade-package")

    ran = run([command, "gradescope", "--help"], cwd=tmp_path, COLUMNS="80", LC_ALL="C.UTF-8")

    assert ran.out.rstrip() in (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


def test_completion_in_the_readme() -> None:
    """The README gives bash the line that tests/test_student_tools.py has it run."""
    assert '`eval "$(_GRADE_COMPLETE=bash_source grade)"`' in README


def test_report_in_the_readme(tmp_path: Path) -> None:
    """The README's report is the one that the command prints."""
    ran = grade(SUBMISSIONS / "fails_model_update", "--seed", "1", cwd=tmp_path)

    assert ran.out.rstrip() in README


def test_exit_codes_in_the_readme() -> None:
    """The table of exit codes names all of them."""
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    known = {value for name, value in vars(exits).items() if name.isupper()}

    assert documented == known


def test_formats_of_the_command() -> None:
    """The command knows the formats that have a renderer."""
    assert tuple(RENDERERS) == FORMATS


def test_formats_in_the_readme() -> None:
    """The table of formats names all of them."""
    table = README.partition("### Formats")[2].partition("What students are asked for")[0]

    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(RENDERERS)


def test_modules_in_the_flow_exist() -> None:
    """Every file that the flow picture names is there."""
    picture = README.partition("## How one grade is made")[2].partition("## The command")[0]
    names = re.findall(r"[\w/]+\.py", picture)

    assert len(names) >= 8
    assert [name for name in names if not list((ROOT / "grader").rglob(Path(name).name))] == []


@pytest.mark.parametrize("half", [0, 1], ids=["ru", "en"])
def test_points_in_the_handout(half: int) -> None:
    """Both halves of the handout give the points of the rubric."""
    text = HANDOUT.split("\n---\n")[half]
    points = [int(number) for number in re.findall(r"\| (\d+) \|$", text.rpartition("|---|---|")[2], re.MULTILINE)]

    assert points == [criterion.points for criterion in read_rubric().criteria if not criterion.is_gate]


def test_make_targets_in_the_documents_exist() -> None:
    """Every `make` target that a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", texts, re.MULTILINE)) <= targets


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.wide) for part in range(1, 5))])
def test_common_mistakes_in_the_docs(part: int) -> None:
    """docs/mistakes.md shows the reports of ten common mistakes as they are."""
    page = mistakes.PAGE.read_text(encoding="utf-8")

    assert [text for text in mistakes.sections(list(mistakes.COMMON)[part::5]).values() if text not in page] == []
