"""Another lab, as data: tests/support/gates is graded by the harness as it is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from grader.classroom.warm import GradingRequest, Task, Warm
from grader.core.errors import BrokenGrader
from grader.core.limits import Limits
from grader.core.report import Status
from grader.pipeline.assignment import files_of
from grader.pipeline.grading import assignment
from grader.pipeline.grading import grade as grade_here
from grader.pipeline.runs import RawSubmission
from grader.pipeline.staging import collect
from grader.renderers.json import render_json
from grader.renderers.scores import most_extra
from tests.support.command import HASTY, PATIENT, ROOT, Ran, grade, grade_class, lab_with, run, warm_sandbox

LAB = ROOT / "tests" / "support" / "gates"
PAGE = (ROOT / "docs" / "assignments.md").read_text(encoding="utf-8")
RIGHT = """
import numpy as np


class Neuron:
    def __init__(self, n_inputs, learning_rate=0.5):
        self.weights = np.random.uniform(-1, 1, n_inputs)
        self.bias = np.random.uniform(-1, 1)
        self.rate = learning_rate

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-(self.weights @ np.asarray(x) + self.bias)))
        return self.y

    def backward(self, x, err):
        delta = self.rate * err * self.y * (1 - self.y)
        self.weights = self.weights + delta * np.asarray(x)
        self.bias += delta
"""

CRITERION = '@pytest.mark.criterion("forward")\n'
DRAWS = 'rng = student.rng("value")'
Write = Callable[..., Path]


def grade_lab(submission: Path, cwd: Path, lab: Path = LAB, *more: str) -> Ran:
    return grade(submission, "--assignment", lab, "--seed", "7", *more, cwd=cwd)


def graded(submission: Path, lab: Path = LAB, limits: Limits = PATIENT) -> dict[str, Any]:
    """Grade a submission of a lab in this process; the report as its JSON file has it."""
    report = grade_here(submission, lab_with(limits, lab), seed=7, sandbox=warm_sandbox())
    found: dict[str, Any] = json.loads(render_json(report))
    return found


def refusal(submission: Path, lab: Path) -> str:
    """Return the sentence by which a lab that is broken ends a grade."""
    try:
        report = graded(submission, lab)
    except BrokenGrader as error:
        return error.told("en")
    assert ("grader_error", None) == (report["status"], report["score"])
    sentence: str = report["reason"]["text"]
    return sentence


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {
        criterion["id"]: criterion["verdict"] for criterion in report["criteria"] if criterion["verdict"] != "passed"
    }


@pytest.mark.parametrize(
    ("old", "new", "score", "lost"),
    [
        ("", "", 10, {}),
        ("delta = self.rate * err", "delta = -self.rate * err", 10, {}),  # an error with the other sign
        (" * (1 - self.y)", "", 4, {"step": "failed", "gates": "blocked"}),
        ("+ self.bias)", ")", 0, {"forward": "failed", "step": "failed", "gates": "blocked"}),
        pytest.param("return self.y", "while True: pass", 0, {"forward": "timeout", "step": "timeout", "gates": "blocked"}, marks=pytest.mark.wide),
        ("import numpy as np", "import numpy as np\nimport sklearn.metrics", 0, {"imports": "failed"}),
    ],
    ids=["right", "other_sign", "no_derivative", "no_bias", "hangs", "banned"],
)  # fmt: skip
def test_submission(old: str, new: str, score: int, lost: dict[str, str], write: Write) -> None:
    """A submission of another lab has the points of that lab's rubric, and feedback of its suite."""
    report = graded(write(RIGHT.replace(old, new), "neuron.py"), limits=HASTY if old == "return self.y" else PATIENT)

    assert ("graded", score, 10) == (report["status"], report["score"], report["max_score"])
    assert lost == verdicts(report)
    assert "One neuron: AND and OR" == report["assignment"]
    hints = [case["hint"]["text"] for item in report["criteria"] for case in item["cases"] if case["hint"]]
    assert any(hint.startswith("Multiply the error by y (1 - y)") for hint in hints) == (lost.get("step") == "failed")


def test_the_template_has_no_points(tmp_path: Path) -> None:
    """--new copies the lab's own template; as it is, it has 0."""
    made = grade("--new", "work", "--assignment", LAB, cwd=tmp_path)
    ran = grade_lab(tmp_path / "work", tmp_path)

    assert (0, "work/neuron.py") == (made.code, made.out.splitlines()[0])
    assert (0, 0) == (ran.code, ran.report["score"])
    assert "Neuron is not written yet (neuron.py, line 9)." in ran.out


def test_the_file_is_found_by_the_lab_s_classes(tmp_path: Path) -> None:
    """Of several files the one that defines the lab's classes is graded; sentences name the lab's file."""
    (tmp_path / "a").mkdir()
    ran = grade_lab(tmp_path / "a", tmp_path)
    assert (3, True) == (ran.code, "a has no Python file: put your neuron.py into it." in ran.out)

    (tmp_path / "a" / "mine.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "a" / "notes.py").write_text("x = 1\n", encoding="utf-8")
    assert 10 == graded(tmp_path / "a")["score"]


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Return a copy of the lab, to be changed."""
    return shutil.copytree(LAB, tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("rubric.toml", None, None, "rubric.toml cannot be read: No such file or directory."),
        ("assignment.toml", None, None, "assignment.toml cannot be read: No such file or directory."),
        (
            "suite/test_neuron.py",
            None,
            None,
            "The assignment lab has no suite: put test_*.py files into its suite folder.",
        ),
        ("assignment.toml", 'title = "', "title = ", "assignment.toml is not valid: "),
        ("assignment.toml", 'title = "One neuron: AND and OR"\n', "", "missing required field `title`"),
        ("assignment.toml", "file =", "fill =", "Object contains unknown field `fill`."),
        ("assignment.toml", "[limits]", "rubric = 1\n[limits]", "Object contains unknown field `rubric`."),
        (
            "assignment.toml",
            "call_time_s",
            "calls_time_s",
            "Object contains unknown field `calls_time_s` - at `$.limits`.",
        ),
        (
            "assignment.toml",
            "call_time_s = 3",
            "call_time_s = -1",
            "limits.call_time_s is -1.0; a limit must be positive and finite.",
        ),
        ("assignment.toml", '["Neuron"]', '["a b"]', "'a b' is not a valid name of a class or function."),
        ("assignment.toml", '"neuron.py"', '"../neuron"', "which is not a valid name of a Python file."),
        ("rubric.toml", "points = 4\ncases", "points = 5\ncases", "the cases of forward sum to 4 points, not to 5."),
        ("rubric.toml", "points = 4\ncases", "points = -4\ncases", "forward has negative points."),
        ("rubric.toml", "points = 0\n", "points = 1\n", "imports is a gate, and a gate has neither points nor cases."),
        ("rubric.toml", "[imports]", "#" * 2**18 + "\n[imports]", "rubric.toml is larger than 256 KiB."),
        ("rubric.toml", "step.gradient", "step.gradients", "requires step.gradients, which is not an earlier case."),
        (
            "rubric.toml",
            '"value"',
            '"values"',
            "the rubric names forward.values, which is not a case of the suite (not in the rubric: forward.value).",
        ),
        (
            "suite/test_neuron.py",
            "import numpy as np",
            "import numpyy as np",
            "line 3: it cannot be collected: ModuleNotFoundError: No module named 'numpyy'.",
        ),
        ("suite/test_neuron.py", "def test_value(", "def test_value((", "it cannot be collected: SyntaxError: "),
        ("suite/test_neuron.py", CRITERION, "", 'line 39: test_value has no mark @case("criterion")'),
        (
            "suite/test_neuron.py",
            DRAWS,
            "return unmet('never raised')",
            "a case must return nothing, and raise unmet(...)",
        ),
        ("suite/test_neuron.py", DRAWS, "1 / 0", "test_value, line 42 broke: ZeroDivisionError: division by zero."),
        (
            "suite/test_neuron.py",
            DRAWS,
            "pytest.skip('later')",
            "test_value skips: a case passes, or raises unmet(...).",
        ),
        (
            "suite/test_neuron.py",
            "def test_value(",
            "def test_value(other, ",
            "test_value broke: fixture 'other' not found.",
        ),
    ],
)
def test_a_broken_assignment(
    file: str, old: str | None, new: str | None, sentence: str, lab: Path, write: Write
) -> None:
    """What is wrong with a lab's folder is said in a sentence, and there is no score."""
    path = lab / file
    if old is None or new is None:
        path.unlink()
    else:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    said = refusal(write(RIGHT, "neuron.py"), lab)

    assert sentence in said
    assert "\n" not in said
    assert "cannot be collected" not in said or "is not a case" not in said


def test_a_suite_that_breaks_by_the_command(lab: Path, write: Write, tmp_path: Path) -> None:
    """The command says why with exit code 4 and no score: here a case asserts where it should raise unmet(...)."""
    suite = lab / "suite" / "test_neuron.py"
    suite.write_text(suite.read_text(encoding="utf-8").replace(DRAWS, "assert 1 == 2"), encoding="utf-8")

    ran = grade_lab(write(RIGHT, "neuron.py"), tmp_path, lab)

    assert (4, "", None) == (ran.code, ran.err, ran.report["score"])
    assert "line 42 broke: AssertionError: a case raises unmet(...)" in ran.out


@pytest.mark.soak
def test_a_suite_that_never_ends(lab: Path, write: Write, tmp_path: Path) -> None:
    """One that waits is broken, and the other cases are judged."""
    suite = lab / "suite" / "test_neuron.py"
    waiting = "import time; time.sleep(600)"
    suite.write_text(suite.read_text(encoding="utf-8").replace(DRAWS, waiting), encoding="utf-8")

    ran = grade_lab(write(RIGHT, "neuron.py"), tmp_path, lab, "--time-limit", "8")

    assert ran.code == 4
    assert "test_value, line 42 broke: TimeoutError: the suite took more than 30 s beside the submission" in ran.out
    assert list(verdicts(ran.report)) == ["forward"]


def test_a_case_that_stands_twice(lab: Path, write: Write) -> None:
    """Neither of the two is taken: the suite is broken."""
    shutil.copy(lab / "suite" / "test_neuron.py", lab / "suite" / "test_other.py")

    assert "the suite has the case forward.value twice; " in refusal(write(RIGHT, "neuron.py"), lab)


def test_what_a_suite_catches(lab: Path, write: Write) -> None:
    """`except Exception` around a call of the student's code does not make a failure a pass."""
    suite = lab / "suite" / "test_neuron.py"
    call = "    actual = np.array([neuron.forward(row).number() for row in x])\n"
    text = suite.read_text(encoding="utf-8")
    assert call in text
    caught = f"    try:\n    {call}    except Exception:\n        return\n"
    suite.write_text(text.replace(call, caught), encoding="utf-8")
    raises = RIGHT.replace("        self.y = ", "        raise ValueError\n        self.y = ")

    report = graded(write(raises, "neuron.py"), lab)

    assert ("graded", 0) == (report["status"], report["score"])


BONUS = """
[[criteria]]
id = "more"
title = "Area"
points = 1
bonus = true
file = "area.py"
cases = [{ id = "square", points = 1 }]
"""
AREA = """
import pytest

from grader.lab import unmet

@pytest.mark.criterion("more")
def test_square(student):
    \"""The area of a square.\"""
    if student.run("area", 2.0).number() != 4:
        raise unmet("The area of a square is its side times its side.")
"""


def with_bonus(lab: Path, *changes: tuple[str, str], about: str = "") -> Path:
    """Give a lab a bonus criterion, with changes to its text, and a suite for it."""
    rules = BONUS
    for old, new in changes:
        assert old in rules
        rules = rules.replace(old, new)
    for path, text in (("rubric.toml", rules), ("assignment.toml", about), ("suite/test_area.py", AREA)):
        with (lab / path).open("a", encoding="utf-8") as file:
            file.write(text)
    return lab


@pytest.mark.parametrize(
    ("change", "about", "sentence"),
    [
        (('"area.py"', '"neuron.py"'), "", "a bonus criterion is graded from neuron.py, which is the lab's own file."),
        (('file = "area.py"\n', ""), "", "more needs both bonus and file or neither"),
        (("bonus = true\n", ""), "", "more needs both bonus and file or neither"),
        (("title", "titel"), "", "Object contains unknown field `titel` - at `$.criteria[4]`."),
        (("points = 1 }", 'points = 1, requires = ["step.gradient"] }'), "", "more.square requires step.gradient, which is not"),
        (("square", "circle"), "", "the rubric names more.circle, which is not a case of the suite (not in the rubric: more.square)."),
        (("", ""), '[[bonus]]\nfile = "other.py"\n', "no bonus criterion is graded from other.py."),
        (("", ""), '[[bonus]]\nfile = "area.py"\n[bonus.limits]\ncalls = 1\n', "unknown field `calls` - at `$.bonus[0].limits`."),
        (("", ""), '[[bonus]]\nfile = "area.py"\n[bonus.limits]\ncall_time_s = 0\n', "limits.call_time_s is 0.0; a limit must be positive and finite."),
    ],
)  # fmt: skip
def test_what_a_bonus_cannot_be(
    change: tuple[str, str], about: str, sentence: str, lab: Path, write: Write, tmp_path: Path
) -> None:
    """What would be passed over is refused in a sentence, whether or not the file is handed in."""
    ran = grade_lab(write(RIGHT, "neuron.py"), tmp_path, with_bonus(lab, change, about=about))

    assert (4, None) == (ran.code, ran.report.get("score"))
    assert sentence in ran.out + ran.err


@pytest.mark.wide
def test_a_bonus_is_judged_in_the_same_suite(lab: Path) -> None:
    """Its case runs against the program of its own file, in the session that judges the lab, and counts apart."""
    task = Task(lab=assignment(with_bonus(lab)))
    area = "def area(x): return x * x"
    with closing(Warm(task)) as warm:
        reports = [warm.grade(request(RIGHT, **files)) for files in ({"area.py": area}, {}, {"area.py": f"{area} + 1"})]

    assert [(report.score, report.max_score, report.extra_score, most_extra(report)) for report in reports] == [
        (10, 10, 1, 1), (10, 10, 0, 0), (10, 10, 0, 1),
    ]  # fmt: skip


def test_a_bonus_collects_only_the_test_files_with_its_cases(lab: Path, tmp_path: Path) -> None:
    """The lab's other test file is collected once: its cases have been judged before."""
    with_bonus(lab)
    collected = tmp_path / "collected"
    hook = f"def pytest_itemcollected(item):\n    with open({str(collected)!r}, 'a') as file:\n        print(item.path.name, file=file)\n"
    with (lab / "suite" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(hook)
    work = tmp_path / "work"
    work.mkdir()
    (work / "neuron.py").write_text(RIGHT, encoding="utf-8")
    (work / "area.py").write_text("def area(x): return x * x", encoding="utf-8")

    report = graded(work, lab)

    assert (10, 1) == (report["score"], report["extra_score"])
    first, *others, last = collected.read_text(encoding="utf-8").split()
    assert ("test_area.py", {"test_neuron.py"}, "test_area.py") == (first, {*others}, last)


def test_no_folder(write: Write, tmp_path: Path) -> None:
    """A folder that is not there is named."""
    ran = grade_lab(write(RIGHT, "neuron.py"), tmp_path, tmp_path / "nowhere")

    assert (2, "grade: nowhere is not the folder of an assignment.\n") == (ran.code, ran.err)


@pytest.mark.wide
def test_a_class(lab: Path, tmp_path: Path) -> None:
    """grade-class grades another lab, and grades again where its suite has changed, not where its place or template has."""
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    (submissions / "right.py").write_text(RIGHT, encoding="utf-8")
    (submissions / "wrong.py").write_text(RIGHT.replace(" * (1 - self.y)", ""), encoding="utf-8")
    (submissions / "empty.py").write_bytes((LAB / "template" / "neuron.py").read_bytes())

    def graded_now(lab: Path) -> int:
        ran = grade_class(submissions, "--out", "out", "--assignment", lab, "--jobs", "1", cwd=tmp_path)
        assert (0, "") == (ran.code, ran.err)
        return int(re.findall(r"\((\d+) graded now\)", ran.out)[0])

    first, again = graded_now(lab), graded_now(lab)
    (lab / "template" / "neuron.py").unlink()
    moved = graded_now(lab.rename(tmp_path / "moved"))
    suite = tmp_path / "moved" / "suite" / "test_neuron.py"
    suite.write_text(
        suite.read_text(encoding="utf-8").replace("EPOCHS, RATE = 60", "EPOCHS, RATE = 61"), encoding="utf-8"
    )
    changed = graded_now(tmp_path / "moved")

    assert (first, again, moved, changed) == (3, 0, 0, 3)
    numbers = json.loads((tmp_path / "out" / "class.json").read_text(encoding="utf-8"))
    assert ("One neuron: AND and OR", 10, 10) == (
        numbers["assignment"],
        numbers["max_score"],
        numbers["scores"]["most"],
    )
    assert "One neuron: AND and OR" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.wide
def test_a_class_with_a_broken_suite(lab: Path, tmp_path: Path) -> None:
    """The command says why, once for all submissions."""
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    for name in ("one", "two"):
        (submissions / f"{name}.py").write_text(RIGHT, encoding="utf-8")
    suite = lab / "suite" / "test_neuron.py"
    suite.write_text(suite.read_text(encoding="utf-8").replace(DRAWS, "1 / 0"), encoding="utf-8")

    ran = grade_class(submissions, "--out", "out", "--assignment", lab, "--jobs", "1", cwd=tmp_path)

    assert ran.code == 4
    assert ran.out.count("test_value, line 42 broke: ZeroDivisionError: division by zero.") == 1


@pytest.mark.wide
def test_what_a_suite_keeps_is_of_one_submission(lab: Path) -> None:
    """A suite that remembers what it measured is read anew for the next submission."""
    suite = lab / "suite" / "test_neuron.py"
    text = suite.read_text(encoding="utf-8").replace("def measured_rate(", "@functools.cache\ndef kept_rate(")
    once = "KEPT = {}\n\n\ndef measured_rate(student):\n    return KEPT.setdefault('rate', kept_rate(student))\n\n\n"
    suite.write_text(
        "import functools\n" + text.replace("@functools.cache", once + "@functools.cache"), encoding="utf-8"
    )
    slow = RIGHT.replace("learning_rate=0.5", "learning_rate=0.1")
    with closing(Warm(Task(lab=assignment(lab)))) as warm:
        scores = [warm.grade(request(text)).score for text in (RIGHT, slow, RIGHT)]

    assert scores == [10, 10, 10]


def request(neuron: str, **others: str) -> GradingRequest:
    """Return a submission with this neuron.py."""
    files = {"neuron.py": neuron, **others}
    return GradingRequest(
        name="x",
        seed=7,
        raw=RawSubmission(name="x", files={name: text.encode() for name, text in files.items()}, sha256=""),
    )


def test_what_belongs_to_a_lab(lab: Path, tmp_path: Path) -> None:
    """Its suite counts behind a link, too; a solution, a template or anything else in the folder does not."""
    plain = assignment(lab)
    for name in ("solution", "reference", ".git"):
        (lab / name).mkdir()
        (lab / name / "neuron.py").write_text(RIGHT, encoding="utf-8")
    beside = assignment(lab)
    (lab / "suite").rename(tmp_path / "elsewhere")
    (lab / "suite").symlink_to(tmp_path / "elsewhere")
    linked = assignment(lab)
    (lab / "suite" / "notes.txt").write_text("more", encoding="utf-8")
    changed = assignment(lab)

    assert plain.sha256 == beside.sha256 == linked.sha256 != changed.sha256
    assert {name for name, _ in files_of(lab)} == {
        "assignment.toml",
        "rubric.toml",
        "suite/test_neuron.py",
        "suite/notes.txt",
    }


@pytest.mark.parametrize("name", [b"\xff.py", b"a\nb.py"])
def test_a_name_that_is_no_text(name: bytes, lab: Path, tmp_path: Path) -> None:
    """It is refused in one sentence."""
    Path(os.fsdecode(os.fsencode(lab / "suite") + b"/" + name)).touch()

    (tmp_path / "neuron.py").write_text(RIGHT, encoding="utf-8")

    ran = grade_lab(tmp_path / "neuron.py", tmp_path, lab)

    assert ran.code == 4
    assert re.fullmatch(r"grade: lab is not valid: .* is not a valid name\.\n", ran.err)


def test_another_content_on_another_machine() -> None:
    """A warm process grades nothing by a folder that has not the content it was sent for."""
    task = Task(lab=replace(assignment(LAB), sha256="0" * 64))
    with closing(Warm(task)) as warm:
        report = warm.grade(GradingRequest(name="a", seed=7, raw=collect(LAB / "template" / "neuron.py")))

    assert report.status is Status.GRADER_ERROR
    assert report.reason is not None
    assert "the assignment gates is another one on this machine" in report.reason.text


@pytest.mark.wide
def test_the_page_is_followed(tmp_path: Path) -> None:
    """The files of docs/assignments.md make the lab that its commands then check, copy and grade, with what it shows."""
    for name, text in re.findall(r"^`(\S+)`\n\n```\w+\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE):
        path = tmp_path / "lab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    transcripts = re.findall(r"^```console\n(.*?)```$", PAGE, re.DOTALL | re.MULTILINE)
    steps = [step.partition("\n") for text in transcripts for step in text.split("$ ")[1:]]

    assert len(steps) == 6
    for line, _, expected in steps:
        command, *words = line.split()
        if command == "rm":
            (tmp_path / words[0]).unlink()
            continue
        run_main = f"from grader.commands.{command.replace('-', '_')} import main; main()"
        ran = run([sys.executable, "-c", run_main, *words], cwd=tmp_path)
        assert re.fullmatch(
            re.escape(expected).replace(
                r"\.\.\.\
",
                "(?:.*\n)*",
            ),
            ran.out,
        ), (line, ran)


def test_the_page_names_what_there_is() -> None:
    """Options, limits and fixtures that docs/assignments.md names exist."""
    from grader.core.limits import Limits
    from grader.pipeline.breakage import FIXTURES

    table = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert set(Limits.__struct_fields__) | {*FIXTURES} <= set(table)
