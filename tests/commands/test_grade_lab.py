"""`grade-lab new` and `grade-lab check`: what a lecturer hears of a lab before a class sees it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.commands.grade_lab import EXAMPLE, command
from grader.commands.lab_check import Check
from tests.support.command import ROOT

LABS = sorted(path.parent.name for path in (ROOT / "docs" / "labs").glob("*/assignment.toml"))
SUITE = "suite/test_scaling.py"
MEAN = 'close(student.run("mean", x), x.mean(), mistakes={"sum": x.sum()}, hint="sum(x) / len(x)")'


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return the lab that `grade-lab new` writes."""
    ran = CliRunner().invoke(command, ["new", str(tmp_path / "lab"), "--lang", "en"], standalone_mode=False)
    assert ran.return_value == 0
    assert ran.output.splitlines()[-1] == f"Next: grade-lab check {tmp_path / 'lab'}"
    return tmp_path / "lab"


def changed(lab: Path, file: str, old: str, new: str) -> Path:
    """Change a file of a lab."""
    text = (lab / file).read_text(encoding="utf-8")
    assert old in text
    (lab / file).write_text(text.replace(old, new), encoding="utf-8")
    return lab


def problems(lab: Path, seeds: int = 1) -> list[str]:
    """Return what `grade-lab check` finds wrong."""
    made = Check(lab, seeds=seeds, tell=lambda _: None)
    made.run()
    return [problem.text for problem in made.problems]


def test_a_new_lab_passes_its_own_check(example: Path) -> None:
    """What is written grades as it should, and the command says so."""
    ran = CliRunner().invoke(command, ["check", str(example), "--seeds", "2", "--lang", "en"], standalone_mode=False)

    assert (0, "no problems found") == (ran.return_value, ran.output.splitlines()[-1])


FAULTS = {
    "seed_dependent": (
        SUITE, MEAN, f"if x[0] > 0:\n        {MEAN}",
        ["the template as it is gets points: 2", "solutions/wrong_both@1.py gets 3 of 6 points instead of 1; seeds: ", "the case mean.mean depends on the seed; for solutions/wrong_both@1.py: "],
    ),
    "never_failed": (
        SUITE, 'check(error == "ValueError"', 'check(bool(error or 1)',
        ["the template as it is gets points: 1", "solutions/wrong_empty@5.py gets 6 of 6 points instead of 5", "no wrong solution fails the case mean.empty"],
    ),
    "without_a_test": (
        "rubric.toml", 'ru = "Среднее" }', 'ru = "Среднее" }\ncases = [{ id = "median", points = 1 }]',
        ["the rubric names mean.median, which is not a case of the suite"],
    ),
    "breaks_on_answers": (
        SUITE, MEAN, 'm = student.run("mean", x).value\n    check(bool(abs(m - x.mean()) < 1e-6) or 1 / len([m][1:]), "wrong")',
        [],
    ),
    "unnamed_solution": ("solutions/right.py", "", "", ["solutions/mine.py: call it right.py, or wrong_SOMETHING@POINTS.py"]),
    "package": ("assignment.toml", "[limits]", 'packages = ["no_such_package"]\n[limits]', ["the package no_such_package is not installed"]),
    "mistake": (SUITE, MEAN, "np.ones(2) @ np.ones(3)", [f"{SUITE.removeprefix('suite/')}::test_mean, line 11 broke: ValueError: matmul"]),
}  # fmt: skip


SLOW = ("seed_dependent", "never_failed", "unnamed_solution", "breaks_on_answers")


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [pytest.param(*fault, id=name, marks=pytest.mark.soak if name in SLOW else ()) for name, fault in FAULTS.items()],
)
def test_what_it_finds(file: str, old: str, new: str, found: list[str], example: Path) -> None:
    """Each fault of a lab is said; an error over what the robot answers breaks nothing."""
    if old:
        changed(example, file, old, new)
    else:
        shutil.copy(example / file, example / "solutions" / "mine.py")

    said = problems(example, seeds=6 if "x[0] > 0" in new else 1)

    assert len(said) == len(found)
    assert all(any(item in problem for problem in said) for item in found)


@pytest.mark.wide
def test_a_suite_that_breaks_on_none(example: Path) -> None:
    """A test that raises for what was answered, by its own hand, is the lecturer's mistake; the robot finds it."""
    breaking = 'if student.run("mean", x).value is None:\n        raise AssertionError("None")'
    said = problems(changed(example, SUITE, MEAN, f"{breaking}\n    {MEAN}"))

    assert said == [
        "every call returns None: test_scaling.py::test_mean, line 12 broke: AssertionError: None: "
        "a case raises unmet(...) if the work is wrong"
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        pytest.param(SUITE, MEAN, "{}['key']", 1, id="broken"),
        pytest.param("rubric.toml", "is_gate = true", "is_gate = true\ncases = [{ id = 'a', points = 1 }]", 4, id="unread"),
        pytest.param(SUITE, 'check(error == "ValueError"', "check(bool(error or 1)", 1, marks=pytest.mark.soak, id="proof"),
    ],
)  # fmt: skip
def test_all_of_it_in_russian(file: str, old: str, new: str, code: int, example: Path) -> None:
    """No English is left in what a check says but names, code, and what Python says."""
    changed(example, file, old, new)
    ran = CliRunner().invoke(command, ["check", str(example), "--seeds", "2", "--lang", "ru"], standalone_mode=False)

    said = [line for line in ran.output.splitlines() if not line.startswith("--- ")]
    assert ran.return_value == code
    assert said
    assert [line for line in said if not re.search("[а-яё]", line) or re.search("[a-z]{2,} [a-z]{2,}", line)] == []


def test_no_lab_and_a_folder_in_use(tmp_path: Path) -> None:
    """A folder without a lab, and one that something stands in, are said with the documented code."""
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    check_ran, new_ran = (
        CliRunner().invoke(command, [name, str(tmp_path)], standalone_mode=False) for name in ("check", "new")
    )

    assert check_ran.return_value == 4
    assert "assignment.toml cannot be read" in check_ran.output
    assert new_ran.return_value == 2
    assert "is not an empty folder" in new_ran.output


@pytest.mark.parametrize(
    "name", [item if item == "regression" else pytest.param(item, marks=pytest.mark.soak) for item in LABS]
)
def test_the_labs_that_ship(name: str) -> None:
    """Each grades its solutions as they should be, in forty lines and two languages."""
    lab = ROOT / "docs" / "labs" / name
    if name == "cleaning":
        pytest.importorskip("pandas", reason="pandas is not installed")
    (suite,) = (lab / "suite").glob("test_*.py")
    text = suite.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    assert text.count("@case(") == text.count(", en=") == text.count(", ru=")
    assert problems(lab, seeds=1 if name == "regression" else 20) == []


def test_the_example_is_no_part_of_an_autograder() -> None:
    """It has both languages, and its solutions stay here."""
    from grader.commands.packing import own_files

    assert (EXAMPLE / "solutions" / "right.py").is_file()
    assert [name for name, _ in own_files() if "example" in Path(name).parts] == []
