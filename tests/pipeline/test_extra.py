"""Extra credit: scored apart, hostile as any submission, and never the lab's business."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.core.limits import Limits
from grader.pipeline.budget import Budget
from grader.pipeline.grading import assignment, run_bonus
from grader.pipeline.grading import grade as grade_here
from grader.pipeline.runs import BonusRun, Context, StagedSubmission
from grader.renderers.text import render_text
from grader.sandbox.preload import EVERY
from grader.sandbox.processes import Process, Sandbox
from grader.sandbox.source import SourceFile
from tests.support.command import HASTY, PATIENT, ROOT, SUBMISSIONS, grade_class, graded_as_json, lab_with, warm_sandbox
from tests.support.command import graded as graded_here

NETWORK = ROOT / "reference" / "network.py"
LECTURE = ROOT / "reference" / "lecture.py"
STUBS = (ROOT / "student_template" / "lecture.py").read_text(encoding="utf-8")


UNTOUCHED = ("", "# later\n", STUBS.replace("\n", "\r\n"), b"\xff\xfe\x00")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a folder with the solved lab."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "network.py").write_bytes(NETWORK.read_bytes())
    return folder


def graded(folder: Path, text: str | bytes | None = None, limits: Limits = PATIENT) -> dict[str, Any]:
    """Return the report of a submission with this lecture.py."""
    if text is not None:
        (folder / "lecture.py").write_bytes(text.encode() if isinstance(text, str) else text)
    return graded_as_json(folder, seed=7, limits=limits)


def bonus(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the criteria apart from the score."""
    return [item for item in report["criteria"] if item["bonus"]]


@pytest.mark.parametrize("text", [None, STUBS, *(pytest.param(text, marks=pytest.mark.wide) for text in UNTOUCHED)])
def test_nothing_is_said_of_an_untouched_file(text: str | bytes | None, work: Path) -> None:
    """Without a written lecture.py the report is what it is without the file."""
    report = graded(work, text)

    assert (100, 0, []) == (report["score"], report["extra_score"], bonus(report))
    assert [] == report["findings"]


def test_a_statement_that_fails_costs_nothing(work: Path) -> None:
    """What stands beside it is judged."""
    lecture = (ROOT / "reference" / "lecture.py").read_text(encoding="utf-8")
    before, after = graded(work, lecture), graded(work, lecture + "raise RuntimeError('early')\nexit()\n")

    assert after["extra_score"] == before["extra_score"] > 0


def test_one_function_is_enough(work: Path) -> None:
    """Where anything is written, all of it is judged; an import or a name bound to numpy's function is writing."""
    first = graded(work, STUBS + "\n\nsoftmax = __import__('numpy').exp\n")
    second = graded(work, "from work import *\n")

    assert ["failed"] * 3 == [criterion["verdict"] for criterion in bonus(first)]
    assert (100, 100) == (first["score"], second["score"])
    assert len(bonus(second)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "def tanh(d:\n",
        "while True: pass\n",
        "import network\nnetwork.Neuron = None\n",
        "def tanh(d): return '\\ud800'\ndef softmax(d): return [[1], [1, 2]]\n",
        *(
            pytest.param(text, marks=pytest.mark.wide)
            for text in (
                "raise RuntimeError\n",
                "import sys\nsys.exit(0)\n",
                "class Neuron: pass\n",
                "def __getattr__(name): return lambda *_: {}\n",
            )
        ),
    ],
)
def test_it_never_changes_the_score(text: str, work: Path) -> None:
    """However it fails, the lab has its points, and the extra none."""
    report = graded(work, text, HASTY)

    assert ("graded", 100, 0) == (report["status"], report["score"], report["extra_score"])
    assert len(bonus(report)) == 3


ODD = """
None () [] {} 'x' b'x' 10**400 1j float('nan') np.array([]) np.array(['a']) np.array([None,1],dtype=object)
[[1],[1,2]] [np.ones(2),np.ones(3)] (np.ones(3),np.ones(3)) (np.ones((3,2)),1.0) (np.full(3,np.nan),np.full(3,np.inf))
(None,)*4 np.ones(10**5) np.matrix([[1.,2.]]) np.ones(5)*1e308 iter([1]) (a[0],a[-1]) list(a) [np.ones(3)]*2 (0.5,np.ones((3,2)))
""".split()


@pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.wide) for first in (1, 2))])
def test_odd_results_are_only_wrong(first: int, work: Path) -> None:
    """Whatever the functions return, the suite judges it."""
    functions = assignment().bonus_file("lecture.py").functions
    returned = {name: ODD[(3 * number + first * 9) % len(ODD)] for number, name in enumerate(functions)}
    text = "\n".join(f"def {name}(*a): return {value}" for name, value in returned.items())

    report = graded(work, f"import numpy as np\n{text}\n")

    assert ("graded", 100, 0) == (report["status"], report["score"], report["extra_score"])


@pytest.mark.parametrize("text", ["import numpy, torch\n", "def tanh(d):\n    import keras\n    return d\n"])
def test_a_banned_import_costs_the_file_that_makes_it(text: str, work: Path) -> None:
    """Where the program does not import the file, the lab keeps its score, and the extra points are lost."""
    report = graded(work, LECTURE.read_text(encoding="utf-8") + text)

    assert ("graded", 100, 0) == (report["status"], report["score"], report["extra_score"])
    assert ["passed"] == [item["verdict"] for item in report["criteria"] if item["id"] == "imports"]
    assert {"lecture.py"} == {finding["file"] for finding in report["findings"]}
    assert 8 <= sum(item["points_without_gate"] for item in bonus(report))


def test_a_banned_import_that_the_program_reaches_costs_all(work: Path) -> None:
    """What the program imports belongs to it, and so does what the file for extra points has of the program."""
    source = NETWORK.read_text(encoding="utf-8")
    (work / "network.py").write_text(source + "\nimport lecture\n", encoding="utf-8")
    through = graded(work, LECTURE.read_text(encoding="utf-8") + "import torch\n")
    (work / "network.py").write_text(source + "\nimport torch\n", encoding="utf-8")
    beside = graded(work, LECTURE.read_text(encoding="utf-8") + "import network\n")

    assert [(0, 0), (0, 0)] == [(item["score"], item["extra_score"]) for item in (through, beside)]
    assert [["lecture.py"], ["network.py"]] == [
        [finding["file"] for finding in item["findings"]] for item in (through, beside)
    ]


def test_what_it_asks_for_while_it_runs(work: Path) -> None:
    """A banned package asked for in ways that no text shows is found where it was asked for."""
    report = graded(work, "tanh = __import__(''.join(map(chr, [116, 111, 114, 99, 104]))).tanh\n")

    assert (100, 0) == (report["score"], report["extra_score"])
    assert ["lecture.py"] == [finding["file"] for finding in report["findings"]]


@pytest.mark.wide
def test_it_is_never_taken_for_the_lab(work: Path) -> None:
    """A network under other names is graded as it is without a lecture.py; one that is called lecture.py, too."""
    text = NETWORK.read_text(encoding="utf-8").replace("class Model", "class Net").replace("Model", "Net")
    (work / "network.py").write_text(text, encoding="utf-8")
    alone = graded(work)
    both = graded(work, LECTURE.read_bytes())
    (work / "network.py").rename(work / "lecture.py")
    (work / "helpers.py").write_text("x = 1\n", encoding="utf-8")
    (work / "lecture.py").write_bytes(NETWORK.read_bytes())

    assert (alone["score"], alone["submission"]["route"]) == (both["score"], both["submission"]["route"])
    assert 10 == both["extra_score"]
    assert (100, []) == ((swapped := graded(work))["score"], bonus(swapped))


class Counting(Sandbox):
    """A sandbox that counts the processes that it starts."""

    started = 0

    def __enter__(self) -> Counting:
        return self

    def start(self) -> Process:
        """Start a process, and count it."""
        self.started += 1
        return super().start()


@pytest.mark.wide
def test_a_worker_of_its_own_only_where_it_is_written(work: Path) -> None:
    """Without a written lecture.py one process reads and runs the submission, as without any extra."""
    started = []
    with Counting(modules=EVERY) as sandbox:
        for text in (None, STUBS, LECTURE.read_text(encoding="utf-8")):
            if text is not None:
                (work / "lecture.py").write_text(text, encoding="utf-8")
            before = sandbox.started
            report = grade_here(work, lab_with(PATIENT), seed=7, sandbox=sandbox)
            started.append((report.score, sandbox.started - before))

    assert [(100, 1), (100, 1), (100, 2)] == started


@pytest.mark.wide
def test_it_has_the_time_that_the_lab_leaves() -> None:
    """However many functions hang, they hang for one second together where the lab used all but one."""
    hanging = STUBS.replace("raise NotImplementedError", "while True: pass")
    part = StagedSubmission(name="work", main=SourceFile(name="lecture.py", text=hanging), sha256="")

    left_s = PATIENT.total_time_s - 1
    bonus = run_bonus(part, warm_sandbox(), left_s, Context(assignment=lab_with(PATIENT), seed=7, budget=Budget()))

    assert isinstance(bonus, BonusRun)
    said = [outcome.feedback.text for outcome in bonus.run.outcomes if outcome.feedback]
    assert 1 <= sum("did not finish within" in text for text in said) <= 4
    assert any(text.startswith("The time limit of 1 s ran out before ") for text in said)


def test_archive(work: Path, tmp_path: Path) -> None:
    """Both files in an archive, in a folder of their own; a single file has no extra."""
    with zipfile.ZipFile(tmp_path / "work.zip", "w") as archive:
        archive.write(NETWORK, "ivanov/network.py")
        archive.write(LECTURE, "ivanov/lecture.py")

    packed, single = graded(tmp_path / "work.zip"), graded(NETWORK)

    assert (100, 10) == (packed["score"], packed["extra_score"])
    assert (100, 0, []) == (single["score"], single["extra_score"], bonus(single))


def test_report_in_russian(work: Path) -> None:
    """Titles and sentences of the extra are translated, the score stands last."""
    (work / "lecture.py").write_bytes((SUBMISSIONS / "extra_partly" / "lecture.py").read_bytes())
    shown = render_text(graded_here(work, seed=7, lang="ru"))

    assert "Дополнительно" in shown.splitlines()
    assert "momentum_step идёт вверх" in shown
    assert ["Дополнительные баллы: 5 из 10, в основной балл не входят", "Баллы: 100 из 100"] == shown.splitlines()[-2:]


@pytest.mark.wide
def test_class(tmp_path: Path) -> None:
    """grade-class has the extra in a column of its own; who handed in none has an empty cell."""
    submissions = tmp_path / "class"
    for name in ("partly", "hostile"):
        (submissions / name).mkdir(parents=True)
        for file in ("network.py", "lecture.py"):
            (submissions / name / file).write_bytes((SUBMISSIONS / f"extra_{name}" / file).read_bytes())
    (submissions / "none.py").write_bytes(NETWORK.read_bytes())

    ran = grade_class(submissions, "--out", "out", "--seed", "7", "--report", "html", cwd=tmp_path)

    rows = list(csv.DictReader((tmp_path / "out" / "gradebook.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert 0 == ran.code
    assert {"none": ("100", ""), "partly": ("100", "5"), "hostile": ("100", "0")} == {
        row["student"]: (row["score"], row["extra_score"]) for row in rows
    }
    numbers = json.loads((tmp_path / "out" / "class.json").read_text(encoding="utf-8"))
    assert {"submissions": 2, "mean": 2.5, "max_score": 10} == numbers["extra"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'data-sort="number">Extra</th>' in page
    student = (tmp_path / "out" / "reports" / "partly-folder.html").read_text(encoding="utf-8")
    assert "not part of the score" in student
    assert "softmax returned a number that is not finite." in student
    assert "momentum_step goes uphill" in (tmp_path / "out" / "cases.csv").read_text(encoding="utf-8")
